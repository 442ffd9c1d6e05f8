/** A terminal, or a file or pipe in its place: lines in, text and notices out. */
import { createInterface, type Interface } from 'node:readline';

export interface TerminalStreams {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/** All control characters but newline and tab: an agent could steer the terminal with the others. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

export class Terminal {
  /** A person sits there: there is a prompt, there are colours, Ctrl-C is a key. */
  readonly interactive: boolean;
  readonly #output: NodeJS.WritableStream;
  readonly #readline: Interface;
  readonly #lines: AsyncIterator<string>;
  #atLineStart = true;
  #prompting = false;

  constructor({ input, output }: TerminalStreams, onInterrupt: () => void) {
    this.#output = output;
    this.interactive = isTty(input) && isTty(output);
    this.#readline = createInterface({
      input,
      ...(this.interactive ? { output } : {}),
      terminal: this.interactive,
      prompt: '> ',
    });
    this.#readline.on('SIGINT', onInterrupt);
    // From the start on, so that no line of a pipe is missed while the connection is made.
    this.#lines = this.#readline[Symbol.asyncIterator]();
  }

  /** The next line; `undefined` at the end, which Ctrl-D and `close` are as well. */
  async line(): Promise<string | undefined> {
    this.#breakLine();
    this.#prompting = this.interactive;
    if (this.interactive) this.#readline.prompt();
    const { value, done } = await this.#lines.next();
    this.#prompting = false;
    return done ? undefined : value;
  }

  /** Asks for one line, until `signal` aborts. */
  question(words: string, signal: AbortSignal, answer: (line: string) => void): void {
    this.#breakLine();
    this.#readline.question(words, { signal }, answer);
  }

  /** Text as it comes, also in pieces. */
  write(text: string): void {
    const clean = text.replace(CONTROL, '');
    if (clean === '') return;
    this.#output.write(clean);
    this.#atLineStart = clean.endsWith('\n');
  }

  /** A line of its own, set apart; what is being typed stays. */
  notice(text: string): void {
    if (this.#prompting) this.#output.write('\r\x1b[K');
    this.#breakLine();
    const clean = text.replace(CONTROL, '').replaceAll('\n', ' ');
    this.#output.write(this.interactive ? `\x1b[2m${clean}\x1b[22m\n` : `${clean}\n`);
    if (this.#prompting) this.#readline.prompt(true);
  }

  /** Nothing is going to be typed any more. */
  dismissPrompt(): void {
    if (this.#prompting) this.#output.write('\r\x1b[K');
    this.#prompting = false;
  }

  close(): void {
    this.dismissPrompt();
    this.#breakLine();
    this.#readline.close();
  }

  #breakLine(): void {
    if (!this.#atLineStart) this.#output.write('\n');
    this.#atLineStart = true;
  }
}

function isTty(stream: object): boolean {
  return 'isTTY' in stream && stream.isTTY === true;
}
