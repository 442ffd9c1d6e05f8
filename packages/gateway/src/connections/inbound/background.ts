/**
 * What has taken its place in the order of a connection and waits for the disk only: it goes on while
 * later messages are handled. Its error is answered like any other.
 */

/** Messages that may be on their way to the disk at once. */
const MAX_IN_FLIGHT = 64;

/** Whose messages they are. */
interface Refusing {
  refuse(error: unknown, replyTo: string | undefined): void;
}

export class Background {
  /** Both are made with the first of them: most connections only listen. */
  #posts: Set<Promise<void>> | undefined;
  #stops: Set<Promise<void>> | undefined;
  readonly #owner: Refusing;

  constructor(owner: Refusing) {
    this.#owner = owner;
  }

  /** Lets a message finish. */
  post(work: Promise<void>, replyTo: string | undefined): void {
    this.#posts ??= new Set();
    this.#track(this.#posts, work, replyTo);
  }

  /** The same for a stop, for which nothing waits: an end may be long on its way to the disk. */
  stop(work: Promise<void>, replyTo: string | undefined): void {
    this.#stops ??= new Set();
    this.#track(this.#stops, work, replyTo);
  }

  /** Resolves when every message, stops aside, has finished. */
  async settled(): Promise<void> {
    if (this.#posts?.size) await Promise.all(this.#posts);
  }

  /** No more may go on until one has finished, for which `oneFinished` waits. */
  get isFull(): boolean {
    return (this.#posts?.size ?? 0) + (this.#stops?.size ?? 0) >= MAX_IN_FLIGHT;
  }

  oneFinished(): Promise<void> {
    return Promise.race([...(this.#posts ?? []), ...(this.#stops ?? [])]);
  }

  #track(set: Set<Promise<void>>, work: Promise<void>, replyTo: string | undefined): void {
    const guarded: Promise<void> = work.then(
      () => void set.delete(guarded),
      (error) => {
        set.delete(guarded);
        this.#owner.refuse(error, replyTo);
      },
    );
    set.add(guarded);
  }
}
