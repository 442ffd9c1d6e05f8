/** Who follows the list of their sessions: told what a session is when it has changed. */
import type { Delivery } from '../buses/bus.ts';
import type { Logger } from '../log.ts';
import type { Store } from '../stores/store.ts';
import { sessionStatus } from './session-status.ts';

/** Takes a `session_status` for one connection. */
export type Watcher = (delivery: Delivery) => void;

/** A change is told this much later, with all that came meanwhile, milliseconds. */
const INTERVAL_MS = 1_000;
/** Sessions of one owner told of in an interval; the others have their turn in the next. */
const MOST_AT_ONCE = 100;

interface Watched {
  readonly watchers: Set<Watcher>;
  /** Sessions that have changed since they were told of. */
  readonly changed: Set<string>;
  timer: NodeJS.Timeout | undefined;
}

export class Watchers {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #owners = new Map<string, Watched>();

  constructor(store: Store, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** From now on until the returned function is called. */
  watch(owner: string, watcher: Watcher): () => void {
    const watched = this.#owners.get(owner) ?? {
      watchers: new Set(),
      changed: new Set(),
      timer: undefined,
    };
    this.#owners.set(owner, watched);
    watched.watchers.add(watcher);
    return () => {
      watched.watchers.delete(watcher);
      if (watched.watchers.size > 0 || this.#owners.get(owner) !== watched) return;
      clearTimeout(watched.timer);
      this.#owners.delete(owner);
    };
  }

  /** A session of this owner has changed; what it is then is read when it is told. */
  changed(owner: string, sessionId: string): void {
    const watched = this.#owners.get(owner);
    if (!watched) return;
    watched.changed.add(sessionId);
    this.#soon(watched);
  }

  /** Tells at once: of a session that is no more there is nothing to read. */
  tell(owner: string, delivery: Delivery): void {
    for (const watcher of this.#owners.get(owner)?.watchers ?? []) watcher(delivery);
  }

  #soon(watched: Watched): void {
    watched.timer ??= setTimeout(() => {
      this.#tellChanged(watched).catch((error) => {
        this.#log.error({ err: error }, 'the watchers of sessions were not told of a change');
      });
    }, INTERVAL_MS).unref();
  }

  async #tellChanged(watched: Watched): Promise<void> {
    const ids = [...watched.changed].slice(0, MOST_AT_ONCE);
    // Forgotten before they are read: what changes meanwhile is told once more.
    for (const id of ids) watched.changed.delete(id);
    try {
      const records = await Promise.all(ids.map((id) => this.#store.getSession(id)));
      for (const record of records) {
        if (record) this.tell(record.owner, { message: sessionStatus(record, 'active') });
      }
    } finally {
      watched.timer = undefined;
      if (watched.changed.size > 0 && watched.watchers.size > 0) this.#soon(watched);
    }
  }
}
