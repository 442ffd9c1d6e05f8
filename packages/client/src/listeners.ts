/** Who wants to be told. One listener's exception is reported and disturbs nobody else. */
export class Listeners<Args extends readonly unknown[] = []> {
  readonly #entries = new Set<{ readonly listener: (...args: Args) => void }>();

  get size(): number {
    return this.#entries.size;
  }

  /** Until the returned function is called. The same listener may be added more than once. */
  add(listener: (...args: Args) => void): () => void {
    const entry = { listener };
    this.#entries.add(entry);
    return () => void this.#entries.delete(entry);
  }

  call(...args: Args): void {
    for (const { listener } of this.#entries) {
      try {
        listener(...args);
      } catch (error) {
        // As an event target does it: what is told must not depend on who listens.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
