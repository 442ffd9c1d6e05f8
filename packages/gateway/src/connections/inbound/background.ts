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

/**
 * It counts what goes on and does not hold it. A `Set` that something is added to and taken from all the time is made
 * anew every few messages, and V8 keeps what was in the old ones until it looks through all of its memory: a
 * third of the time of a busy server.
 */
export class Background {
  #posts = 0;
  #stops = 0;
  #listeners: (() => void)[] | undefined;
  readonly #owner: Refusing;

  constructor(owner: Refusing) {
    this.#owner = owner;
  }

  /** Lets a message finish. */
  post(work: Promise<unknown>, replyTo: string | undefined): void {
    this.#posts += 1;
    this.#follow(work, replyTo, this.#finishPost);
  }

  readonly #finishPost = (): void => {
    this.#posts -= 1;
    this.#notify();
  };

  /** The same for a stop, for which nothing waits: an end may be long on its way to the disk. */
  stop(work: Promise<void>, replyTo: string | undefined): void {
    this.#stops += 1;
    this.#follow(work, replyTo, this.#finishStop);
  }

  readonly #finishStop = (): void => {
    this.#stops -= 1;
    this.#notify();
  };

  /** Resolves when every message, stops aside, has finished. */
  async settled(): Promise<void> {
    while (this.#posts > 0) await this.oneFinished();
  }

  /** No more may go on until one has finished, for which `oneFinished` waits. */
  get isFull(): boolean {
    return this.#posts + this.#stops >= MAX_IN_FLIGHT;
  }

  oneFinished(): Promise<void> {
    return new Promise((resolve) => {
      this.#listeners ??= [];
      this.#listeners.push(resolve);
    });
  }

  #follow(work: Promise<unknown>, replyTo: string | undefined, finish: () => void): void {
    work.then(finish, (error) => {
      finish();
      this.#owner.refuse(error, replyTo);
    });
  }

  #notify(): void {
    const listeners = this.#listeners;
    this.#listeners = undefined;
    for (const listener of listeners ?? []) listener();
  }
}
