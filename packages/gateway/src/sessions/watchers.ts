/** Who follows the list of their sessions: told what a session is when it has changed. */

import type { Bus, Following } from '../buses/bus.ts';
import type { Logger } from '../log.ts';
import type { Store } from '../stores/store.ts';
import { Delivery } from './delivery.ts';
import { audienceOf, sessionStatus } from './session-status.ts';

/** One connection. Its functions must not throw. */
export interface Watcher {
  /** Takes a `session_status`. */
  tell(delivery: Delivery): void;
  /** Changes may have been missed: the list is to be read again. */
  missed(): void;
}

/** A change is told this much later, with all that came meanwhile, milliseconds. */
const INTERVAL_MS = 1_000;
/** Sessions of one person told of in an interval; the others have their turn in the next. */
const MOST_AT_ONCE = 100;
/**
 * What the bus has lost makes everyone read their list again: not all at once, but within so long,
 * milliseconds. With the second in which the bus is back it is less than 2 s.
 */
const SPREAD_MS = 800;

interface Watched {
  readonly following: Following;
  readonly watchers: Set<Watcher>;
  /** Sessions that have changed since they were told of. */
  readonly changed: Set<string>;
  /** Sessions that are being read, to be told of. */
  readonly reading: Set<string>;
  timer: NodeJS.Timeout | undefined;
  /** Tells them that changes may have been missed. */
  missedTimer: NodeJS.Timeout | undefined;
}

/** What nodes tell each other of the sessions of a person. */
type Notice =
  | { readonly kind: 'changed'; readonly sessionId: string }
  | { readonly kind: 'ended'; readonly delivery: Delivery };

export class Watchers {
  readonly #store: Store;
  readonly #bus: Bus;
  readonly #log: Logger;
  readonly #people = new Map<string, Watched>();

  constructor(store: Store, bus: Bus, log: Logger) {
    this.#store = store;
    this.#bus = bus;
    this.#log = log;
    bus.onLoss(() => this.#missed());
  }

  /** From now on until the returned function is called. */
  watch(person: string, watcher: Watcher): () => void {
    const watched = this.#people.get(person) ?? this.#begin(person);
    watched.watchers.add(watcher);
    return () => {
      watched.watchers.delete(watcher);
      if (watched.watchers.size > 0 || this.#people.get(person) !== watched) return;
      clearTimeout(watched.timer);
      clearTimeout(watched.missedTimer);
      watched.following.end();
      this.#people.delete(person);
    };
  }

  #begin(person: string): Watched {
    const watched: Watched = {
      following: this.#bus.follow(topicOf(person), (notice) =>
        this.#hear(person, notice as Notice),
      ),
      watchers: new Set(),
      changed: new Set(),
      reading: new Set(),
      timer: undefined,
      missedTimer: undefined,
    };
    this.#people.set(person, watched);
    return watched;
  }

  /** A session of this person's, or shared with them, has changed; what it is then is read when it is told. */
  changed(person: string, sessionId: string): void {
    if (this.#people.has(person) || this.#bus.reachesOthers)
      this.#everywhere(person, { kind: 'changed', sessionId });
  }

  /** Tells at once: of a session that is no more there is nothing to read. */
  ended(person: string, delivery: Delivery): void {
    this.#everywhere(person, { kind: 'ended', delivery });
  }

  #everywhere(person: string, notice: Notice): void {
    this.#take(person, notice);
    if (this.#bus.reachesOthers) void this.#bus.publish(topicOf(person), notice);
  }

  /** From another node. */
  #hear(person: string, notice: Notice): void {
    if (notice.kind === 'changed') this.#take(person, notice);
    else this.#take(person, { ...notice, delivery: new Delivery(notice.delivery.message) });
  }

  #take(person: string, notice: Notice): void {
    const watched = this.#people.get(person);
    if (!watched) return;
    if (notice.kind === 'changed') {
      watched.changed.add(notice.sessionId);
      this.#soon(person, watched);
      return;
    }
    const { delivery } = notice;
    watched.changed.delete(delivery.message.session_id);
    watched.reading.delete(delivery.message.session_id);
    for (const watcher of watched.watchers) watcher.tell(delivery);
  }

  /** What was lost is in the store, and nobody knows of which sessions it was. */
  #missed(): void {
    for (const watched of this.#people.values()) {
      watched.missedTimer ??= setTimeout(() => {
        watched.missedTimer = undefined;
        for (const watcher of watched.watchers) watcher.missed();
      }, Math.random() * SPREAD_MS).unref();
    }
  }

  #soon(person: string, watched: Watched): void {
    watched.timer ??= setTimeout(() => {
      this.#tellChanged(person, watched).catch((error) => {
        this.#log.error({ err: error }, 'the watchers of sessions were not told of a change');
      });
    }, INTERVAL_MS).unref();
  }

  async #tellChanged(person: string, watched: Watched): Promise<void> {
    const { changed, reading, watchers } = watched;
    for (const id of [...changed].slice(0, MOST_AT_ONCE)) {
      // Forgotten before it is read: what changes meanwhile is told once more.
      changed.delete(id);
      reading.add(id);
    }
    try {
      const records = await Promise.all(Array.from(reading, (id) => this.#store.getSession(id)));
      for (const record of records) {
        if (!record || !reading.delete(record.id)) continue;
        // They may have been taken out since: this was told for who could see it then.
        if (!audienceOf(record).includes(person)) continue;
        const delivery = new Delivery(sessionStatus(record, 'active'));
        for (const watcher of watchers) watcher.tell(delivery);
      }
      reading.clear();
    } finally {
      // What could not be read has its turn again.
      for (const id of reading) changed.add(id);
      reading.clear();
      watched.timer = undefined;
      if (watched.changed.size > 0 && watched.watchers.size > 0) this.#soon(person, watched);
    }
  }
}

function topicOf(person: string): string {
  return `person ${person}`;
}
