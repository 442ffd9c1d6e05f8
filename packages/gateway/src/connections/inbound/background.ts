/**
 * What has taken its place in the order of a connection and waits for the disk only: it goes on while
 * later messages are handled. Its error is answered like any other.
 */

/** Messages that may be on their way to the disk at once. */
const MAX_IN_FLIGHT = 64;

export class Background {
  readonly #posts = new Set<Promise<void>>();
  readonly #stops = new Set<Promise<void>>();
  readonly #refuse: (error: unknown, replyTo: string | undefined) => void;

  constructor(refuse: (error: unknown, replyTo: string | undefined) => void) {
    this.#refuse = refuse;
  }

  /** Lets a message finish. */
  post(work: Promise<void>, replyTo: string | undefined): void {
    this.#track(this.#posts, work, replyTo);
  }

  /** The same for a stop, for which nothing waits: an end may be long on its way to the disk. */
  stop(work: Promise<void>, replyTo: string | undefined): void {
    this.#track(this.#stops, work, replyTo);
  }

  /** Resolves when every message, stops aside, has finished. */
  async settled(): Promise<void> {
    if (this.#posts.size > 0) await Promise.all(this.#posts);
  }

  /** No more may go on until one has finished, for which `oneFinished` waits. */
  get isFull(): boolean {
    return this.#posts.size + this.#stops.size >= MAX_IN_FLIGHT;
  }

  oneFinished(): Promise<void> {
    return Promise.race([...this.#posts, ...this.#stops]);
  }

  #track(set: Set<Promise<void>>, work: Promise<void>, replyTo: string | undefined): void {
    const guarded: Promise<void> = work.then(
      () => void set.delete(guarded),
      (error) => {
        set.delete(guarded);
        this.#refuse(error, replyTo);
      },
    );
    set.add(guarded);
  }
}
