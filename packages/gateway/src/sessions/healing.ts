/** Finds what the bus has lost: the store knows how far each session and its log are. */
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
      const heads = await this.#store.heads(batch.map(({ id }) => id));
      const there = new Map(heads.map((head) => [head.incarnation, head]));
      await Promise.all(
        batch.map(({ id, incarnation, version }) => {
          const head = there.get(incarnation);
          if (!head) return this.#hub.lost(incarnation);
          found.set(incarnation, head.lastSeq);
          return head.version > version ? this.#read(id) : undefined;
        }),
      );
    }
    for (const [incarnation, lastSeq] of this.#last) this.#hub.logReaches(incarnation, lastSeq);
    this.#last = found;
  }

  /** At once, though that it was changed may be on its way: somebody may have been taken out. */
  async #read(id: string): Promise<void> {
    const record = await this.#store.getSession(id);
    if (record) this.#hub.learn(record);
  }
}
