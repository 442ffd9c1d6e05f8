/**
 * The durable log. Whatever a method that writes has resolved is on disk (R2); the store alone
 * gives out `seq` (R1), recognises a repeated `message_id` (R3) and fences stale runs (R5).
 */
import type { SessionEvent } from '@parley/protocol';
import { runIdOf, typeOf } from '@parley/protocol/event-text';

/** What one call may ask for. A larger number means this one, a smaller than 1 means 1. */
export const STORE_LIMITS = {
  /** Sessions of `listSessions`, events of `readSession`. */
  page: 1_000,
  /**
   * Characters of JSON in the `data` of the events of a `readSession`: a page ends before it would hold
   * more, but never before its first event.
   */
  pageLength: 524_288,
  /** Hits of `search`. */
  hits: 100,
  /** Words of the text of `search`. */
  words: 32,
  /** Members of a session. */
  members: 100,
} as const;

/** As many of the first `items` as a page may hold. */
export function fitting<Item>(items: Iterable<Item>, lengthOf: (item: Item) => number): Item[] {
  const page: Item[] = [];
  let length = 0;
  for (const item of items) {
    length += lengthOf(item);
    if (page.length > 0 && length > STORE_LIMITS.pageLength) break;
    page.push(item);
  }
  return page;
}

/** `asked` as a whole number from 1 to `limit`. */
export function bounded(asked: number, limit: number): number {
  return Math.min(Math.max(1, Math.trunc(asked) || 1), limit);
}

/** What somebody who was invited may do: see the session, or write in it as well. */
export type Access = 'read' | 'write';

export interface SessionRecord {
  readonly id: string;
  /**
   * This session and no other, whenever: its id may be that of another one that is created once it is
   * deleted, with other people in it.
   */
  readonly incarnation: string;
  /** The principal that created it. */
  readonly owner: string;
  readonly title: string | null;
  readonly agent: string;
  /** Milliseconds since the epoch, as all times of this interface. */
  readonly createdAt: number;
  /** When the last event was appended, or the session created; of the clocks that said so the one that is ahead. */
  readonly lastActivity: number;
  /** `chat_message` and `agent_response` events ever appended. */
  readonly messageCount: number;
  /** The oldest `seq` that is kept; `lastSeq + 1` where none is. */
  readonly firstSeq: number;
  /** 0 for an empty log. */
  readonly lastSeq: number;
  /** Who was invited, by the principal's id, in the order of the ids. */
  readonly members: Readonly<Record<string, Access>>;
  /** An invitation is good in the epoch in which it was issued; each withdrawal begins another. */
  readonly invitationEpoch: number;
  /** 1, and one more with each change of the title, the agent, the members or the epoch. */
  readonly version: number;
}

/** The members of most sessions, the same object for all of them. */
export const NO_MEMBERS: SessionRecord['members'] = Object.freeze({});

/** Which session is meant: one of another incarnation is another one, and this one is no more. */
export type SessionIdentity = Pick<SessionRecord, 'id' | 'incarnation'>;

export type SessionHead = Pick<SessionRecord, 'incarnation' | 'lastSeq' | 'version'>;

export interface NewSession {
  readonly id: string;
  /** At random, so that none has it twice. */
  readonly incarnation: string;
  readonly owner: string;
  readonly title: string | null;
  readonly agent: string;
  readonly createdAt: number;
  /** At random, so that what was given out for an earlier session of this id is good for nothing here. */
  readonly invitationEpoch: number;
}

type WithoutSeq<Event> = Event extends SessionEvent ? Omit<Event, 'seq'> : never;
/** An event to append. `timestamp` is given by the caller; `seq` by the store. */
export type NewEvent = WithoutSeq<SessionEvent>;

/** A run that has not ended. */
export interface RunRecord {
  readonly runId: string;
  readonly sessionId: string;
  /** Of its session. */
  readonly incarnation: string;
  /** Who may see its session: the owner first. */
  readonly audience: readonly string[];
  /** The `message_id` that the run answers. */
  readonly replyTo: string;
  /** The `message_id` of the answer. */
  readonly answerId: string;
  readonly agent: string;
  /** 1 or more; only the holder of the highest attempt may write. */
  readonly attempt: number;
  /** The agent may have acted: set before an agent that must not act twice is called. */
  readonly started: boolean;
  /**
   * Which node executes it: one for all unfinished runs of a session, so that they follow each other; '' is
   * none yet.
   */
  readonly node: string;
  /** It is to be stopped, by whichever node has it. */
  readonly stopped: boolean;
}

