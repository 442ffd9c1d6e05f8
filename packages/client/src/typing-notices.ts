/** Writing is said again at most so often, milliseconds. */
const AGAIN_MS = 3_000;

/** What of "somebody writes here", said with every key, is worth telling the server. */
export class TypingNotices {
  #toldAt = 0;

  isNews(isTyping: boolean): boolean {
    const now = Date.now();
    if (isTyping ? now - this.#toldAt < AGAIN_MS : this.#toldAt === 0) return false;
    this.#toldAt = isTyping ? now : 0;
    return true;
  }

  /** A message says it too that its writing is over. */
  reset(): void {
    this.#toldAt = 0;
  }
}
