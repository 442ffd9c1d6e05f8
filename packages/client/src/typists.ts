/** Who else is writing: told by `typing`, and forgotten where nobody says that it is over. */

/** Who writes says so every three seconds; after so many milliseconds without it they have stopped. */
const FORGET_MS = 7_000;

export class Typists {
  readonly #changed: () => void;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #list: readonly string[] = [];

  /** `changed` is called when somebody is forgotten, not by the calls below. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** The same array until it changes. */
  get list(): readonly string[] {
    return this.#list;
  }

  set(sender: string, isTyping: boolean): void {
    const timer = this.#timers.get(sender);
    if (timer === undefined && !isTyping) return;
    clearTimeout(timer);
    this.#timers.delete(sender);
    if (isTyping)
      this.#timers.set(
        sender,
        setTimeout(() => this.#forget(sender), FORGET_MS),
      );
    if (isTyping && timer !== undefined) return;
    this.#list = [...this.#timers.keys()];
  }

  keepOnly(senders: readonly string[]): void {
    for (const sender of this.#list) if (!senders.includes(sender)) this.set(sender, false);
  }

  dispose(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  #forget(sender: string): void {
    this.set(sender, false);
    this.#changed();
  }
}
