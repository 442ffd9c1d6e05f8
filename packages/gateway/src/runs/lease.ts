/** For how long a node may think that its runs are its own: what it has told the store, by its own clock. */
import type { Logger } from '../log.ts';
import type { Store } from '../stores/store.ts';

/** A node that has not said for so long that it lives is dead, and its runs are anybody's, milliseconds. */
const LEASE_MS = 5_000;
/** Where there is one process at a time the next one clears away who was before it: a hundred years. */
const FOREVER_MS = 3_153_600_000_000;
/** How often it is said within a lease: four times in a row it may fail. */
const BEATS = 5;

export interface LeaseDeps {
  readonly store: Store;
  readonly node: string;
  readonly log: Logger;
  /** Default: 5 s. */
  readonly leaseMs?: number | undefined;
  /** Gives up what others have taken over while this node was silent. */
  readonly giveUpLost: () => Promise<void>;
}

export class Lease {
  readonly #deps: LeaseDeps;
  readonly #ms: number;
  #until = 0;
  #patientUntil = 0;
  #began = 0;
  #others = 0;
  #isTold = true;
  /** When that was, or was tried. */
  #triedAt = 0;
  #renewal: Promise<void> | undefined;
  #beats: NodeJS.Timeout | undefined;
  #waiting: PromiseWithResolvers<void> | undefined;

  constructor(deps: LeaseDeps) {
    this.#deps = deps;
    this.#ms = deps.store.isShared ? (deps.leaseMs ?? LEASE_MS) : FOREVER_MS;
  }

  /** Takes it, and keeps it until `end`; each time `onRenewed` is called, which must not reject. */
  async begin(onRenewed: () => void): Promise<void> {
    this.#began = performance.now();
    await this.#renew();
    if (!this.#deps.store.isShared) return;
    this.#beats = setInterval(() => {
      if (this.#renewal) return;
      this.#renewal = this.#renew()
        .then(
          () => {
            this.#isTold = true;
            onRenewed();
          },
          (error: unknown) => {
            if (this.#isTold)
              this.#deps.log.error({ err: error }, 'the store was not told that this node lives');
            this.#isTold = false;
          },
        )
        .finally(() => {
          this.#renewal = undefined;
        });
    }, this.#ms / BEATS).unref();
  }

  /**
   * `false`: the store was away for longer than a lease, so that those who live have lost theirs as well, and
   * have as long again to say that they do. Else the first to return would begin all answers of all anew.
   */
  get mayTakeOver(): boolean {
    return performance.now() >= this.#patientUntil;
  }

  /**
   * How many other nodes live, as the log has said it. Nobody is counted before this process is as old as a
   * lease: it may be the one that was here before.
   */
  get others(): number {
    return this.#others;
  }

  /** `false`: others may have taken the runs of this node over, and have ended them. `now`: of `performance.now()`. */
  isHeldAt(now: number): boolean {
    return now < this.#until;
  }

  /** Resolves when it is held, and what was lost meanwhile has been given up; or when it has ended. */
  held(): Promise<void> {
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  async #renew(): Promise<void> {
    const { store, node, log, giveUpLost } = this.#deps;
    // From before the store is told: it counts from later on.
    const from = performance.now();
    // Else it is the store that was away.
    const wasSilent = from - this.#triedAt > this.#ms;
    try {
      const living = await store.keepAlive(node, this.#ms);
      const others = from - this.#began > this.#ms ? living : 0;
      if (others !== this.#others) {
        this.#others = others;
        log.info({ nodes: others + 1 }, 'nodes that run agents have come or gone');
      }
    } finally {
      this.#triedAt = performance.now();
    }
    if (!this.isHeldAt(performance.now()) && this.#until > 0) {
      if (wasSilent) log.warn({}, 'the store has not heard of this node for longer than its lease');
      this.#patientUntil = performance.now() + this.#ms;
      await giveUpLost();
    }
    this.#until = from + this.#ms;
    if (this.isHeldAt(performance.now())) this.#letGoOn();
  }

  /** Others need not wait for what is left. Where the store cannot be told, they wait for the lease. */
  async end(): Promise<void> {
    clearInterval(this.#beats);
    await this.#renewal;
    await this.#deps.store.keepAlive(this.#deps.node, 0).catch(() => {});
    this.#letGoOn();
  }

  #letGoOn(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}
