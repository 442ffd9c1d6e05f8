/** Who follows which session, here and on the other nodes: where a message goes out. */
import { createMessage, type ServerMessageOf } from '@parley/protocol';
import type { Bus } from '../buses/bus.ts';
import type { Logger } from '../log.ts';
import type { SessionRecord } from '../stores/store.ts';
import type { Calls } from './calls.ts';
import { Delivery } from './delivery.ts';
import type { PresenceOfNode } from './presence.ts';
import { answerOf, headOf, withChunk } from './remote-answer.ts';
import { Session, type Subscriber } from './session.ts';
import { audienceOf, sessionStatus } from './session-status.ts';
import type { Watcher, Watchers } from './watchers.ts';

/**
 * Presence goes out at most so often for a session: with n connections that come at once, n² messages
 * would go out else.
 */
const PRESENCE_INTERVAL_MS = 100;
/** Every node says anew who is there, so that what was lost on the way is told, milliseconds. */
const PRESENCE_REPEAT_MS = 20_000;

type Ending = 'deleted' | 'expired';

/** What nodes that have someone in a session tell each other of it. */
type Notice =
  | {
      readonly kind: 'said';
      readonly delivery: Delivery;
      readonly record?: SessionRecord | undefined;
    }
  | { readonly kind: 'ended'; readonly status: Ending }
  | { readonly kind: 'present'; readonly node: string; readonly there: PresenceOfNode }
  /** From a node that has someone in the session since now. */
  | { readonly kind: 'who_is_there' };

interface HubDeps {
  /** The id of this one. */
  readonly node: string;
  readonly bus: Bus;
  readonly calls: Calls;
  readonly log: Logger;
  readonly watchers: Watchers;
}

export class Hub {
  readonly #bus: Bus;
  readonly #log: Logger;
  readonly #watchers: Watchers;
  readonly #node: string;
  /** What nodes ask of each other. */
  readonly calls: Calls;
  /** By their incarnation. */
  readonly #sessions = new Map<string, Session>();
  /** By their id: of two of the same id the one that was come to last. */
  readonly #byId = new Map<string, Session>();
  readonly #repeat: NodeJS.Timeout;

  constructor({ node, bus, calls, log, watchers }: HubDeps) {
    this.#node = node;
    this.calls = calls;
    this.#bus = bus;
    this.#log = log;
    this.#watchers = watchers;
    this.#repeat = setInterval(() => this.#repeatPresence(), PRESENCE_REPEAT_MS).unref();
  }

  /**
   * The session of this id, while someone on this node follows it. It may be no more, and another one have its
   * id, if this node was not told.
   */
  get(sessionId: string): Session | undefined {
    return this.#byId.get(sessionId);
  }

  /** This very session, while someone on this node follows it. */
  of(incarnation: string): Session | undefined {
    return this.#sessions.get(incarnation);
  }

