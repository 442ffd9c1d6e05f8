/** What the server has not answered yet: sent again, with the same id, until it does. */
import type { ClientMessage } from '@parley/protocol';
import { retryDelay } from './backoff.ts';

/** A message that the server answers, by its `message_id`. */
export type Outgoing = ClientMessage & { readonly message_id: string };

interface Entry {
  readonly message: Outgoing;
  /** On this connection. */
  sent: boolean;
  refusals: number;
  /** Runs until a message that was refused for now is tried again. */
  timer?: ReturnType<typeof setTimeout>;
}

/**
 * Chat messages leave one at a time: were the second on its way while the first is refused for now,
 * they would change places. Commands (stop, rename, a decision) wait for nothing.
 */
export class Outbox {
  readonly #entries = new Map<string, Entry>();
  readonly #send: (message: Outgoing) => boolean;

  /** `send` returns `false` where nothing can be sent now. */
  constructor(send: (message: Outgoing) => boolean) {
    this.#send = send;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The chat message that the server has and has not answered. */
  get inFlight(): string | undefined {
    for (const { message, sent, timer } of this.#entries.values()) {
      if (sent && timer === undefined && message.type === 'chat_message') return message.message_id;
    }
    return undefined;
  }

  add(message: Outgoing): void {
    this.#entries.set(message.message_id, { message, sent: false, refusals: 0 });
  }

  /** Sends what may leave now. */
  flush(): void {
    let free = true;
    for (const entry of this.#entries.values()) {
      const chat = entry.message.type === 'chat_message';
      if (!entry.sent && (free || !chat)) entry.sent = this.#send(entry.message);
      if (chat) free = false;
    }
  }

  /** The server has answered for good: accepted, or refused as it is. */
  settle(id: string): void {
    clearTimeout(this.#entries.get(id)?.timer);
    this.#entries.delete(id);
  }

  /** Refused for now: sent again after `delay` milliseconds, by default with backoff. */
  postpone(id: string, delay?: number): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    clearTimeout(entry.timer);
    const wait = delay ?? retryDelay(entry.refusals);
    entry.refusals += 1;
    entry.timer = setTimeout(() => this.#retry(entry), wait);
  }

  /** What was postponed need not wait any longer, say because there is room again. */
  hurry(): void {
    for (const entry of this.#entries.values()) if (entry.timer !== undefined) this.#retry(entry);
  }

  /** The connection is gone: nobody will answer what went over it. */
  forgetSent(): void {
    for (const entry of this.#entries.values()) {
      clearTimeout(entry.timer);
      delete entry.timer;
      entry.sent = false;
    }
  }

  /** Drops everything and returns the ids, in order. */
  clear(): string[] {
    const ids = [...this.#entries.keys()];
    for (const id of ids) this.settle(id);
    return ids;
  }

  #retry(entry: Entry): void {
    clearTimeout(entry.timer);
    delete entry.timer;
    entry.sent = false;
    this.flush();
  }
}
