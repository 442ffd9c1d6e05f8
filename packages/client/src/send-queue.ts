/** What one session has for the server: sent again, with the same id, until it is answered. */
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
 * they would change places. Commands (stop, rename, a decision) wait for nothing, but never come after
 * a message that was written later: they are about what was there when they were given.
 */
export class SendQueue {
  #entries = new Map<string, Entry>();
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

  /** The chat messages, in the order in which they leave. */
  get chat(): string[] {
    return [...this.#entries.values()]
      .filter(({ message }) => message.type === 'chat_message')
      .map(({ message }) => message.message_id);
  }

  /** These are the chat messages to be sent, in this order; those that are known go on as they were. */
  align(messages: readonly Outgoing[]): void {
    const before = this.#entries;
    const wanted = new Set(messages.map(({ message_id }) => message_id));
    for (const id of this.chat) if (!wanted.has(id)) this.settle(id);
    this.#entries = new Map();
    const rest = [...messages];
    for (const [id, entry] of before) {
      if (entry.message.type !== 'chat_message') this.#entries.set(id, entry);
      else while (!this.#entries.has(id)) this.#take(rest.shift() as Outgoing, before);
    }
    for (const message of rest) this.#take(message, before);
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

  /** The server has answered for good: accepted, or refused as it is. `false`: not in the queue. */
  settle(id: string): boolean {
    clearTimeout(this.#entries.get(id)?.timer);
    return this.#entries.delete(id);
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

  #take(message: Outgoing, known: ReadonlyMap<string, Entry>): void {
    const { message_id: id } = message;
    this.#entries.set(id, known.get(id) ?? { message, sent: false, refusals: 0 });
  }

  #retry(entry: Entry): void {
    clearTimeout(entry.timer);
    delete entry.timer;
    entry.sent = false;
    this.flush();
  }
}
