/** Writing is said again at most so often, milliseconds. */
const AGAIN_MS = 3_000;

/** What of "somebody writes here", said with every key, is worth telling the server. */
export class TypingNotices {
  #toldAt = -Infinity;

  isNews(isTyping: boolean): boolean {
    const now = performance.now();
    if (isTyping ? now - this.#toldAt < AGAIN_MS : this.#toldAt === -Infinity) return false;
    this.#toldAt = isTyping ? now : -Infinity;
    return true;
  }

  /** A message says it too that its writing is over. */
  reset(): void {
    this.#toldAt = -Infinity;
  }
}
