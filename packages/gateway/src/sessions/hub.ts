/** Which of this node's connections follow which session: where a message goes out. */
import { createMessage } from '@parley/protocol';
import type { Bus, Delivery } from '../buses/bus.ts';
import type { Logger } from '../log.ts';
import type { SessionRecord } from '../stores/store.ts';
import { Session, type Subscriber } from './session.ts';
import { audienceOf, sessionStatus } from './session-status.ts';
import type { Watcher, Watchers } from './watchers.ts';

/**
 * Presence goes out at most so often for a session: with n connections that come at once, n² messages
 * would go out else.
 */
const PRESENCE_INTERVAL_MS = 100;

export class Hub {
  readonly #bus: Bus;
  readonly #log: Logger;
  readonly #watchers: Watchers;
  readonly #sessions = new Map<string, Session>();

  constructor(bus: Bus, log: Logger, watchers: Watchers) {
    this.#bus = bus;
    this.#log = log;
    this.#watchers = watchers;
    bus.subscribe((delivery) => this.#deliver(delivery));
  }

  /** The session, while someone on this node follows it. */
  get(sessionId: string): Session | undefined {
    return this.#sessions.get(sessionId);
  }

  /** How many sessions are followed. */
  get size(): number {
    return this.#sessions.size;
  }

  subscribe(record: SessionRecord, subscriber: Subscriber): Session {
    let session = this.#sessions.get(record.id);
    if (!session) {
      session = new Session(record);
      this.#sessions.set(record.id, session);
    }
    session.subscribers.add(subscriber);
    if (subscriber.isShown) this.#presenceSoon(session);
    return session;
  }

  unsubscribe(sessionId: string, subscriber: Subscriber): void {
    const session = this.#sessions.get(sessionId);
    if (!session?.subscribers.delete(subscriber)) return;
    if (session.subscribers.size === 0) {
      clearTimeout(session.presenceTimer);
      this.#sessions.delete(sessionId);
    } else if (subscriber.isShown) {
      this.#presenceSoon(session);
    }
  }

  /** Tells everyone in the session, on whatever node. */
  publish(
    message: Delivery['message'],
    about: {
      readonly origin?: string | undefined;
      readonly audience?: readonly string[] | undefined;
    } = {},
  ): void {
    const { origin, audience } = about;
    this.#bus.publish({
      message,
      ...(origin === undefined ? {} : { origin }),
      ...(audience === undefined ? {} : { audience }),
    });
  }

  /** Tells the connection of all sessions that this person may see, until the returned function is called. */
  watch(person: string, watcher: Watcher): () => void {
    return this.#watchers.watch(person, watcher);
  }

  /**
   * Takes everyone on this node out of a session that is no more. `record`: what it was; of a session
   * that nobody here is in it is not known otherwise.
   */
  end(sessionId: string, status: 'deleted' | 'expired', record?: SessionRecord): void {
    const session = this.#sessions.get(sessionId);
    const last = record ?? session?.record;
    if (last) {
      const delivery = { message: sessionStatus(last, status) };
      for (const person of audienceOf(last)) this.#watchers.ended(person, delivery);
    }
    if (!session) return;
    clearTimeout(session.presenceTimer);
    this.#sessions.delete(sessionId);
    for (const subscriber of session.subscribers) this.#guard(() => subscriber.ended(status));
  }

  /** Takes somebody on this node out of a session that is no longer for them: as if it were no more. */
  expel(record: SessionRecord, person: string): void {
    const session = this.#sessions.get(record.id);
    for (const subscriber of session?.subscribers ?? []) {
      if (subscriber.person !== person) continue;
      this.unsubscribe(record.id, subscriber);
      this.#guard(() => subscriber.ended('deleted'));
    }
    this.#watchers.ended(person, { message: sessionStatus(record, 'deleted') });
  }

  #deliver(delivery: Delivery): void {
    const { session_id: sessionId, seq } = delivery.message;
    const session = this.#sessions.get(sessionId);
    if (delivery.audience) {
      const audience = session ? audienceOf(session.record) : delivery.audience;
      for (const person of audience) this.#watchers.changed(person, sessionId);
    }
    if (!session) return;
    if (seq !== undefined && seq > session.lastSeq) session.lastSeq = seq;
    for (const subscriber of session.subscribers) {
      this.#guard(() => subscriber.deliver(delivery));
    }
  }

  /** One subscriber's fault stays its own (R9). */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#log.error({ err: error }, 'a subscriber failed');
    }
  }

  #presenceSoon(session: Session): void {
    session.presenceTimer ??= setTimeout(() => {
      session.presenceTimer = undefined;
      this.publish(
        createMessage('presence', session.presence(), { session_id: session.record.id }),
      );
    }, PRESENCE_INTERVAL_MS);
  }
}
