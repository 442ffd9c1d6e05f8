import { randomUUID } from 'node:crypto';
import type { SessionEvent } from '@parley/protocol';
import { dataLengthOf } from '@parley/protocol/event-text';
import { type Receipt, SessionLog } from './memory/session-log.ts';
import { makeSnippet, matches, parseQuery } from './search-text.ts';
import {
  type Access,
  type AppendMessage,
  bounded,
  type Cleaned,
  fitting,
  type ListSessions,
  type MessageOutcome,
  type NewEvent,
  type NewSession,
  NO_MEMBERS,
  parsePlace,
  type Question,
  type ReadEvents,
  type Retention,
  type RunOutcome,
  type RunRecord,
  type SearchHit,
  type SessionHead,
  type SessionIdentity,
  type SessionListPage,
  SessionPage,
  type SessionRecord,
  STORE_LIMITS,
  type StopRuns,
  type Store,
  StoreError,
  tooManyMembers,
} from './store.ts';

interface StoredSession {
  /** Its place among the sessions ever created. */
  readonly order: number;
  /** Replaced, never changed: whoever follows the session keeps this very one, and not a copy. */
  record: SessionRecord;
  /** Made with the first event. */
  log?: SessionLog;
  /** Those that have not ended, in the order of their messages. */
  runs?: StoredRun[];
}

interface StoredRun extends Omit<RunRecord, 'audience'> {
  readonly sender: string;
  isOver: boolean;
  attempt: number;
  started: boolean;
  node: string;
  stopped: boolean;
}

/** Of as many it stays known that nothing of theirs is unfinished: they are back soon. */
const MOST_SENDERS = 1_000;

/** So many runs that are over are still among those of all sessions, or as many as are not. */
const MOST_OVER = 64;

/** The simplest store: everything in maps, gone with the process. What the other stores must equal. */
export class MemoryStore implements Store {
  readonly isShared: boolean = false;
  readonly pendingWrites = 0;
  readonly deployment = randomUUID();
  readonly #sessions = new Map<string, StoredSession>();
  /**
   * By run id, in the order of their messages; some of them are over. Runs come and go, and a `Map` that lives for
   * long leaves a table behind whenever it is emptied, until everything is collected: it is made anew instead.
   */
  #runs = new Map<string, StoredRun>();
  #over = 0;
  /** How many of them are of each sender. */
  readonly #runsOf = new Map<string, number>();
  #order = 0;
  /** The time of the last event. */
  #last = { timestamp: '', ms: 0 };
  /** By node: until when it lives, by a clock that nobody sets, milliseconds. */
  readonly #aliveUntil = new Map<string, number>();
  #closed = false;

  async createSession(
    session: NewSession,
    maxOwned?: number,
  ): Promise<{ session: SessionRecord | undefined; created: boolean }> {
    this.#assertOpen();
    const known = this.#sessions.get(session.id);
    if (known) return { session: known.record, created: false };
    if (maxOwned !== undefined && this.#countOf(session.owner) >= maxOwned) {
      return { session: undefined, created: false };
    }
    const record: SessionRecord = {
      id: session.id,
      incarnation: session.incarnation,
      owner: session.owner,
      title: session.title?.toWellFormed() ?? null,
      agent: session.agent,
      createdAt: session.createdAt,
      lastActivity: session.createdAt,
      messageCount: 0,
      firstSeq: 1,
      lastSeq: 0,
      members: NO_MEMBERS,
      invitationEpoch: session.invitationEpoch,
      version: 1,
    };
    this.#order += 1;
    this.#sessions.set(session.id, { order: this.#order, record });
    return { session: record, created: true };
  }

  #countOf(owner: string): number {
    let count = 0;
    for (const { record } of this.#sessions.values()) if (record.owner === owner) count += 1;
    return count;
  }

  async getSession(id: string): Promise<SessionRecord | undefined> {
    this.#assertOpen();
    return this.#sessions.get(id)?.record;
  }

