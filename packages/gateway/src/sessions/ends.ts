/** The ends of runs of one session, on whichever node they are: they are heard of, or read from the log. */
import { setTimeout as delay } from 'node:timers/promises';
import type { SessionEventOf } from '@parley/protocol';
import { type SessionRecord, STORE_LIMITS, type Store, type UnendedRun } from '../stores/store.ts';
import type { Delivery } from './delivery.ts';
import type { Hub } from './hub.ts';
import type { Session, Subscriber } from './session.ts';

export type End = SessionEventOf<'agent_response'>;

/** A log that could not be read is read again after so long, twice as long each time, milliseconds. */
const RETRY_MS = 100;
const MAX_RETRY_MS = 2_000;

export class Ends implements Subscriber {
  readonly person: string;
  readonly isShown = false;
  readonly session: Session;
  /** Of the runs that are waited for; before it is known which those are, all that was heard of. */
  readonly found = new Map<string, End>();
  /** Resolves when all that are waited for have ended, or the session is no more. */
  readonly over: Promise<void>;
  readonly #settle: () => void;
  readonly #deps: { readonly store: Store; readonly hub: Hub };
  readonly #closed = new AbortController();
  #wanted: ReadonlySet<string> | undefined;
  /** How far the log was read. */
  #seq: number;
  #isBehind = false;
  #isReading = false;

  /** From now on, what is not heard of is found in the log behind what the record tells of it. Until `close`. */
  constructor(
    deps: { readonly store: Store; readonly hub: Hub },
    record: SessionRecord,
    person: string,
  ) {
    this.#deps = deps;
    this.person = person;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#settle = resolve;
    this.session = deps.hub.subscribe(record, this);
    // What has ended by now is not waited for.
    this.#seq = Math.max(record.lastSeq, this.session.heardSeq);
  }

  /** Which ones are waited for. */
  want(runIds: Iterable<string>): void {
    const wanted = new Set(runIds);
    this.#wanted = wanted;
    for (const runId of this.found.keys()) if (!wanted.has(runId)) this.found.delete(runId);
    this.#check();
  }

  get isOver(): boolean {
    return this.#wanted !== undefined && this.#wanted.size === this.found.size;
  }

  deliver({ message }: Delivery): void {
    const { seq, type } = message;
    if (seq === undefined) return;
    // An end may be among what the bus has lost.
    if (seq > this.#seq + 1) this.behind();
    else this.#seq = Math.max(this.#seq, seq);
    if (type !== 'agent_response') return;
    this.#take(message as End);
    this.#check();
  }

  /** Nobody says it again: what cannot be read now is read later. */
  behind(): void {
    this.#isBehind = true;
    if (!this.#isReading) void this.#catchUp();
  }

  ended(): void {
    this.#settle();
  }

  close(): void {
    this.#closed.abort();
    this.#deps.hub.unsubscribe(this.session, this);
  }

  /** Reads the log to its end, or until all have ended; resolves with the runs that had not ended then. */
  async readOn(after = this.#seq): Promise<readonly UnendedRun[]> {
    const { id, incarnation } = this.session.record;
    for (let from = after; ; ) {
      const read = { after: from, limit: STORE_LIMITS.page };
      const page = await this.#deps.store.readSession(id, read);
      if (page?.session.incarnation !== incarnation) {
        this.#settle();
        return [];
      }
      const { events } = page;
      this.session.sawEnds(page.endedRuns);
      for (const event of events) {
        if (event.type === 'agent_response' && event.run_id !== undefined) this.#take(event);
      }
      this.#check();
      from = events.at(-1)?.seq ?? from;
      this.#seq = Math.max(this.#seq, from);
      const isMore = events.length > 0 && from < page.session.lastSeq;
      if (!isMore || this.isOver || this.#closed.signal.aborted) return page.runs;
    }
  }

  async #catchUp(): Promise<void> {
    const { signal } = this.#closed;
    this.#isReading = true;
    for (let pause = RETRY_MS; this.#isBehind && !signal.aborted; ) {
      this.#isBehind = false;
      try {
        await this.readOn();
        pause = RETRY_MS;
      } catch {
        this.#isBehind = true;
        await delay(pause, undefined, { signal }).catch(() => {});
        pause = Math.min(2 * pause, MAX_RETRY_MS);
      }
    }
    this.#isReading = false;
  }

  #take(end: End): void {
    if (end.run_id === undefined || this.#wanted?.has(end.run_id) === false) return;
    this.found.set(end.run_id, end);
  }

  #check(): void {
    if (this.isOver) this.#settle();
  }
}
