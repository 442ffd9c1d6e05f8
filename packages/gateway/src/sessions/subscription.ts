/**
 * Where one connection stands in one session, and what it still lacks.
 *
 * There is one way to close a gap, whatever made it (a join, a resume, a lost delivery): read the log
 * from the last `seq` that was sent, until nothing was published that was not read. Text of the running
 * answer is not queued for a reader that is behind; it is owed, and paid from the answer itself.
 */
import {
  createMessage,
  encode,
  LIMITS,
  type Profile,
  SERVER_MESSAGE_TYPES,
  type ServerMessage,
  type ServerMessageOf,
  type SessionEvent,
  toHistoryEntry,
} from '@parley/protocol';
import type { Delivery } from '../buses/bus.ts';
import type { SessionPage, SessionRecord, Store } from '../stores/store.ts';
import type { Hub } from './hub.ts';
import type { Session, Subscriber } from './session.ts';

/** What a subscription needs of a connection. */
export interface Peer {
  readonly id: string;
  readonly profile: Profile;
  readonly principalId: string;
  /** Takes a message for this peer alone. */
  send(text: string): void;
  /** Takes a message that others get as well, so that its frame is built once. */
  forward(delivery: Delivery): void;
  readonly congested: boolean;
  /** Calls back when it is not congested, or closed. */
  whenClear(callback: () => void): void;
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
  /** What has been written so far. */
  readonly text: string;
}

export interface SubscriptionDeps {
  readonly store: Store;
  readonly hub: Hub;
  /** The answer that is being written in the session, if any. */
  readonly running: (sessionId: string) => RunningAnswer | undefined;
  /** The runs that wait in the session, as their `run_status`. */
  readonly waiting: (sessionId: string) => readonly ServerMessageOf<'run_status'>[];
  readonly onEnded: (sessionId: string, status: 'deleted' | 'expired') => void;
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

/** How far the client is in the running answer. */
interface AnswerPosition {
  runId: string;
  attempt: number;
  offset: number;
}

export class Subscription implements Subscriber {
  readonly participant: string;
  readonly #peer: Peer;
  readonly #deps: SubscriptionDeps;
  readonly #session: Session;
  #state: 'catching_up' | 'live' | 'closed' = 'catching_up';
  #seq = 0;
  #answer: AnswerPosition | undefined;
  #owing = false;

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
    this.participant = peer.principalId;
    this.#peer = peer;
    this.#deps = deps;
    this.#session = deps.hub.subscribe(record, this);
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#deps.hub.unsubscribe(this.#session.record.id, this);
  }

  ended(status: 'deleted' | 'expired'): void {
    this.#state = 'closed';
    this.#send(sessionStatus(this.#session.record, status));
    this.#deps.onEnded(this.#session.record.id, status);
  }

