/**
 * Where one connection stands in one session, and what it still lacks.
 *
 * There is one way to close a gap, whatever made it (a join, a resume, a lost delivery): read the log
 * from the last `seq` that was sent, until nothing was published that was not read. Text of the running
 * answer is not queued for a reader that is behind; it is owed, and paid from the answer itself.
 */
import {
  encodeStatus,
  LIMITS,
  type Profile,
  SERVER_MESSAGE_TYPES,
  type ServerMessage,
  type ServerMessageOf,
  type ServerMessageType,
} from '@parley/protocol';
import { seqOf, toHistoryText, typeOf } from '@parley/protocol/event-text';
import { accessOf, isStranger } from '../auth/access.ts';
import type { Principal } from '../auth/principal.ts';
import type {
  SessionIdentity,
  SessionPage,
  SessionRecord,
  Store,
  UnendedRun,
} from '../stores/store.ts';
import { AnswerCursor, type AnswerSource } from './answer-cursor.ts';
import type { Delivery } from './delivery.ts';
import type { Hub } from './hub.ts';
import type { Session, Subscriber } from './session.ts';
import { sessionStatus } from './session-status.ts';

/** What a subscription needs of a connection. */
export interface Peer {
  readonly id: string;
  readonly profile: Profile;
  readonly principal: Principal;
  /** Takes a message for this peer alone. */
  tell(message: ServerMessage): void;
  /** Takes the text of a message of this type for this peer alone. */
  say(type: ServerMessageType, text: string): void;
  /** Takes a message that others get as well, so that its frame is built once. */
  forward(delivery: Delivery): void;
  readonly congested: boolean;
  /** Calls back when it is not congested, or closed. */
  whenClear(callback: () => void): void;
  /** It is in this session no more, which has ended. */
  left(sessionId: string): void;
  /** Ends the connection: it can no longer be told everything, and is to come back and resume. */
  fail(error: unknown): void;
}

/** An answer that is being written. */
export interface RunningAnswer {
  readonly runId: string;
  readonly attempt: number;
  readonly answerId: string;
  readonly replyTo: string;
  readonly agent: string;
  /** What has been written so far, or what is known here of that. */
  readonly text: string;
  /** Whether it is written on this node. */
  readonly isOwn: boolean;
}

export interface SubscriptionDeps {
  readonly store: Store;
  readonly hub: Hub;
  /** The answer that is being written in the session, if any. */
  readonly running: (session: Session) => RunningAnswer | undefined;
  /** Those of the runs that were found in the store that wait, as their `run_status`. */
  readonly waiting: (
    session: SessionIdentity,
    found: readonly UnendedRun[],
  ) => readonly ServerMessageOf<'run_status'>[];
}

export interface JoinPosition {
  /** The last `seq` that the client has; absent: it wants the newest page. */
  readonly afterSeq?: number | undefined;
  readonly answer?: { run_id: string; attempt: number; offset: number } | undefined;
  /** The `message_id` of the request, which its `session_status` answers. */
  readonly replyTo?: string | undefined;
}

/**
 * What a subscription passes on. A client of the seed expects `session_status` only as the answer to
 * its own `session_create` and `session_join`.
 */
const TYPES: Record<Profile, ReadonlySet<string>> = {
  plain: new Set(SERVER_MESSAGE_TYPES.plain.filter((type) => type !== 'session_status')),
  'parley.v1': new Set(SERVER_MESSAGE_TYPES['parley.v1']),
};

export class Subscription implements Subscriber, AnswerSource {
  readonly peer: Peer;
  #principal: Principal;
  readonly #deps: SubscriptionDeps;
  readonly #session: Session;
  #state: 'catching_up' | 'live' | 'closed' = 'catching_up';
  // Most of the time a subscription has none of these, and so no object for them.
  #answer: AnswerCursor | undefined;
  /** The last of each type that came while it caught up, and that is nowhere to be read. */
  #missed: Map<ServerMessage['type'], Delivery> | undefined;
  /** Of its own messages that it has not come to yet, by their `seq`. */
  #acknowledgements: Map<number, string> | undefined;
  #seq = 0;
  /**
   * How far the log was when it was read last. What the session was told is another thing: whoever reads further
   * than that must not keep the others from being told.
   */
  #readable = 0;
  /** Those that had not ended when the log was read last. */
  #runs: readonly UnendedRun[] | undefined;

  /** Subscribes first and reads then, so that nothing falls between. */
  static async join(
    record: SessionRecord,
    peer: Peer,
    deps: SubscriptionDeps,
    position: JoinPosition,
  ): Promise<Subscription | undefined> {
    const subscription = new Subscription(record, peer, deps);
    try {
      if (await subscription.#start(position)) return subscription;
    } catch (error) {
      subscription.close();
      throw error;
    }
    subscription.close();
    return undefined;
  }

  private constructor(record: SessionRecord, peer: Peer, deps: SubscriptionDeps) {
    this.#principal = peer.principal;
    this.peer = peer;
    this.#deps = deps;
    // Who is alone is told so before this returns: `deliver` must do without the session until it is live.
    this.#session = deps.hub.subscribe(record, this);
  }

  get person(): string {
    return this.#principal.id;
  }

  get isShown(): boolean {
    return true;
  }

  get sessionId(): string {
    return this.#session.record.id;
  }

  running(): RunningAnswer | undefined {
    return this.#deps.running(this.#session);
  }

  #needAnswer(): AnswerCursor {
    this.#answer ??= new AnswerCursor(this);
    return this.#answer;
  }

