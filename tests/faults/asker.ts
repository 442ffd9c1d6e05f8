/** A client that asks one question after the other, and notes when it heard what. */
import type { ClientMessageInput, ServerMessage } from '@parley/protocol';
import { WebSocket } from 'ws';
import { canonical, type Entry, flatten, type Recording } from './record.ts';
import { Seen } from './seen.ts';

export interface AskerOptions {
  readonly url: string;
  readonly session: string;
  /** What to ask. */
  readonly content: string;
  /** Questions that wait for an answer at once. */
  readonly ahead: number;
}

/** Something durable that it was told. */
export interface Told {
  /** Seconds since the epoch; never earlier than it was. */
  readonly at: number;
  readonly seq: number;
  /** The id of its own message that was acknowledged, or the whole event. */
  readonly acknowledged?: string;
  readonly event?: string;
}

export class Asker implements Recording {
  readonly client: string;
  readonly session: string;
  readonly entries: Entry[] = [];
  readonly seen: Seen;
  readonly told: Told[] = [];
  /** Milliseconds from a question to its acknowledgement. */
  readonly latencies: number[] = [];
  readonly #options: AskerOptions;
  readonly #socket: WebSocket;
  readonly #asked = new Map<string, number>();
  readonly #watching = new Set<() => void>();
  #failure: Error | undefined;
  #asking = true;

  constructor(options: AskerOptions) {
    this.#options = options;
    this.client = `asker-${options.session}`;
    this.session = options.session;
    this.seen = new Seen(this.client, this.session);
    this.#socket = new WebSocket(options.url, ['parley.v1']);
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', (code) => this.#fail(new Error(`The connection ended with ${code}.`)));
    this.#socket.on('open', () => {
      this.#note({ way: 'open', epoch: 1 });
      const { session } = options;
      this.#send({ type: 'session_create', session_id: session, message_id: 'create', data: {} });
    });
    this.#socket.on('message', (bytes) => {
      const at = (Date.now() + 1) / 1_000;
      this.#receive(JSON.parse(String(bytes)) as ServerMessage, at);
    });
  }

  /** How many of its questions are answered to the end. */
  get answered(): number {
    return this.seen.ends.size;
  }

  /** Resolves when so many questions are answered. Rejects when the connection ends before. */
  async until(answered: number): Promise<void> {
    while (this.answered < answered) {
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => this.#watching.add(resolve));
    }
  }

  /** Asks nothing more and waits for what was asked. */
  async finish(): Promise<void> {
    this.#asking = false;
    await this.until(this.seen.sent.size);
  }

  leave(): void {
    this.#asking = false;
    this.#socket.removeAllListeners('close');
    this.#socket.terminate();
  }

  #receive(message: ServerMessage, at: number): void {
    this.#note({ way: 'in', epoch: 1, message });
    const { seq, reply_to: id = '' } = message;
    if (seq !== undefined && message.type === 'message_ack') {
      this.told.push({ at, seq, acknowledged: id });
      this.latencies.push(performance.now() - (this.#asked.get(id) ?? 0));
    } else if (seq !== undefined) {
      this.told.push({ at, seq, event: canonical(flatten(message)) });
    }
    if (message.type === 'session_status' && id === 'create') {
      for (let n = 0; n < this.#options.ahead; n += 1) this.#ask();
    }
    if (message.type === 'agent_response') this.#ask();
    for (const wake of this.#watching) wake();
    this.#watching.clear();
  }

  #ask(): void {
    if (!this.#asking) return;
    const message_id = `${this.client}-m${this.seen.sent.size + 1}`;
    this.#asked.set(message_id, performance.now());
    this.#send({ type: 'chat_message', message_id, data: { content: this.#options.content } });
  }

  #send(message: ClientMessageInput): void {
    this.#note({ way: 'out', epoch: 1, message });
    this.#socket.send(JSON.stringify(message));
  }

  #note(entry: Entry): void {
    this.entries.push(entry);
    this.seen.apply(entry);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const wake of this.#watching) wake();
    this.#watching.clear();
  }
}
