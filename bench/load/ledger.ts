/** What a connection has asked for and what has come of it: every byte that comes is held against it. */
interface Asked {
  /** Of its message; 0 where answers do not say what they answer. */
  readonly id: number;
  /** What has to come, byte by byte. */
  readonly text: Buffer;
}

const QUOTE = 0x22;
const ZERO = 0x30;

/** Answers come in the order in which they were asked for, whole and without anything else. */
export class Ledger {
  /** Ends of answers, first pieces of answers, and bytes of text. */
  answers = 0;
  begun = 0;
  text = 0;
  #asked: Asked[] = [];
  /** Of `#asked`, which is being answered, and how much of it is there. */
  #at = 0;
  #had = 0;
  /** Of those that were asked, how many were acknowledged. */
  #acknowledged = 0;
  #ids: number[] = [];

  /** `false`: everything that was asked for has come. */
  get isOwed(): boolean {
    return this.#at < this.#asked.length || this.#acknowledged < this.#ids.length;
  }

  ask(asked: Asked, isAcknowledged = false): void {
    // What was answered is dropped now and then, not each time.
    if (this.#at > 1_000) {
      this.#asked = this.#asked.slice(this.#at);
      this.#at = 0;
    }
    if (this.#acknowledged > 1_000) {
      this.#ids = this.#ids.slice(this.#acknowledged);
      this.#acknowledged = 0;
    }
    this.#asked.push(asked);
    if (isAcknowledged) this.#ids.push(asked.id);
  }

  acknowledge(id: number): void {
    const asked = this.#ids[this.#acknowledged];
    if (asked !== id) throw new Error(`Acknowledged was ${id}, asked was ${asked}.`);
    this.#acknowledged += 1;
  }

  /** The next of the text; where it is the last of it and answers have no other end, their end. */
  piece(id: number, bytes: Buffer, start: number, end: number, isEnd: boolean): void {
    const { text } = this.#next(id);
    const has = this.#had + end - start;
    if (end <= start || bytes.compare(text, this.#had, has, start, end) !== 0)
      wrong(text.subarray(this.#had, has), bytes.subarray(start, end));
    if (this.#had === 0) this.begun += 1;
    this.text += end - start;
    this.#had = has;
    if (isEnd && has === text.length) this.#end();
  }

  /** The same, of a piece that says where it belongs. */
  pieceAt(offset: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (offset !== this.#had)
      throw new Error(`A piece at ${offset} came, and ${this.#had} are there.`);
    this.piece(id, bytes, start, end, false);
  }

  /** The end of an answer, with all of its text: also what no piece has brought. */
  whole(id: number, bytes: Buffer, start: number, end: number): void {
    const { text } = this.#next(id);
    if (bytes.compare(text, 0, text.length, start, end) !== 0)
      wrong(text, bytes.subarray(start, end));
    if (this.#had === 0) this.begun += 1;
    this.text += text.length - this.#had;
    this.#end();
  }

  #next(id: number): Asked {
    const asked = this.#asked[this.#at];
    if (!asked) throw new Error(`Text came that nobody asked for, for ${id}.`);
    if (asked.id !== id)
      throw new Error(`An answer to ${id} came where that to ${asked.id} had to.`);
    return asked;
  }

  #end(): void {
    this.answers += 1;
    this.#at += 1;
    this.#had = 0;
  }
}

function wrong(expected: Buffer, came: Buffer): never {
  throw new Error(
    `Expected ${JSON.stringify(`${expected}`)}, and ${JSON.stringify(`${came}`)} came.`,
  );
}

/** Where the text behind `name` begins in a message; `name` as it is written, up to the quote. */
export function behind(name: Buffer, bytes: Buffer, start: number, end: number): number {
  const at = bytes.indexOf(name, start);
  if (at === -1 || at >= end)
    throw new Error(`No ${name} in ${bytes.toString('utf8', start, Math.min(end, start + 300))}`);
  return at + name.length;
}

/** Where a string of JSON without escapes ends. */
export function endOfText(bytes: Buffer, start: number): number {
  return bytes.indexOf(QUOTE, start);
}

/** The number whose digits begin there. */
export function numberAt(bytes: Buffer, start: number): number {
  let number = 0;
  for (let at = start; ; at += 1) {
    const digit = (bytes[at] as number) - ZERO;
    if (!(digit >= 0 && digit <= 9)) return number;
    number = number * 10 + digit;
  }
}
