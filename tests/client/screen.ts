/** A terminal with a person in front of it, as far as `parley chat` uses one. */
import { PassThrough } from 'node:stream';

export class Screen {
  readonly columns: number;
  /** What is typed. */
  readonly input: PassThrough;
  /** What is written to it. */
  readonly output: PassThrough;
  readonly #rows: string[] = [''];
  #row = 0;
  #column = 0;
  #listeners = new Set<() => void>();

  constructor(columns = 80) {
    this.columns = columns;
    this.input = Object.assign(new PassThrough(), { isTTY: true });
    this.output = Object.assign(new PassThrough(), { isTTY: true, columns });
    this.output.setEncoding('utf8').on('data', (text: string) => {
      this.#draw(text);
      for (const listener of this.#listeners) listener();
    });
  }

  /** What is seen, without spaces at the ends of rows and empty rows at the end. */
  get text(): string {
    return this.#rows
      .map((row) => row.trimEnd())
      .join('\n')
      .trimEnd();
  }

  type(text: string): void {
    this.input.write(text);
  }

  enter(line: string): void {
    this.type(`${line}\r`);
  }

  press(key: 'Ctrl-C' | 'Ctrl-D'): void {
    this.type(key === 'Ctrl-C' ? '\x03' : '\x04');
  }

  /** Resolves as soon as this is seen, where `text` stands for all that is seen. */
  async until(expected: string | RegExp): Promise<void> {
    const isSeen = () =>
      typeof expected === 'string' ? this.text.includes(expected) : expected.test(this.text);
    while (!isSeen()) {
      await new Promise<void>((resolve) => {
        const listener = () => {
          this.#listeners.delete(listener);
          resolve();
        };
        this.#listeners.add(listener);
      });
    }
  }

  #draw(text: string): void {
    for (const [whole, count = '', action = ''] of text.matchAll(
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a terminal reads
      /\x1b\[(\d*)([A-HJKm])|[\s\S]/gu,
    )) {
      if (action !== '') this.#control(action, count);
      else if (whole === '\r') this.#column = 0;
      else if (whole === '\n') this.#move(this.#row + 1, 0);
      else this.#put(whole);
    }
  }

  #control(action: string, count: string): void {
    const row = this.#rows[this.#row] ?? '';
    const by = Number(count || 1);
    switch (action) {
      case 'A':
        this.#move(this.#row - by, this.#column);
        break;
      case 'B':
        this.#move(this.#row + by, this.#column);
        break;
      case 'C':
        this.#column += by;
        break;
      case 'D':
        this.#column = Math.max(0, this.#column - by);
        break;
      case 'G':
        this.#column = by - 1;
        break;
      case 'J':
        this.#rows.length = this.#row + 1;
        this.#rows[this.#row] = row.slice(0, this.#column);
        break;
      case 'K':
        this.#rows[this.#row] = row.slice(0, this.#column);
        break;
      case 'm':
        break;
      default:
        throw new Error(`The screen does not know CSI ${count}${action}.`);
    }
  }

  #move(row: number, column: number): void {
    this.#row = Math.max(0, row);
    this.#column = column;
    while (this.#rows.length <= this.#row) this.#rows.push('');
  }

  /** A full row goes on in the next one only when something more comes. */
  #put(character: string): void {
    if (this.#column >= this.columns) this.#move(this.#row + 1, 0);
    const row = (this.#rows[this.#row] ?? '').padEnd(this.#column);
    this.#rows[this.#row] =
      row.slice(0, this.#column) + character + row.slice(this.#column + character.length);
    this.#column += character.length;
  }
}