export interface StopRuns {
  /** Who stops them: the principal's id. */
  readonly sender: string;
  /** They may write everywhere. */
  readonly asAdmin: boolean;
  /** Left out: all of the session. */
  readonly runId?: string | undefined;
}

export type RunAttempt = Pick<RunRecord, 'runId' | 'attempt'>;

interface NewRun extends Pick<RunRecord, 'runId' | 'answerId' | 'agent'> {
  /**
   * Which one is to execute it, where no other has the session's earlier runs; `null`: any that lives, and
   * none where none does.
   */
  readonly node: string | null;
}

export interface AppendMessage {
  readonly event: Extract<NewEvent, { type: 'chat_message' }>;
  /** Of its session. */
  readonly incarnation: string;
  /** Equal for equal bodies: what tells a repetition from a conflict. */
  readonly fingerprint: string;
  /** Recorded with the message, with attempt 1, in the same commit. */
  readonly run: NewRun;
  /** Becomes the session's title where it has none. */
  readonly title: string;
  readonly most: MostRuns;
  /** Its sender may write in every session; others where they are the owner, or a member who may. */
  readonly asAdmin: boolean;
}

/** How many runs that have not ended there may be, this one included; 0 is no limit. */
export interface MostRuns {
  readonly ofSession: number;
  /** Of the messages of one `sender`. */
  readonly ofSender: number;
}

/** Of a `chat_message` what tells which of them a transcript shows; see `Branch` in `@parley/protocol`. */
export interface Question {
  readonly message_id: string;
  readonly replaces?: string | undefined;
}

export type MessageOutcome =
  | {
      readonly outcome: 'appended';
      readonly seq: number;
      /** Which node executes its run. */
      readonly node: string;
      /** The last of the session's unfinished runs before it; `null`: there is none. */
      readonly before: RunAttempt | null;
      /** The session's version, where it had no title and has the message's now; `null`: it had one. */
      readonly titled: number | null;
    }
  /** The `seq`, run and time of the first time; nothing was written. */
  | {
      readonly outcome: 'duplicate';
      readonly seq: number;
      readonly runId: string;
      readonly timestamp: string;
    }
  /** The `message_id` belongs to another message, or to an event of another type. */
  | { readonly outcome: 'conflict' }
  /** There is none, or none for this sender to write in: they may have been taken out of it. */
  | { readonly outcome: 'session_not_found' }
  /** There are as many runs as `most` says; nothing was written. */
  | { readonly outcome: 'full'; readonly of: keyof MostRuns };

/** What `repeatMessage` says of a message that is none. */
export interface NoRepetition {
  readonly outcome: 'new';
}

export type RunOutcome =
  | { readonly outcome: 'appended'; readonly seq: number }
  /** The run has ended, or a higher attempt owns it, or its session is gone; nothing was written. */
  | { readonly outcome: 'stale' };

export interface ReadEvents {
  /** Only events with a higher `seq`, the oldest first of them. */
  readonly after?: number;
  /** Only events with a lower `seq`, the newest of them. Not together with `after`. */
  readonly before?: number;
  /** 1 to `STORE_LIMITS.page`; fewer come where they hold more than `STORE_LIMITS.pageLength`. */
  readonly limit: number;
}

/** A consistent view of a session and a page of its log, oldest first. */
export class SessionPage {
  readonly session: SessionRecord;
  /**
   * The events as the wire has them: each is what `encode` makes of it, or `encodeEvent` of its `data`. Most who read
   * a page pass it on as it is.
   */
  readonly texts: readonly string[];
  /** Its runs that have not ended, in the order of their messages. */
  readonly runs: readonly UnendedRun[];
  #events: readonly SessionEvent[] | undefined;

