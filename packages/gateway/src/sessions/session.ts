import type { Following } from '../buses/bus.ts';
import type { SessionRecord, Store } from '../stores/store.ts';
import type { Delivery } from './delivery.ts';
import { countPresence, type PresenceOfNode, sumPresence } from './presence.ts';
import type { RunningAnswer } from './subscription.ts';

/** Someone on this node who follows a session: a connection, or a request that waits for an answer. */
export interface Subscriber {
  /** The principal's id. */
  readonly person: string;
  /** Whether the others see that they are here. */
  readonly isShown: boolean;
  deliver(delivery: Delivery): void;
  /** The log of the session, or the answer that is being written, is further than what was delivered. */
  behind(): void;
  /** The session is no more; the subscription has been removed. */
  ended(status: 'deleted' | 'expired'): void;
}

/** Ends that are remembered: more than may be under way to a node at once. */
const MAX_ENDED = 200;

const NOBODY: readonly Subscriber[] = [];

/** What this node remembers of a session while someone on it follows the session. */
export class Session {
  #record: SessionRecord;
  readonly #following: Following;
  /** Resolves when nothing that other nodes say of the session is missed any more; `undefined`: there are none. */
  readonly followed: Promise<void> | undefined;
  /** What was heard last of an answer that another node writes, or wrote: it may have come late. */
  remote: RunningAnswer | undefined;
  #confirmed: string | undefined;
  #confirming: Promise<void> | undefined;
  #subscribers: readonly Subscriber[] = NOBODY;
  /** The highest `seq` published while followed; 0 before the first. */
  heardSeq = 0;
  presenceTimer: NodeJS.Timeout | undefined;
  /** Who is here has changed, and the other nodes do not know. */
  isPresenceNews = false;
  /** Runs whose end is known, the last ones. */
  #ended: Set<string> | undefined;
  /** The highest attempt that was heard of, of the run that was heard of last. */
  #latest: { readonly runId: string; readonly attempt: number } | undefined;
  /** Who is in the session on other nodes, and when that was heard, milliseconds of this process. */
  #elsewhere: Map<string, { readonly there: PresenceOfNode; readonly at: number }> | undefined;

  /** `catchUp` is done as soon as other nodes are heard: with what they said before. */
  constructor(record: SessionRecord, following: Following, catchUp: () => Promise<void>) {
    this.#record = record;
    this.#following = following;
    this.followed = following.ready?.then(catchUp);
  }

  /** As it was when it was last read or changed; its counts and times may be behind the log. */
  get record(): SessionRecord {
    return this.#record;
  }

  /** As they are now: whoever goes through them is not disturbed by those who come and go meanwhile. */
  get subscribers(): readonly Subscriber[] {
    return this.#subscribers;
  }

  enter(subscriber: Subscriber): void {
    // A list that is made anew takes half of what a `Set` does of one, and most sessions have one.
    this.#subscribers = this.#subscribers.concat(subscriber);
  }

  /** `false`: it was not there. */
  leave(subscriber: Subscriber): boolean {
    const place = this.#subscribers.indexOf(subscriber);
    if (place !== -1) this.#subscribers = this.#subscribers.toSpliced(place, 1);
    return place !== -1;
  }

  /** Whether this says more of it than is known, but for its log. */
  isNews({ version }: SessionRecord): boolean {
    return version > this.#record.version;
  }

  /**
   * Takes what was read or told of it, in whatever order that comes: of the title, the agent, or who may do
   * what in it. `false`: it was known.
   */
  change(record: SessionRecord): boolean {
    const { version, lastSeq } = this.#record;
    const isNews = this.isNews(record);
    if (isNews || (record.version === version && record.lastSeq > lastSeq)) this.#record = record;
    return isNews;
  }

  /** Who is here on this node. */
  presenceHere(): PresenceOfNode {
    const people = this.#subscribers.flatMap(({ person, isShown }) => (isShown ? person : []));
    return countPresence(people);
  }

  /** Who is here, each once, at most 100, and how many connections there are in all. */
  presence(): { participants: { id: string; connections: number }[]; connections: number } {
    const here = this.presenceHere();
    const elsewhere = this.#elsewhere && Array.from(this.#elsewhere.values(), ({ there }) => there);
    const { participants, connections } = elsewhere ? sumPresence([here, ...elsewhere]) : here;
    return { participants: [...participants], connections };
  }

  takePresence(node: string, there: PresenceOfNode): void {
    if (there.connections === 0) {
      this.#elsewhere?.delete(node);
      return;
    }
    this.#elsewhere ??= new Map();
    this.#elsewhere.set(node, { there, at: performance.now() });
  }

  /** Forgets nodes that have not been heard of for so long, milliseconds. `true`: there were some. */
  forgetSilent(afterMs: number): boolean {
    const known = [...(this.#elsewhere ?? [])];
    const silent = known.filter(([, { at }]) => performance.now() - at > afterMs);
    for (const [node] of silent) this.#elsewhere?.delete(node);
    return silent.length > 0;
  }

  /**
   * Whether a message of a run is of an attempt that another node has taken over since, or comes after its
   * end. What has a `seq` never is: the store has refused it.
   */
  isStale({ type, run_id: runId, attempt, seq }: Delivery['message']): boolean {
    if (runId === undefined || attempt === undefined || seq !== undefined) return false;
    // Its end was read from the log before what the bus has brought of it.
    if (type !== 'run_status' && this.hasEnded(runId)) return true;
    const known = this.#latest?.runId === runId ? this.#latest.attempt : 0;
    if (attempt > known) this.#latest = { runId, attempt };
    return attempt < known;
  }

  /** The answer that another node is writing. */
  get answer(): RunningAnswer | undefined {
    return this.remote?.runId === this.#confirmed ? this.remote : undefined;
  }

  /** Whether a run is heard of from another node, and may have ended before whoever joined since came. */
  isUnconfirmed(runId: string | undefined): boolean {
    return runId !== undefined && this.remote?.runId === runId && this.#confirmed !== runId;
  }

  /**
   * Finds out whether what was heard is being written still: the store has the end of an answer before
   * anybody is told of it. Rejects where the store cannot be read.
   */
  async confirm(store: Pick<Store, 'getEvent'>): Promise<void> {
    const { remote } = this;
    if (!remote) return;
    const end = await store.getEvent(this.#record, remote.answerId);
    if (end?.run_id !== undefined) this.sawEnds([end.run_id]);
    else this.#confirmed = remote.runId;
  }

  /** Does so once for all who hear of it at the same time. */
  confirmOnce(store: Pick<Store, 'getEvent'>): Promise<void> {
    this.#confirming ??= this.confirm(store).finally(() => {
      this.#confirming = undefined;
    });
    return this.#confirming;
  }

  /** Takes note of the ends of runs, whichever way they were found: what comes of those still is late. */
  sawEnds(runIds: readonly string[]): void {
    for (const runId of runIds) {
      this.#ended ??= new Set();
      this.#ended.delete(runId);
      this.#ended.add(runId);
      if (this.remote?.runId === runId) this.remote = undefined;
    }
    while (this.#ended && this.#ended.size > MAX_ENDED) {
      const [oldest] = this.#ended;
      this.#ended.delete(oldest as string);
    }
  }

  hasEnded(runId: string): boolean {
    return this.#ended?.has(runId) === true;
  }

  close(): void {
    clearTimeout(this.presenceTimer);
    this.#following.end();
  }
}