  #announce(known: JoinPosition['answer']): ReturnType<AnswerCursor['announce']> {
    return known || this.running() ? this.#needAnswer().announce(known) : {};
  }

  #pay(): void {
    if (this.running()) this.#needAnswer().pay();
  }

  get isLive(): boolean {
    return this.#state === 'live';
  }

  /** Whose it is, as they are known now: they may see less than when they joined. */
  renew(principal: Principal): void {
    this.#principal = principal;
    if (!accessOf(principal, this.#session.record)) this.#leave();
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#deps.hub.unsubscribe(this.#session, this);
    this.#acknowledgeAll();
  }

  ended(status: 'deleted' | 'expired'): void {
    this.#state = 'closed';
    this.#acknowledgeAll();
    this.#send(sessionStatus(this.#session.record, status));
    this.peer.left(this.#session.record.id);
  }

  deliver(delivery: Delivery): void {
    const { message } = delivery;
    if (this.#state !== 'live') {
      this.#miss(delivery);
      return;
    }
    if (message.seq !== undefined) {
      if (message.seq <= this.#seq) return;
      if (message.seq > this.#seq + 1) {
        this.#fallBack();
        return;
      }
      this.#seq = message.seq;
    }
    if (delivery.origin === this.peer.id) return;
    if (!TYPES[this.peer.profile].has(message.type)) return;
    if (message.type === 'agent_chunk' && this.#session.isUnconfirmed(message.run_id))
      this.behind();
    else if (message.type === 'agent_chunk') this.#needAnswer().forward(message, delivery);
    else if (message.type === 'agent_progress' && this.peer.congested) this.#postpone(delivery);
    else this.peer.forward(delivery);
  }

  /**
   * Tells the acknowledgement of a message of the peer's own in the message's place in the log: what stands
   * before it may be of other nodes, and still on its way.
   */
  acknowledge(seq: number, text: string): void {
    if (this.#state === 'closed' || seq <= this.#seq) {
      this.peer.say('message_ack', text);
      return;
    }
    if (this.#state === 'live' && seq === this.#seq + 1) {
      this.#seq = seq;
      this.peer.say('message_ack', text);
      return;
    }
    this.#acknowledgements ??= new Map();
    this.#acknowledgements.set(seq, text);
    if (seq > this.#session.heardSeq) this.#session.heardSeq = seq;
    this.behind();
  }

  behind(): void {
    if (this.#state !== 'live') return;
    if (this.#session.heardSeq > this.#seq) this.#fallBack();
    else if (this.#session.isUnconfirmed(this.#session.remote?.runId)) this.#confirm();
    else this.#pay();
  }

  #confirm(): void {
    this.#session.confirmOnce(this.#deps.store).then(
      () => this.#state === 'live' && this.#pay(),
      // The next piece asks again.
      () => {},
    );
  }

  /** Goes through what it missed, from the log. */
  #fallBack(): void {
    this.#state = 'catching_up';
    this.#catchUp().then(
      (isThere) => isThere || this.#leave(),
      (error) => this.peer.fail(error),
    );
  }

  /** The session is no more for whoever this is, and nobody has said so. */
  #leave(): void {
    if (this.#state === 'closed') return;
    this.close();
    this.ended('deleted');
  }

  /** What has a `seq` is read from the log, and text from the answer; the rest is nowhere else. */
  #miss(delivery: Delivery): void {
    const { seq, type } = delivery.message;
    if (seq !== undefined || type === 'agent_chunk' || type === 'typing') return;
    if (!TYPES[this.peer.profile].has(type)) return;
    this.#missed ??= new Map();
    this.#missed.delete(type);
    this.#missed.set(type, delivery);
  }

  /** Of reports that follow each other a reader that is behind gets the last one. */
  #postpone(delivery: Delivery): void {
    this.#miss(delivery);
    if (this.#missed && this.#missed.size > 1) return;
    this.peer.whenClear(() => {
      if (this.#state === 'live') this.#tellMissed();
    });
  }

  #tellMissed(): void {
    if (!this.#missed) return;
    const running = this.running();
    for (const delivery of this.#missed.values()) {
      const { run_id } = delivery.message;
      // Of a run that has ended meanwhile its end has been told, or will be from the log.
      if (run_id === undefined || run_id === running?.runId) this.peer.forward(delivery);
    }
    this.#missed = undefined;
  }

  async #start({ afterSeq, answer, replyTo }: JoinPosition): Promise<boolean> {
    // What is published from now on is heard; what was before is in the log.
    await this.#session.followed;
    await this.#clear();
    if (afterSeq === undefined) return this.#showNewestPage({}, replyTo);
    const page = await this.#read({ after: afterSeq });
    await this.#session.confirm(this.#deps.store);
    if (!page || this.#state === 'closed') return false;
    const { firstSeq, lastSeq } = page.session;
    const resumable =
      afterSeq <= lastSeq && afterSeq + 1 >= firstSeq && lastSeq - afterSeq <= LIMITS.replayEvents;
    if (!resumable) return this.#showNewestPage({ reset: true }, replyTo);
    this.#seq = afterSeq;
    const extra = { ...this.#announce(answer), ...this.#you(page.session) };
    this.#send(sessionStatus(page.session, 'active', extra, replyTo));
    await this.#replay(page.texts);
    return this.#catchUp();
  }

  async #showNewestPage(extra: { reset?: boolean }, replyTo?: string): Promise<boolean> {
    const page = await this.#read({ before: Number.MAX_SAFE_INTEGER });
    await this.#session.confirm(this.#deps.store);
    if (!page || this.#state === 'closed') return false;
    this.#seq = page.session.lastSeq;
    const [oldest] = page.texts;
    const shown = {
      has_more: oldest !== undefined && seqOf(oldest) > page.session.firstSeq,
      ...extra,
      ...this.#announce(undefined),
      ...this.#you(page.session),
    };
    const status = sessionStatus(page.session, 'active', shown, replyTo);
    this.peer.say(status.type, encodeStatus(status, page.texts.map(toHistoryText)));
    return this.#catchUp();
  }

  /** Who is asking; clients of the seed need not know. */
  #you(record: SessionRecord): Pick<ServerMessageOf<'session_status'>['data'], 'you'> {
    const access = accessOf(this.#principal, record);
    if (this.peer.profile === 'plain' || !access) return {};
    const you = { id: this.#principal.id, access };
    return { you: isStranger(this.#principal, record) ? { ...you, administrator: true } : you };
  }

  async #read(where: { after: number } | { before: number }): Promise<SessionPage | undefined> {
    const { id, incarnation } = this.#session.record;
    const page = await this.#deps.store.readSession(id, { ...where, limit: LIMITS.historyEvents });
    // What has its id since is another one.
    if (page?.session.incarnation !== incarnation) return undefined;
    this.#runs = page.runs.length > 0 ? page.runs : undefined;
    this.#readable = page.session.lastSeq;
    this.#deps.hub.learn(page.session);
    this.#session.sawEnds(page.endedRuns);
    // They may have been taken out since they were let in, before anybody here knew that they follow it.
    return accessOf(this.#principal, page.session) ? page : undefined;
  }

  /**
   * Goes live, once everything is sent that was committed when it was read or published since.
   * `false`: there is no such session any more.
   */
  async #catchUp(): Promise<boolean> {
    while (this.#state === 'catching_up') {
      if (this.#seq >= Math.max(this.#session.heardSeq, this.#readable)) {
        this.#goLive();
        return true;
      }
      await this.#clear();
      const page = await this.#read({ after: this.#seq });
      if (!page) return false;
      if (this.#state !== 'catching_up') break;
      // What was to be read has been cleaned up meanwhile: say so instead of leaving a hole.
      if (page.session.firstSeq > this.#seq + 1) return this.#showNewestPage({ reset: true });
      const before = this.#seq;
      await this.#replay(page.texts);
      // Read again it would be the same: this must not go round for ever.
      if (this.#seq === before && this.#state === 'catching_up') {
        throw new Error(`The log of ${this.#session.record.id} cannot be read after ${before}.`);
      }
    }
    return this.#state === 'live';
  }

  /** What is sent waits in the store, not in the outbox: a reader is not cut for a long log. */
  #clear(): Promise<void> | undefined {
    if (!this.peer.congested) return undefined;
    return new Promise((resolve) => this.peer.whenClear(resolve));
  }

  async #replay(events: readonly string[]): Promise<void> {
    for (const text of events) {
      await this.#clear();
      const seq = seqOf(text);
      if (this.#state !== 'catching_up' || seq !== this.#seq + 1) return;
      this.#seq = seq;
      const acknowledgement = this.#acknowledgements?.get(seq);
      this.#acknowledgements?.delete(seq);
      const type = typeOf(text);
      if (acknowledgement !== undefined) this.peer.say('message_ack', acknowledgement);
      else if (TYPES[this.peer.profile].has(type)) this.peer.say(type, text);
    }
  }

  #goLive(): void {
    this.#state = 'live';
    // What they acknowledge was shown in the newest page.
    this.#acknowledgeAll();
    this.#tellMissed();
    if (this.peer.profile === 'plain') return;
    const running = this.running();
    for (const status of this.#deps.waiting(this.#session.record, this.#runs ?? [])) {
      // It may have begun since the log was read.
      if (status.run_id !== running?.runId) this.#send(status);
    }
    this.#pay();
  }

  /** Of messages that are in the log, and whose place in it was not come to. */
  #acknowledgeAll(): void {
    for (const text of this.#acknowledgements?.values() ?? []) this.peer.say('message_ack', text);
    this.#acknowledgements = undefined;
  }

  #send(message: ServerMessage): void {
    this.peer.tell(message);
  }
}