  /** The sessions that are followed, as they are known. */
  followed(): SessionRecord[] {
    return Array.from(this.#sessions.values(), ({ record }) => record);
  }

  /** The log of a session is so far, whoever was told of that. */
  logReaches(incarnation: string, lastSeq: number): void {
    const session = this.#sessions.get(incarnation);
    if (!session || session.heardSeq >= lastSeq) return;
    session.heardSeq = lastSeq;
    for (const subscriber of session.subscribers) this.#guard(() => subscriber.behind());
  }

  /** A session was read: what of it is news here is told here. */
  learn(record: SessionRecord): void {
    const session = this.#sessions.get(record.incarnation);
    // Nearly always it is no news, which takes longer to be put into words than to be seen.
    if (session?.isNews(record)) {
      this.#deliver(session, new Delivery(sessionStatus(record, 'active')), record);
    } else session?.change(record);
  }

  /** The lists of those who may see the session are other ones by it. */
  tellLists(sessionId: string, audience: readonly string[]): void {
    for (const person of audience) this.#watchers.changed(person, sessionId);
  }

  /** A session is no more, and nobody was told. */
  lost(incarnation: string): void {
    this.#take(incarnation, { kind: 'ended', status: 'deleted' });
  }

  /** How many sessions are followed. */
  get size(): number {
    return this.#sessions.size;
  }

  subscribe(record: SessionRecord, subscriber: Subscriber): Session {
    const { id, incarnation } = record;
    // What lets the subscriber in may be newer than what is known.
    this.learn(record);
    let session = this.#sessions.get(incarnation);
    const isFirst = !session;
    if (!session) {
      const following = this.#bus.follow(topicOf(incarnation), (notice) =>
        this.#hear(incarnation, notice as Notice),
      );
      session = new Session(record, following, () => this.#arrive(incarnation));
      this.#sessions.set(incarnation, session);
      this.#byId.set(id, session);
    }
    session.enter(subscriber);
    // Alone: said at once, so that it goes out in one write with what the session is.
    const isAlone = isFirst && !this.#bus.reachesOthers;
    if (isAlone && subscriber.isShown) this.#tellPresenceHere(session);
    else if (subscriber.isShown) this.#presenceSoon(session);
    return session;
  }

  unsubscribe({ record }: Session, subscriber: Subscriber): void {
    const session = this.#sessions.get(record.incarnation);
    if (!session?.leave(subscriber)) return;
    const wasSeen = subscriber.isShown;
    if (session.subscribers.length > 0) {
      if (wasSeen) this.#presenceSoon(session);
      return;
    }
    if (wasSeen) this.#tellPresenceElsewhere(session);
    this.#forget(session);
  }

  /** Tells everyone in the session, on whatever node. */
  publish(
    incarnation: string,
    message: Delivery['message'],
    about: {
      readonly origin?: string | undefined;
      /** Who may see the session, where it is another one by this than it was: their lists are. */
      readonly audience?: readonly string[] | undefined;
      /** The session, where this is that it was changed. */
      readonly record?: SessionRecord;
    } = {},
  ): void {
    const { origin, audience, record } = about;
    if (this.#bus.reachesOthers) this.#keep(incarnation, message);
    const delivery = new Delivery(message, origin);
    const session = this.#sessions.get(incarnation);
    // First here: what others hear of may come back as what they say to it.
    if (session) this.#deliver(session, delivery, record);
    this.#tell(incarnation, { kind: 'said', delivery, record });
    if (!audience) return;
    this.tellLists(message.session_id, session ? audienceOf(session.record) : audience);
  }

  /** Nothing more comes of the answer that this is a piece of: what others keep of it is not needed any more. */
  withdraw(incarnation: string, chunk: ServerMessageOf<'agent_chunk'>): void {
    if (this.#bus.reachesOthers) this.#bus.drop(topicOf(incarnation), headOf(chunk));
  }

  /** Tells the connection of all sessions that this person may see, until the returned function is called. */
  watch(person: string, watcher: Watcher): () => void {
    return this.#watchers.watch(person, watcher);
  }

  /**
   * Takes everyone out of a session that is no more. `record`: what it was; of a session that nobody here
   * is in it is not known otherwise.
   */
  end(incarnation: string, status: Ending, record?: SessionRecord): void {
    const last = record ?? this.#sessions.get(incarnation)?.record;
    if (last) {
      const delivery = new Delivery(sessionStatus(last, status));
      for (const person of audienceOf(last)) this.#watchers.ended(person, delivery);
    }
    const notice = { kind: 'ended', status } as const;
    this.#take(incarnation, notice);
    this.#tell(incarnation, notice);
  }

  /** Tells somebody who was taken out of a session, in the list of theirs: as if it were no more. */
  endFor(record: SessionRecord, person: string): void {
    this.#watchers.ended(person, new Delivery(sessionStatus(record, 'deleted')));
  }

  close(): void {
    clearInterval(this.#repeat);
    this.calls.close();
  }

  #tell(incarnation: string, notice: Notice): void {
    if (this.#bus.reachesOthers) void this.#bus.publish(topicOf(incarnation), notice);
  }

  /** What is being written is kept for the nodes that come to it late. */
  #keep(incarnation: string, message: Delivery['message']): void {
    const topic = topicOf(incarnation);
    if (message.type === 'agent_chunk')
      this.#bus.grow(topic, headOf(message), message.data.content);
    else if (message.type === 'agent_response') this.#bus.drop(topic, headOf(message));
  }

  /** From now on others are heard: who of them is there, and what one of them is writing. */
  async #arrive(incarnation: string): Promise<void> {
    if (!this.#bus.reachesOthers) return;
    this.#tell(incarnation, { kind: 'who_is_there' });
    await this.#readAnswer(incarnation);
  }

  async #readAnswer(incarnation: string): Promise<void> {
    const kept = await this.#bus.kept(topicOf(incarnation));
    const session = this.#sessions.get(incarnation);
    if (!kept || !session) return;
    const found = answerOf(kept);
    const known = session.remote;
    const isNews =
      known?.runId !== found.runId ||
      known.attempt < found.attempt ||
      (known.attempt === found.attempt && known.text.length < found.text.length);
    if (isNews && !session.hasEnded(found.runId)) session.remote = found;
  }

  /** Takes what another node says. */
  #hear(incarnation: string, notice: Notice): void {
    if (notice.kind !== 'said') {
      this.#take(incarnation, notice);
      return;
    }
    const session = this.#sessions.get(incarnation);
    if (!session) return;
    const { message, origin } = notice.delivery;
    this.#followAnswer(session, message);
    this.#deliver(session, new Delivery(message, origin), notice.record);
  }

  #followAnswer(session: Session, message: Delivery['message']): void {
    if (message.type !== 'agent_chunk' || session.hasEnded(message.run_id ?? '')) return;
    const answer = withChunk(session.remote, message);
    if (answer) {
      session.remote = answer;
      return;
    }
    void this.#readAnswer(session.record.incarnation).then(() => {
      for (const subscriber of session.subscribers) this.#guard(() => subscriber.behind());
    });
  }

  #take(incarnation: string, notice: Exclude<Notice, { kind: 'said' }>): void {
    const session = this.#sessions.get(incarnation);
    if (!session) return;
    switch (notice.kind) {
      case 'ended':
        this.#forget(session);
        for (const subscriber of session.subscribers) {
          this.#guard(() => subscriber.ended(notice.status));
        }
        break;
      case 'present':
        session.takePresence(notice.node, notice.there);
        this.#presenceSoon(session, { own: false });
        break;
      case 'who_is_there':
        this.#tellPresenceElsewhere(session);
        break;
    }
  }

  #deliver(session: Session, delivery: Delivery, record: SessionRecord | undefined): void {
    const { members } = session.record;
    if (record && !session.change(record)) return;
    if (record) this.#expel(session, members);
    // What is written here says nothing after its end; what other nodes write may be late.
    if (this.#bus.reachesOthers || session.remote) {
      const { type, run_id } = delivery.message;
      if (type === 'agent_response' && run_id !== undefined) session.sawEnds([run_id]);
      if (session.isStale(delivery.message)) return;
    }
    const { seq } = delivery.message;
    if (seq !== undefined && seq > session.heardSeq) session.heardSeq = seq;
    for (const subscriber of session.subscribers) {
      // As `#guard` does, without a function for each message and each who hears it.
      try {
        subscriber.deliver(delivery);
      } catch (error) {
        this.#noteFault(error);
      }
    }
  }

  /** To those who were members and are none any more it is as if it were no more. */
  #expel(session: Session, before: SessionRecord['members']): void {
    const { members } = session.record;
    for (const subscriber of session.subscribers) {
      const { person } = subscriber;
      if (!Object.hasOwn(before, person) || Object.hasOwn(members, person)) continue;
      this.unsubscribe(session, subscriber);
      this.#guard(() => subscriber.ended('deleted'));
    }
  }

  #forget(session: Session): void {
    const { id, incarnation } = session.record;
    session.close();
    if (this.#sessions.get(incarnation) === session) this.#sessions.delete(incarnation);
    if (this.#byId.get(id) === session) this.#byId.delete(id);
  }

  /** One subscriber's fault stays its own (R9). */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#noteFault(error);
    }
  }

  #noteFault(error: unknown): void {
    this.#log.error({ err: error }, 'a subscriber failed');
  }

  /** `own`: it is this node's that has changed, of which the others do not know yet. */
  #presenceSoon(session: Session, { own = true } = {}): void {
    if (own) session.isPresenceNews = true;
    session.presenceTimer ??= setTimeout(() => {
      session.presenceTimer = undefined;
      if (session.isPresenceNews) this.#tellPresenceElsewhere(session);
      this.#tellPresenceHere(session);
    }, PRESENCE_INTERVAL_MS);
  }

  #tellPresenceHere(session: Session): void {
    const { id } = session.record;
    const message = createMessage('presence', session.presence(), { session_id: id });
    this.#deliver(session, new Delivery(message), undefined);
  }

  #tellPresenceElsewhere(session: Session): void {
    session.isPresenceNews = false;
    if (!this.#bus.reachesOthers) return;
    this.#tell(session.record.incarnation, {
      kind: 'present',
      node: this.#node,
      there: session.presenceHere(),
    });
  }

  #repeatPresence(): void {
    if (!this.#bus.reachesOthers) return;
    for (const session of this.#sessions.values()) {
      this.#tellPresenceElsewhere(session);
      if (session.forgetSilent(3 * PRESENCE_REPEAT_MS)) this.#presenceSoon(session, { own: false });
    }
  }
}

function topicOf(incarnation: string): string {
  return `session ${incarnation}`;
}