  #find({ id, incarnation }: SessionIdentity): StoredSession | undefined {
    const session = this.#sessions.get(id);
    return session?.record.incarnation === incarnation ? session : undefined;
  }

  async updateSession(
    session: SessionIdentity,
    patch: { readonly title?: string; readonly agent?: string },
  ): Promise<SessionRecord | undefined> {
    return this.#change(this.#find(session), ({ title, agent }) => ({
      title: patch.title?.toWellFormed() ?? title,
      agent: patch.agent ?? agent,
    }));
  }

  /** Changes the one that is meant; `undefined`: there is none. */
  #change(
    session: StoredSession | undefined,
    patchOf: (record: SessionRecord) => Partial<SessionRecord>,
  ): SessionRecord | undefined {
    this.#assertOpen();
    if (!session) return undefined;
    const { record } = session;
    session.record = { ...record, ...patchOf(record), version: record.version + 1 };
    return session.record;
  }

  async addMember(
    id: string,
    principal: string,
    access: Access,
    invitationEpoch: number,
  ): Promise<SessionRecord | undefined> {
    this.#assertOpen();
    const session = this.#sessions.get(id);
    if (!session) return undefined;
    const { record } = session;
    const known = record.members[principal];
    const isKept = principal === record.owner || known === 'write' || known === access;
    if (isKept || record.invitationEpoch !== invitationEpoch) return record;
    const members = { ...record.members, [principal]: access };
    if (Object.keys(members).length > STORE_LIMITS.members) throw tooManyMembers();
    const sorted = Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1));
    return this.#change(session, () => ({ members: Object.fromEntries(sorted) }));
  }

  async removeMember(
    session: SessionIdentity,
    principal: string,
  ): Promise<SessionRecord | undefined> {
    return this.#change(this.#find(session), ({ members }) => {
      const { [principal]: _, ...others } = members;
      return { members: others };
    });
  }

  async withdrawInvitations(session: SessionIdentity): Promise<SessionRecord | undefined> {
    return this.#change(this.#find(session), ({ invitationEpoch }) => ({
      invitationEpoch: invitationEpoch + 1,
    }));
  }

  async deleteSession(session: SessionIdentity): Promise<Pick<RunRecord, 'node'> | undefined> {
    this.#assertOpen();
    const stored = this.#find(session);
    if (!stored) return undefined;
    const runs = [...(stored.runs ?? [])];
    for (const run of runs) this.#endRun(stored, run);
    this.#sessions.delete(session.id);
    return { node: runs[0]?.node ?? '' };
  }

  async listSessions({ person, after, limit }: ListSessions): Promise<SessionListPage> {
    this.#assertOpen();
    const own = this.#newestFirst().filter(isFor(person));
    const [at, order] = parsePlace(after);
    const rest = own.filter(
      (one) =>
        one.record.lastActivity < at || (one.record.lastActivity === at && one.order < order),
    );
    const page = rest.slice(0, bounded(limit, STORE_LIMITS.page));
    const last = page.length < rest.length ? page.at(-1) : undefined;
    return {
      sessions: page.map(({ record }) => record),
      total: own.length,
      ...(last ? { next: `${last.record.lastActivity}.${last.order}` } : {}),
    };
  }

  async appendMessage(append: AppendMessage): Promise<MessageOutcome> {
    this.#assertOpen();
    const { event, incarnation, fingerprint, run } = append;
    const session = this.#writable(meantBy(append), append.event.data.sender, append.asAdmin);
    if (!session) return { outcome: 'session_not_found' };
    const known = findRepetition(session, append) ?? this.#findFull(append, session);
    if (known) return known;
    if (this.#runs.get(run.runId)?.isOver === false) {
      throw new StoreError(`There is a run ${run.runId} already.`);
    }
    const seq = this.#append(session, event, { fingerprint, runId: run.runId });
    const isTitled = session.record.title === null;
    if (isTitled) this.#change(session, () => ({ title: append.title.toWellFormed() }));
    const titled = isTitled ? session.record.version : null;
    const last = session.runs?.at(-1);
    const before = last ? { runId: last.runId, attempt: last.attempt } : null;
    const node = last?.node ?? run.node ?? this.#anyAlive() ?? '';
    this.#runsOf.set(event.data.sender, (this.#runsOf.get(event.data.sender) ?? 0) + 1);
    const added: StoredRun = {
      runId: run.runId,
      sessionId: event.session_id,
      incarnation,
      sender: event.data.sender,
      replyTo: event.message_id,
      answerId: run.answerId,
      agent: run.agent,
      attempt: 1,
      started: false,
      node,
      stopped: false,
      isOver: false,
    };
    session.runs ??= [];
    session.runs.push(added);
    this.#runs.set(run.runId, added);
    return { outcome: 'appended', seq, node, before, titled };
  }

  async repeatMessage(append: AppendMessage) {
    this.#assertOpen();
    const session = this.#writable(meantBy(append), append.event.data.sender, append.asAdmin);
    const full = this.#findFull(append, session);
    if (!session) return full ?? ({ outcome: 'session_not_found' } as const);
    return findRepetition(session, append) ?? full ?? ({ outcome: 'new' } as const);
  }

  /** The session, if it is there for the sender to write in. */
  #writable(meant: SessionIdentity, sender: string, asAdmin: boolean): StoredSession | undefined {
    const session = this.#find(meant);
    if (!session) return undefined;
    const { owner, members } = session.record;
    const isWriter = Object.hasOwn(members, sender) && members[sender] === 'write';
    return asAdmin || owner === sender || isWriter ? session : undefined;
  }

  #findFull({ event, most }: AppendMessage, session: StoredSession | undefined) {
    const isFull = (limit: number, count = 0) => limit > 0 && count >= limit;
    if (isFull(most.ofSession, session?.runs?.length))
      return { outcome: 'full', of: 'ofSession' } as const;
    if (isFull(most.ofSender, this.#runsOf.get(event.data.sender)))
      return { outcome: 'full', of: 'ofSender' } as const;
    return undefined;
  }

  #endRun({ runs = [] }: StoredSession, run: StoredRun): void {
    if (runs[0] === run) runs.shift();
    else runs.splice(runs.indexOf(run), 1);
    run.isOver = true;
    this.#over += 1;
    if (this.#over >= Math.max(MOST_OVER, this.#runs.size / 2)) {
      this.#runs = new Map(this.#unfinished().map((one) => [one.runId, one]));
      this.#over = 0;
    }
    const left = (this.#runsOf.get(run.sender) ?? 0) - 1;
    if (left > 0 || this.#runsOf.size < MOST_SENDERS) this.#runsOf.set(run.sender, left);
    else this.#runsOf.delete(run.sender);
  }

  #unfinished(): StoredRun[] {
    return [...this.#runs.values()].filter(({ isOver }) => !isOver);
  }

  async appendRunEvent(event: NewEvent): Promise<RunOutcome> {
    this.#assertOpen();
    const owned = this.#owned(event);
    if (!owned) return { outcome: 'stale' };
    return { outcome: 'appended', seq: this.#append(owned.session, event) };
  }

  async finishRun(event: Extract<NewEvent, { type: 'agent_response' }>): Promise<RunOutcome> {
    this.#assertOpen();
    const owned = this.#owned(event);
    if (!owned) return { outcome: 'stale' };
    const seq = this.#append(owned.session, event);
    this.#endRun(owned.session, owned.run);
    return { outcome: 'appended', seq };
  }

  async markStarted(runId: string, attempt: number): Promise<boolean> {
    this.#assertOpen();
    const run = this.#runs.get(runId);
    if (!run || run.isOver || run.attempt !== attempt) return false;
    run.started = true;
    return true;
  }

  async keepAlive(node: string, ms: number): Promise<number> {
    this.#assertOpen();
    this.#aliveUntil.set(node, performance.now() + ms);
    if (!this.isShared) return 0;
    return [...this.#aliveUntil.keys()].filter((id) => id !== node && this.#isAlive(id)).length;
  }

  async unfinishedRuns(node?: string | null): Promise<readonly RunRecord[]> {
    this.#assertOpen();
    const isMeant = (run: StoredRun) => {
      if (node === undefined) return true;
      return node === null ? !this.#isAlive(run.node) : run.node === node;
    };
    const runs = this.#unfinished().filter(isMeant);
    return runs.map((run) => this.#toRecord(run));
  }

  async claimRuns(sessionId: string, node: string): Promise<readonly RunRecord[]> {
    this.#assertOpen();
    const runs = this.#sessions.get(sessionId)?.runs ?? [];
    const lost = runs.filter((run) => !this.#isAlive(run.node));
    for (const run of lost) {
      if (run.node !== '') run.attempt += 1;
      run.node = node;
    }
    return lost.map((run) => this.#toRecord(run));
  }

  async stopRuns(
    session: SessionIdentity,
    { sender, asAdmin, runId }: StopRuns,
  ): Promise<readonly RunRecord[] | undefined> {
    this.#assertOpen();
    const stored = this.#writable(session, sender, asAdmin);
    if (!stored) return undefined;
    const runs = stored.runs ?? [];
    const found = runs.filter((run) => runId === undefined || run.runId === runId);
    for (const run of found) run.stopped = true;
    return found.map((run) => this.#toRecord(run));
  }

  #toRecord({ sender: _, isOver: __, ...run }: StoredRun): RunRecord {
    const record = this.#sessions.get(run.sessionId)?.record;
    return { ...run, audience: record ? [record.owner, ...Object.keys(record.members)] : [] };
  }

  #anyAlive(): string | undefined {
    const alive = [...this.#aliveUntil.keys()].filter((node) => this.#isAlive(node));
    return alive[Math.floor(Math.random() * alive.length)];
  }

  #isAlive(node: string): boolean {
    return (this.#aliveUntil.get(node) ?? 0) > performance.now();
  }

  async readSession(id: string, read: ReadEvents): Promise<SessionPage | undefined> {
    this.#assertOpen();
    const session = this.#sessions.get(id);
    if (!session) return undefined;
    const limit = bounded(read.limit, STORE_LIMITS.page);
    const { after, before } = read;
    // `seq` has no hole, so that an event's place follows from it.
    const { firstSeq, lastSeq } = session.record;
    const end = Math.min(lastSeq, (before ?? Infinity) - 1);
    const start = Math.max(firstSeq, (after ?? 0) + 1);
    const fittingTexts = (seqs: readonly number[]) => fitting(textsOf(session, seqs), dataLengthOf);
    const page =
      after === undefined
        ? fittingTexts(range(Math.max(firstSeq, end - limit + 1), end).reverse()).reverse()
        : fittingTexts(range(start, Math.min(lastSeq, start + limit - 1)));
    const runs = session.runs?.map(({ runId, replyTo, agent, attempt }) => {
      return { runId, replyTo, agent, attempt };
    });
    return new SessionPage({ ...session.record }, page, runs ?? []);
  }

  async getEvent(session: SessionIdentity, messageId: string): Promise<SessionEvent | undefined> {
    this.#assertOpen();
    return this.#find(session)?.log?.find(messageId);
  }

  async heads(ids: readonly string[]): Promise<readonly SessionHead[]> {
    this.#assertOpen();
    const found = ids.flatMap((id) => this.#sessions.get(id)?.record ?? []);
    return found.map(({ incarnation, lastSeq, version }) => ({ incarnation, lastSeq, version }));
  }

  async questions(session: SessionIdentity): Promise<readonly Question[]> {
    this.#assertOpen();
    const messages = [...(this.#find(session)?.log?.messages() ?? [])];
    return messages.map(({ message_id, data: { replaces } }) =>
      replaces === undefined ? { message_id } : { message_id, replaces },
    );
  }

  async search(query: {
    readonly person: string;
    readonly text: string;
    readonly limit: number;
  }): Promise<readonly SearchHit[]> {
    this.#assertOpen();
    const words = parseQuery(query.text);
    const hits: { order: number; hit: SearchHit }[] = [];
    for (const session of this.#newestFirst().filter(isFor(query.person))) {
      const { record, log } = session;
      for (const event of eventsOf(session)) {
        if (event.type !== 'chat_message' && event.type !== 'agent_response') continue;
        const { content, role } = event.data;
        if (!matches(content, words)) continue;
        const { message_id: messageId, seq, timestamp } = event;
        const snippet = makeSnippet(content, words);
        const { id: sessionId, title } = record;
        hits.push({
          order: log?.orderOf(seq) ?? 0,
          hit: { sessionId, title, messageId, seq, role, timestamp, snippet },
        });
      }
    }
    return hits
      .sort((a, b) => b.order - a.order)
      .slice(0, bounded(query.limit, STORE_LIMITS.hits))
      .map(({ hit }) => hit);
  }

  async clean(retention: Retention): Promise<Cleaned> {
    this.#assertOpen();
    const { emptyBefore = -1, idleBefore = -1, maxSessions, maxEvents, batch } = retention;
    const expired: SessionIdentity[] = [];
    const trimmed: string[] = [];
    const oldestFirst = this.#newestFirst().reverse();
    for (const { record, runs } of oldestFirst) {
      if (runs?.length) continue;
      const { id, incarnation, owner, lastActivity, messageCount, firstSeq, lastSeq } = record;
      if (
        lastActivity < idleBefore ||
        (messageCount === 0 && lastActivity < emptyBefore) ||
        (maxSessions !== undefined &&
          this.#newestFirst(owner).findIndex((other) => other.record.id === id) >= maxSessions)
      ) {
        expired.push({ id, incarnation });
      } else if (maxEvents !== undefined && lastSeq - firstSeq + 1 > maxEvents) {
        trimmed.push(id);
      }
    }
    const more = expired.length + trimmed.length > batch;
    expired.splice(batch);
    trimmed.splice(batch - expired.length);
    for (const { id } of expired) this.#sessions.delete(id);
    for (const id of trimmed) {
      const session = this.#sessions.get(id);
      if (!session || maxEvents === undefined) continue;
      session.log?.trim(maxEvents);
      session.record = { ...session.record, firstSeq: session.record.lastSeq - maxEvents + 1 };
    }
    return { expired, trimmed, more };
  }

  async check(): Promise<void> {
    this.#assertOpen();
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError('The store is closed.');
  }

  /** Sessions, of one owner where one is named; of equally active ones the newer first. */
  #newestFirst(owner?: string): StoredSession[] {
    return [...this.#sessions.values()]
      .filter(({ record }) => owner === undefined || record.owner === owner)
      .sort((a, b) => b.record.lastActivity - a.record.lastActivity || b.order - a.order);
  }

  /** The run of an event, if it and this attempt may write, and its session. */
  #owned(
    event: NewEvent,
  ): { readonly session: StoredSession; readonly run: StoredRun } | undefined {
    const session = this.#sessions.get(event.session_id);
    const run = session?.runs?.find(({ runId }) => runId === event.run_id);
    return session && run && run.attempt === event.attempt ? { session, run } : undefined;
  }

  #append(
    session: StoredSession,
    event: NewEvent,
    message?: Pick<Receipt, 'fingerprint' | 'runId'>,
  ): number {
    const { record } = session;
    const seq = record.lastSeq + 1;
    const isMessage = event.type === 'chat_message' || event.type === 'agent_response';
    session.record = {
      ...record,
      lastSeq: seq,
      lastActivity: Math.max(record.lastActivity, this.#msOf(event.timestamp)),
      messageCount: record.messageCount + (isMessage ? 1 : 0),
    };
    this.#order += 1;
    session.log ??= new SessionLog();
    session.log.append({ ...event, seq } as SessionEvent, this.#order, message);
    return seq;
  }

  /** Many events are of one moment, which takes longer to read than they to keep. */
  #msOf(timestamp: string): number {
    if (timestamp !== this.#last.timestamp) this.#last = { timestamp, ms: Date.parse(timestamp) };
    return this.#last.ms;
  }
}

function meantBy({ event, incarnation }: AppendMessage): SessionIdentity {
  return { id: event.session_id, incarnation };
}

/** Whether somebody has a session, or is a member of it. */
function isFor(person: string): (session: StoredSession) => boolean {
  return ({ record }) => record.owner === person || Object.hasOwn(record.members, person);
}

function findRepetition(session: StoredSession, { event, fingerprint }: AppendMessage) {
  const receipt = session.log?.receiptOf(event.message_id);
  if (!receipt) return undefined;
  if (receipt === 'event' || receipt.fingerprint !== fingerprint) {
    return { outcome: 'conflict' } as const;
  }
  const { seq, runId, timestamp } = receipt;
  return { outcome: 'duplicate', seq, runId, timestamp } as const;
}

/** One by one, because a page or a log may be far more than is to be held at once. */
function* textsOf({ log }: StoredSession, seqs: readonly number[]): Generator<string> {
  for (const seq of seqs) if (log) yield log.textOf(seq);
}

function* eventsOf(session: StoredSession): Generator<SessionEvent> {
  const { firstSeq, lastSeq } = session.record;
  for (const text of textsOf(session, range(firstSeq, lastSeq))) yield JSON.parse(text);
}

/** Whole numbers, both ends included. */
function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, place) => from + place);
}
