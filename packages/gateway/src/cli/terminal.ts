/** A terminal, or a file or pipe in its place: lines in, text and notices out. */
import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';

export interface TerminalStreams {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/** All control characters but newline and tab: an agent could steer the terminal with the others. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
const PROMPT = '> ';
/** Where the width is not known. */
const COLUMNS = 80;
const UP = '\x1b[A';
/** To the start of the row, and nothing from there on. */
const CLEAR = '\r\x1b[J';

type Output = NodeJS.WritableStream & { readonly columns?: number };

/** What readline draws on. */
class Canvas extends Writable {
  isMuted = false;
  readonly #output: Output;
  readonly #resized = () => void this.emit('resize');

  constructor(output: Output) {
    super({ decodeStrings: false });
    this.#output = output;
    output.on('resize', this.#resized);
  }

  get columns(): number | undefined {
    return this.#output.columns;
  }

  override _write(text: string, _encoding: string, done: () => void): void {
    if (!this.isMuted) this.#output.write(text);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#output.off('resize', this.#resized);
    done(error);
  }
}

/**
 * With a person in front of it the prompt stays in the last row, with what is being typed; text goes
 * above it, also while it comes in pieces: the row that is not full yet is written anew each time.
 */
export class Terminal {
  /** A person sits there: there is a prompt, there are colours, Ctrl-C is a key. */
  readonly interactive: boolean;
  readonly #output: Output;
  readonly #canvas: Canvas;
  readonly #readline: Interface;
  readonly #lines: AsyncIterator<string>;
  /** The row that text goes on in; where the prompt is shown, the one above it. */
  #row = '';
  #isPrompting = false;
  /** What was being typed when something else was asked. */
  #draft: string | undefined;

  constructor({ input, output }: TerminalStreams, onInterrupt: () => void) {
    this.#output = output;
    this.#canvas = new Canvas(output);
    // A terminal without a cursor that can be moved is a printer.
    this.interactive = isTty(input) && isTty(output) && process.env.TERM !== 'dumb';
    this.#readline = createInterface({
      input,
      ...(this.interactive ? { output: this.#canvas } : {}),
      terminal: this.interactive,
      prompt: PROMPT,
    });
    this.#readline.on('SIGINT', onInterrupt);
    this.#readline.on('line', () => this.#entered());
    // From the start on, so that no line of a pipe is missed while the connection is made.
    this.#lines = this.#readline[Symbol.asyncIterator]();
  }

  /** From now on there is a prompt, until `dismissPrompt`. */
  prompt(): void {
    if (!this.#isPrompting) this.#show();
  }

  /** The next line; `undefined` at the end, which Ctrl-D and `close` are as well. */
  async line(): Promise<string | undefined> {
    const { value, done } = await this.#lines.next();
    return done ? undefined : value;
  }

  /** What the next line answers; what is being typed is put aside until `ask` is called without. */
  ask(question?: string): void {
    if (!this.#isPrompting) return;
    const isAsking = this.#draft !== undefined;
    if (question !== undefined && !isAsking) this.#draft = this.#takeTyped();
    this.#output.write(this.#hide() + this.#row);
    this.#readline.setPrompt(question ?? PROMPT);
    this.#show();
    if (question !== undefined || !isAsking) return;
    this.#readline.write(this.#draft ?? '');
    this.#draft = undefined;
  }

  /** Text as it comes, also in pieces. */
  write(text: string): void {
    const clean = text.replace(CONTROL, '');
    if (clean === '') return;
    if (!this.interactive) {
      this.#output.write(clean);
      this.#row = clean.endsWith('\n') ? '' : clean;
      return;
    }
    const wasPrompting = this.#isPrompting;
    const before = wasPrompting ? this.#hide() : CLEAR;
    const rows = wrap(this.#row + clean.replaceAll('\t', '    '), this.#output.columns ?? COLUMNS);
    this.#row = rows.at(-1) ?? '';
    this.#output.write(before + rows.join('\n'));
    if (wasPrompting) this.#show();
  }

  /** A line of its own, or several. */
  say(text: string): void {
    this.#put(text.replace(CONTROL, ''));
  }

  /** A line of its own, set apart. */
  notice(text: string): void {
    const clean = text.replace(CONTROL, '').replaceAll('\n', ' ');
    this.#put(this.interactive ? `\x1b[2m${clean}\x1b[22m` : clean);
  }

  /** Nothing is going to be typed any more. */
  dismissPrompt(): void {
    if (!this.#isPrompting) return;
    this.#output.write(this.#hide() + this.#row);
  }

  close(): void {
    this.dismissPrompt();
    if (this.#row !== '') this.#output.write('\n');
    this.#row = '';
    this.#readline.close();
    this.#canvas.destroy();
  }

  #put(text: string): void {
    const wasPrompting = this.#isPrompting;
    const before = wasPrompting ? this.#hide() + this.#row : '';
    this.#output.write(`${before}${this.#row === '' ? '' : '\n'}${text}\n`);
    this.#row = '';
    if (wasPrompting) this.#show();
  }

  /** What was typed stands above now, and text goes on below it. */
  #entered(): void {
    if (!this.#isPrompting) return;
    this.#row = '';
    this.#isPrompting = false;
    this.#show();
  }

  #show(): void {
    if (!this.interactive) return;
    this.#isPrompting = true;
    // Readline draws the prompt from as many rows above as the cursor was when it drew last, which is
    // not where it is now after a paste. Drawing it twice, unseen at first, makes the two the same.
    this.#canvas.isMuted = true;
    this.#readline.prompt(true);
    this.#canvas.isMuted = false;
    const { rows } = this.#readline.getCursorPos();
    this.#output.write((this.#row === '' ? '' : '\n') + '\n'.repeat(rows));
    this.#readline.prompt(true);
  }

  /** What takes the prompt away, and leaves the cursor where the row of the text begins. */
  #hide(): string {
    this.#isPrompting = false;
    const rows = this.#readline.getCursorPos().rows;
    return UP.repeat(rows) + CLEAR + (this.#row === '' ? '' : UP + CLEAR);
  }

  #takeTyped(): string {
    const { line } = this.#readline;
    this.#readline.write(null, { ctrl: true, name: 'e' });
    this.#readline.write(null, { ctrl: true, name: 'u' });
    return line;
  }
}

/** Rows of at most `columns` - 1, cut between words where there are some. */
function wrap(text: string, columns: number): string[] {
  const most = Math.max(10, columns - 1);
  return text.split('\n').flatMap((line) => {
    const rows: string[] = [];
    let rest = line;
    for (;;) {
      const fitting = fit(rest, most);
      if (fitting === rest.length) return [...rows, rest];
      const space = rest.lastIndexOf(' ', fitting);
      const end = space > 0 ? space : fitting;
      rows.push(rest.slice(0, end));
      rest = rest.slice(space > 0 ? end + 1 : end);
    }
  });
}

/**
 * How many code units of `text` fit into so many columns. Terminals differ in how wide they draw what
 * is not Latin, Greek, Cyrillic or the like; taken for wider than it is, it breaks early at the worst.
 */
function fit(text: string, columns: number): number {
  let width = 0;
  let length = 0;
  for (const character of text) {
    width += (character.codePointAt(0) ?? 0) < 0x1100 ? 1 : 2;
    if (width > columns) return length;
    length += character.length;
  }
  return length;
}

function isTty(stream: object): boolean {
  return 'isTTY' in stream && stream.isTTY === true;
}
