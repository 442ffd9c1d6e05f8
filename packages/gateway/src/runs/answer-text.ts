/** The text of an answer as it grows: well-formed, of bounded length; and what of it nobody has been told yet. */
export class AnswerText {
  readonly #maxLength: number;
  #told = '';
  /** What comes behind it. */
  #untold = '';
  /** The first half of a surrogate pair whose second half has not come yet. */
  #held = '';

  /** `maxLength` in UTF-16 code units. */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  get text(): string {
    return this.#told + this.#untold;
  }

  get length(): number {
    return this.#told.length + this.#untold.length;
  }

  /** Takes what can be sent of the piece by now; `false`: the rest of it had no room. */
  append(piece: string): boolean {
    let content = this.#held + piece;
    this.#held = '';
    const last = content.charCodeAt(content.length - 1);
    if (last >= 0xd800 && last <= 0xdbff) {
      this.#held = content.slice(-1);
      content = content.slice(0, -1);
    }
    const room = this.#maxLength - this.length;
    const fits = content.length <= room;
    if (!fits) {
      this.#held = '';
      // Nor is a pair torn by the limit.
      content = content.slice(0, room).replace(/[\ud800-\udbff]$/, '');
    }
    this.#untold += content.toWellFormed();
    return fits;
  }

  get hasUntold(): boolean {
    return this.#untold !== '';
  }

  /** What is told now, and where in the text it begins. */
  takeUntold(): { readonly offset: number; readonly content: string } {
    const content = this.#untold;
    const offset = this.#told.length;
    this.#told += content;
    this.#untold = '';
    return { offset, content };
  }

  /** No more will come: half a pair that still waits is replaced. */
  finish(): void {
    this.#untold += this.#held.toWellFormed();
    this.#held = '';
  }
}
