/** Finds what the bus has lost: the store knows how far each log is. */
import type { Logger } from '../log.ts';
import type { Store } from '../stores/store.ts';
import type { Hub } from './hub.ts';

/** How often the store is asked, milliseconds: what is lost is found at the second time at the latest. */
const INTERVAL_MS = 900;
/** Sessions asked for at once. */
const BATCH = 1_000;

export class Healing {
  readonly #store: Store;
  readonly #hub: Hub;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  /**
   * By the incarnation of their sessions, how far the logs were when last asked for. Only what is still not heard
   * of by now was lost: as a rule it is on its way.
   */
  #last: ReadonlyMap<string, number> = new Map();
  #healing: Promise<void> = Promise.resolve();
  #isFailing = false;

  constructor({
    store,
    hub,
    log,
  }: { readonly store: Store; readonly hub: Hub; readonly log: Logger }) {
    this.#store = store;
    this.#hub = hub;
    this.#log = log;
    this.#timer = setInterval(() => void this.heal(), INTERVAL_MS).unref();
  }

  /** Never rejects: what could not be asked is asked again. */
  heal(): Promise<void> {
    this.#healing = this.#healing
      .then(() => this.#heal())
      .then(
        () => {
          this.#isFailing = false;
        },
        (error) => {
          if (!this.#isFailing)
            this.#log.error({ err: error }, 'what was lost between nodes is not found');
          this.#isFailing = true;
        },
      );
    return this.#healing;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#healing;
  }

  async #heal(): Promise<void> {
    const followed = this.#hub.followed();
    const found = new Map<string, number>();
    for (let at = 0; at < followed.length; at += BATCH) {
      const batch = followed.slice(at, at + BATCH);
      const there = await this.#store.lastSeqs(batch.map(({ id }) => id));
      for (const { incarnation, lastSeq } of there) found.set(incarnation, lastSeq);
      for (const { incarnation } of batch) {
        if (!found.has(incarnation)) this.#hub.lost(incarnation);
      }
    }
    for (const [incarnation, lastSeq] of this.#last) this.#hub.heardOf(incarnation, lastSeq);
    this.#last = found;
  }
}