  constructor(session: SessionRecord, texts: readonly string[], runs: readonly UnendedRun[]) {
    this.session = session;
    this.texts = texts;
    this.runs = runs;
  }

  get events(): readonly SessionEvent[] {
    // One parsing of all takes less than one of each.
    this.#events ??= JSON.parse(`[${this.texts.join()}]`) as SessionEvent[];
    return this.#events;
  }

  /** The runs that ended in this page. */
  get endedRuns(): string[] {
    return this.texts.flatMap((text) =>
      typeOf(text) === 'agent_response' ? (runIdOf(text) ?? []) : [],
    );
  }
}

export type UnendedRun = Pick<RunRecord, 'runId' | 'replyTo' | 'agent' | 'attempt'>;

export interface ListSessions {
  readonly person: string;
  /** The `next` of the page before: only sessions that come behind its last one. */
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface SessionListPage {
  readonly sessions: readonly SessionRecord[];
  /** How many there are in all. */
  readonly total: number;
  /** Where the next page begins; absent where this is the last one. */
  readonly next?: string;
}

/** What a `next` looks like: when a session was active last, and its place among those of the same moment. */
export const PLACE = /^(\d{1,15})\.(\d{1,15})$/;

/** Before the first one where there is no `after`. @throws {RangeError} for what no page has said. */
export function parsePlace(after: string | undefined): readonly [at: number, order: number] {
  if (after === undefined) return [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
  const [, at, order] = PLACE.exec(after) ?? [];
  if (order === undefined) throw new RangeError(`Expected the next of a page, got ${after}.`);
  return [Number(at), Number(order)];
}

export interface SearchHit {
  readonly sessionId: string;
  readonly title: string | null;
  readonly messageId: string;
  readonly seq: number;
  readonly role: 'user' | 'assistant';
  readonly timestamp: string;
  /** The text around the first match, at most 200 characters. */
  readonly snippet: string;
}

/** What cleaning up takes away. Sessions with an unfinished run stay as they are. */
export interface Retention {
  /** Sessions without a message whose last activity is before this time. */
  readonly emptyBefore?: number;
  /** Sessions whose last activity is before this time. */
  readonly idleBefore?: number;
  /** Of each owner all but this many sessions, the most recently active ones. */
  readonly maxSessions?: number;
  /** Of each session all but this many events, the newest ones. `seq` goes on counting. */
  readonly maxEvents?: number;
  /** At the most so many sessions in one call. */
  readonly batch: number;
}

export interface Cleaned {
  readonly expired: readonly SessionIdentity[];
  readonly trimmed: readonly string[];
  /** There may be more to clean: call again. */
  readonly more: boolean;
}

/**
 * Every method rejects with `StoreError` where the store cannot do its work; then nothing was written
 * that the caller would have to know of, and the call may be repeated.
 */
/** Told how long it took to put a batch of writes on disk, seconds. Must not throw. */
export type OnCommit = (seconds: number) => void;

export interface Store {
  /** Whether other processes may use it at the same time. */
  readonly isShared: boolean;
  /** Writes that were asked for and are not answered yet. */
  readonly pendingWrites: number;
  /** What those who share it have in common, and nobody else: two databases never have the same. */
  readonly deployment: string;
  /**
   * Creates the session, or returns the one that has this id, whoever owns it. `undefined`: there is none,
   * and its owner has `maxOwned` sessions already.
   */
  createSession(
    session: NewSession,
    maxOwned?: number,
  ): Promise<{ session: SessionRecord | undefined; created: boolean }>;
  getSession(id: string): Promise<SessionRecord | undefined>;
  updateSession(
    session: SessionIdentity,
    patch: { readonly title?: string; readonly agent?: string },
  ): Promise<SessionRecord | undefined>;
  /**
   * Makes somebody a member, or gives a member more, never less; the owner is none. It changes nothing where
   * the session is in another epoch: what had been given out was taken back meanwhile.
   * Resolves with what the session is then; `undefined`: there is none.
   *
   * @throws {RangeError} for one more than `STORE_LIMITS.members`.
   */
  addMember(
    id: string,
    principal: string,
    access: Access,
    invitationEpoch: number,
  ): Promise<SessionRecord | undefined>;
  /** Takes a member out, if they are one. `undefined`: there is no such session. */
  removeMember(session: SessionIdentity, principal: string): Promise<SessionRecord | undefined>;
  /** Begins another epoch of its invitations. `undefined`: there is no such session. */
  withdrawInvitations(session: SessionIdentity): Promise<SessionRecord | undefined>;
  /** Which sessions have these ids, and how far they and their logs are; those that are not there are not in it. */
  heads(ids: readonly string[]): Promise<readonly SessionHead[]>;
  /**
   * Takes the session, its log and its runs away; resolves with which node executed these, '' where there were
   * none. `undefined`: there is no such session.
   */
  deleteSession(session: SessionIdentity): Promise<Pick<RunRecord, 'node'> | undefined>;
  /** Those of a person, or that they are a member of; most recently active first, at most `STORE_LIMITS.page`. */
  listSessions(query: ListSessions): Promise<SessionListPage>;

  /** Calls resolve in the order in which they were made, and so do those of `appendRunEvent` and `finishRun`. */
  appendMessage(append: AppendMessage): Promise<MessageOutcome>;
  /**
   * Like `appendMessage`, in one order with it, but writes nothing: `new` is what could be appended. Of a session
   * that is not there, or not for its sender, it says first whether its sender may have another run.
   */
  repeatMessage(
    append: AppendMessage,
  ): Promise<Exclude<MessageOutcome, { outcome: 'appended' }> | NoRepetition>;
  /** Appends an event of a run (its `run_id` and `attempt`) that goes on. */
  appendRunEvent(event: NewEvent): Promise<RunOutcome>;
  /** Appends the terminal event of a run and ends it. */
  finishRun(event: Extract<NewEvent, { type: 'agent_response' }>): Promise<RunOutcome>;
  /** Notes that the agent is about to act. `false`: stale. */
  markStarted(runId: string, attempt: number): Promise<boolean>;
  /**
   * The node lives for `ms` from now on, by the store's clock; 0: it ends. Resolves with how many others live;
   * none where no other process can use the store.
   */
  keepAlive(node: string, ms: number): Promise<number>;
  /** In the order of their messages; those of one node, or (`null`) those whose node lives no more. */
  unfinishedRuns(node?: string | null): Promise<readonly RunRecord[]>;
  /**
   * Takes the unfinished runs of a session over from a node that lives no more: they are this node's, each
   * an attempt more where another node had them. Returns them in the order of their messages; none where somebody was faster.
   */
  claimRuns(sessionId: string, node: string): Promise<readonly RunRecord[]>;

  /**
   * Notes that unfinished runs of a session are to be stopped: one, or all of the messages that were appended
   * before this was called; resolves with them as they are then. `undefined`: there is no such session for
   * `sender` to write in.
   */
  stopRuns(session: SessionIdentity, stop: StopRuns): Promise<readonly RunRecord[] | undefined>;

  readSession(id: string, read: ReadEvents): Promise<SessionPage | undefined>;
  /** The event with this `message_id`; the newest where several have it. */
  getEvent(session: SessionIdentity, messageId: string): Promise<SessionEvent | undefined>;
  /** The `chat_message` events of a session that are kept, in their order. */
  questions(session: SessionIdentity): Promise<readonly Question[]>;
  /**
   * Messages and answers in the sessions of a person, or that they are a member of, that have every
   * word of `text`, the last one as a prefix; newest first.
   * Case and diacritics do not matter. At most `STORE_LIMITS.hits`; words after the first
   * `STORE_LIMITS.words` are not looked at; a text without a word finds nothing.
   */
  search(query: {
    readonly person: string;
    readonly text: string;
    readonly limit: number;
  }): Promise<readonly SearchHit[]>;
  clean(retention: Retention): Promise<Cleaned>;

  /** Rejects where nothing could be written now. */
  check(): Promise<void>;
  close(): Promise<void>;
}

export function tooManyMembers(): RangeError {
  return new RangeError(`A session has ${STORE_LIMITS.members} members at most.`);
}

/** The store could not do its work. `cause` says why. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}