  deliver(delivery: Delivery): void {
    if (this.#state !== 'live') return;
    const { message } = delivery;
    if (message.seq !== undefined) {
      if (message.seq <= this.#seq) return;
      if (message.seq > this.#seq + 1) {
        this.#state = 'catching_up';
        this.#catchUp().catch((error) => this.#peer.fail(error));
        return;
      }
      this.#seq = message.seq;
    }
    if (delivery.origin === this.#peer.id) return;
    if (!TYPES[this.#peer.profile].has(message.type)) return;
    if (message.type === 'agent_chunk') this.#chunk(message, delivery);
    else this.#peer.forward(delivery);
  }

  async #start({ afterSeq, answer, replyTo }: JoinPosition): Promise<boolean> {
    await this.#clear();
    if (afterSeq === undefined) return this.#showNewestPage({}, replyTo);
    const page = await this.#read(afterSeq);
    if (!page) return false;
    const { firstSeq, lastSeq } = page.session;
    const resumable =
      afterSeq <= lastSeq && afterSeq + 1 >= firstSeq && lastSeq - afterSeq <= LIMITS.replayEvents;
    if (!resumable) return this.#showNewestPage({ reset: true }, replyTo);
    this.#seq = afterSeq;
    if (lastSeq > this.#session.lastSeq) this.#session.lastSeq = lastSeq;
    this.#send(sessionStatus(page.session, 'active', this.#runningFrom(answer), replyTo));
    await this.#replay(page.events);
    return this.#catchUp();
  }

  async #showNewestPage(extra: { reset?: boolean }, replyTo?: string): Promise<boolean> {
    const page = await this.#deps.store.readSession(this.#session.record.id, {
      before: Number.MAX_SAFE_INTEGER,
      limit: LIMITS.historyEvents,
    });
    if (!page) return false;
    this.#seq = page.session.lastSeq;
    const oldest = page.events[0]?.seq ?? page.session.firstSeq;
    const shown = {
      history: page.events.map(toHistoryEntry),
      has_more: oldest > page.session.firstSeq,
      ...extra,
      ...this.#runningFrom(undefined),
    };
    this.#send(sessionStatus(page.session, 'active', shown, replyTo));
    return this.#catchUp();
  }

  #read(after: number): Promise<SessionPage | undefined> {
    return this.#deps.store.readSession(this.#session.record.id, {
      after,
      limit: LIMITS.historyEvents,
    });
  }

  /**
   * Goes live, once everything is sent that was committed when it was read or published since.
   * `false`: there is no such session any more.
   */
  async #catchUp(): Promise<boolean> {
    while (this.#state === 'catching_up') {
      if (this.#seq >= this.#session.lastSeq) {
        this.#goLive();
        return true;
      }
      await this.#clear();
      const page = await this.#read(this.#seq);
      if (!page) return false;
      if (this.#state !== 'catching_up') break;
      // What was to be read has been cleaned up meanwhile: say so instead of leaving a hole.
      if (page.session.firstSeq > this.#seq + 1) return this.#showNewestPage({ reset: true });
      const before = this.#seq;
      await this.#replay(page.events);
      // Read again it would be the same: this must not go round for ever.
      if (this.#seq === before && this.#state === 'catching_up') {
        throw new Error(`The log of ${this.#session.record.id} cannot be read after ${before}.`);
      }
      if (page.session.lastSeq > this.#session.lastSeq) {
        this.#session.lastSeq = page.session.lastSeq;
      }
    }
    return this.#state === 'live';
  }

  /** What is sent waits in the store, not in the outbox: a reader is not cut for a long log. */
  #clear(): Promise<void> | undefined {
    if (!this.#peer.congested) return undefined;
    return new Promise((resolve) => this.#peer.whenClear(resolve));
  }

  async #replay(events: readonly SessionEvent[]): Promise<void> {
    for (const event of events) {
      await this.#clear();
      if (this.#state !== 'catching_up' || event.seq !== this.#seq + 1) return;
      this.#seq = event.seq;
      if (TYPES[this.#peer.profile].has(event.type)) this.#peer.send(encode(event));
    }
  }

  #goLive(): void {
    this.#state = 'live';
    if (this.#peer.profile === 'plain') return;
    for (const status of this.#deps.waiting(this.#session.record.id)) this.#send(status);
    this.#payText();
  }

  /** The running answer for `session_status`, from where the client is in this very attempt. */
  #runningFrom(
    position: JoinPosition['answer'],
  ): Pick<ServerMessageOf<'session_status'>['data'], 'answer'> {
    const running = this.#deps.running(this.#session.record.id);
    if (!running || this.#peer.profile === 'plain') return {};
    const offset =
      position?.run_id === running.runId &&
      position.attempt === running.attempt &&
      position.offset <= running.text.length
        ? position.offset
        : 0;
    this.#answer = {
      runId: running.runId,
      attempt: running.attempt,
      offset: running.text.length,
    };
    return {
      answer: {
        run_id: running.runId,
        attempt: running.attempt,
        message_id: running.answerId,
        reply_to: running.replyTo,
        agent_name: running.agent,
        offset,
        content: running.text.slice(offset),
      },
    };
  }

  #chunk(chunk: ServerMessageOf<'agent_chunk'>, delivery: Delivery): void {
    const { run_id: runId = '', attempt = 1 } = chunk;
    const { offset, content } = chunk.data;
    if (this.#answer?.runId !== runId || this.#answer.attempt !== attempt) {
      this.#answer = { runId, attempt, offset: 0 };
    }
    if (offset === this.#answer.offset && !this.#peer.congested) {
      this.#answer.offset += content.length;
      this.#peer.forward(delivery);
      return;
    }
    if (this.#owing) return;
    this.#owing = true;
    this.#peer.whenClear(() => {
      this.#owing = false;
      if (this.#state === 'live') this.#payText();
    });
  }

  /** Sends what the client lacks of the running answer, in one chunk. */
  #payText(): void {
    const running = this.#deps.running(this.#session.record.id);
    if (!running || this.#peer.profile === 'plain') return;
    const position =
      this.#answer?.runId === running.runId && this.#answer.attempt === running.attempt
        ? this.#answer
        : { runId: running.runId, attempt: running.attempt, offset: 0 };
    const content = running.text.slice(position.offset);
    const { offset } = position;
    position.offset = running.text.length;
    this.#answer = position;
    if (content === '') return;
    this.#send(
      createMessage(
        'agent_chunk',
        { agent_name: running.agent, offset, content },
        {
          session_id: this.#session.record.id,
          message_id: running.answerId,
          reply_to: running.replyTo,
          run_id: running.runId,
          attempt: running.attempt,
        },
      ),
    );
  }

  #send(message: ServerMessage): void {
    this.#peer.send(encode(message));
  }
}

/** What a session is at this moment; `extra` is what a join adds. */
export function sessionStatus(
  record: SessionRecord,
  status: 'active' | 'deleted' | 'expired',
  extra: Partial<ServerMessageOf<'session_status'>['data']> = {},
  replyTo?: string,
): ServerMessageOf<'session_status'> & { session_id: string } {
  const data = {
    session_id: record.id,
    status,
    title: record.title,
    agent_name: record.agent,
    message_count: record.messageCount,
    created_at: new Date(record.createdAt).toISOString(),
    last_activity: new Date(record.lastActivity).toISOString(),
    first_seq: record.firstSeq,
    last_seq: record.lastSeq,
    ...extra,
  };
  return createMessage('session_status', data, {
    session_id: record.id,
    ...(replyTo === undefined ? {} : { reply_to: replyTo }),
  });
}
