/** Which of this node's connections follow which session: where a message goes out. */
import { createMessage, type ServerMessage } from '@parley/protocol';
import type { Bus, Delivery } from '../buses/bus.ts';
import type { Logger } from '../log.ts';
import type { SessionRecord } from '../stores/store.ts';
import { Session, type Subscriber } from './session.ts';

/**
 * Presence goes out at most so often for a session: with n connections that come at once, n² messages
 * would go out else.
 */
const PRESENCE_INTERVAL_MS = 100;

export class Hub {
  readonly #bus: Bus;
  readonly #log: Logger;
  readonly #sessions = new Map<string, Session>();

  constructor(bus: Bus, log: Logger) {
    this.#bus = bus;
    this.#log = log;
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
    if (subscriber.participant !== undefined) this.#presenceSoon(session);
    return session;
  }

  unsubscribe(sessionId: string, subscriber: Subscriber): void {
    const session = this.#sessions.get(sessionId);
    if (!session?.subscribers.delete(subscriber)) return;
    if (session.subscribers.size === 0) {
      clearTimeout(session.presenceTimer);
      this.#sessions.delete(sessionId);
    } else if (subscriber.participant !== undefined) {
      this.#presenceSoon(session);
    }
  }

  /** Tells everyone in the session, on whatever node. `origin`: the connection that knows already. */
  publish(message: ServerMessage & { session_id: string }, origin?: string): void {
    this.#bus.publish(origin === undefined ? { message } : { message, origin });
  }

  /** Takes everyone on this node out of a session that is no more. */
  end(sessionId: string, status: 'deleted' | 'expired'): void {
    const session = this.#sessions.get(sessionId);
    if (!session) return;
    clearTimeout(session.presenceTimer);
    this.#sessions.delete(sessionId);
    for (const subscriber of session.subscribers) this.#guard(() => subscriber.ended(status));
  }

  #deliver(delivery: Delivery): void {
    const session = this.#sessions.get(delivery.message.session_id);
    if (!session) return;
    const { seq } = delivery.message;
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
