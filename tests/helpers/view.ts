import {
  type ClientMessageInput,
  fromHistoryEntry,
  type ServerMessage,
  type SessionEvent,
} from '@parley/protocol';
import { type SocketOptions, TestSocket } from './socket.ts';

interface Partial {
  run_id: string;
  attempt: number;
  reply_to: string;
  text: string;
}

/**
 * The plainest client that follows a session: what it shows is a function of what came, and it says
 * exactly what it has when it comes back. It takes nothing twice: a repeat throws.
 */
export class View {
  /** Where it joins next: it may come back to another node. */
  url: string;
  readonly sessionId: string;
  /** The log by `seq`. */
  readonly events = new Map<number, SessionEvent>();
  answer: Partial | undefined;
  socket: TestSocket | undefined;
  resets = 0;
  readonly #options: SocketOptions;
  readonly #sender: string;
  readonly #sent = new Map<string, Record<string, unknown>>();
  #listeners: (() => void)[] = [];
  #fault: unknown;

  /** `sender`: who that is to the server; `options`: what shows it. */
  constructor(url: string, sessionId: string, options: SocketOptions & { sender?: string } = {}) {
    const { sender = 'local', ...rest } = options;
    this.#sender = sender;
    this.#options = rest;
    this.url = url;
    this.sessionId = sessionId;
  }

  get lastSeq(): number {
    let last = Math.min(...this.events.keys(), Number.MAX_SAFE_INTEGER) - 1;
    if (this.events.size === 0) return 0;
    while (this.events.has(last + 1)) last += 1;
    return last;
  }

  /** Joins, or comes back with what it has. Resolves when the server has answered; `hear` gets all that comes. */
  async join(hear?: (message: ServerMessage, socket: TestSocket) => void): Promise<void> {
    const socket = await TestSocket.open(this.url, this.#options);
    this.socket = socket;
    socket.onMessage((message) => hear?.(message, socket));
    socket.onMessage((message) => {
      // What still comes on a connection that was given up is lost with it.
      if (this.socket === socket) this.#take(message);
    });
    const { answer } = this;
    const data =
      this.events.size === 0 && !answer
        ? {}
        : {
            after_seq: this.lastSeq,
            ...(answer
              ? {
                  answer: {
                    run_id: answer.run_id,
                    attempt: answer.attempt,
                    offset: answer.text.length,
                  },
                }
              : {}),
          };
    socket.send({ type: 'session_join', session_id: this.sessionId, data });
    await socket.next('session_status');
  }

  /** Loses the connection; what has not been taken is lost. */
  cut(): void {
    this.socket?.cut();
    this.socket = undefined;
  }

  send(message: ClientMessageInput & { message_id: string }): void {
    if (message.type === 'chat_message') this.#sent.set(message.message_id, message.data);
    this.socket?.send({ ...message, session_id: this.sessionId });
  }

  say(message_id: string, content: string, data: Record<string, unknown> = {}): void {
    this.send({ type: 'chat_message', message_id, data: { content, ...data } });
  }

  /** Resolves as soon as `holds`. */
  async until(holds: (view: View) => boolean): Promise<void> {
    for (;;) {
      if (this.#fault) throw this.#fault;
      if (holds(this)) return;
      await new Promise<void>((resolve) => this.#listeners.push(resolve));
    }
  }

  /** Resolves when so many runs have ended. */
  ended(count: number): Promise<void> {
    return this.until(
      ({ events }) =>
        [...events.values()].filter(({ type }) => type === 'agent_response').length >= count,
    );
  }

  /** The log in order, as two views of one session must agree on it. */
  log(): SessionEvent[] {
    return [...this.events].sort(([a], [b]) => a - b).map(([, event]) => event);
  }

  #take(message: ServerMessage): void {
    try {
      this.#apply(message);
    } catch (error) {
      this.#fault ??= error;
    }
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }

  #apply(message: ServerMessage): void {
    if (message.session_id !== this.sessionId) return;
    switch (message.type) {
      case 'session_status': {
        const { history, reset, answer } = message.data;
        if (reset) {
          this.resets += 1;
          this.events.clear();
          this.answer = undefined;
        }
        for (const entry of history ?? []) this.#add(fromHistoryEntry(this.sessionId, entry));
        if (answer) this.#write({ ...answer, text: answer.content }, answer.offset);
        return;
      }
      case 'message_ack': {
        const { reply_to = '', seq, timestamp } = message;
        const data = this.#sent.get(reply_to);
        if (!data || seq === undefined || this.events.has(seq)) return;
        this.#add({
          type: 'chat_message',
          session_id: this.sessionId,
          message_id: reply_to,
          timestamp,
          seq,
          data: { role: 'user', message_type: 'text', sender: this.#sender, ...data },
        } as SessionEvent);
        return;
      }
      case 'agent_chunk': {
        const { run_id = '', attempt = 1, reply_to = '', data } = message;
        this.#write({ run_id, attempt, reply_to, text: data.content }, data.offset);
        return;
      }
      default:
        if (message.seq !== undefined) this.#add(message as SessionEvent);
    }
  }

  #add(event: SessionEvent): void {
    const known = this.events.get(event.seq);
    if (known && known.message_id !== event.message_id) {
      throw new Error(`Two events are number ${event.seq}.`);
    }
    // One's own message comes as its acknowledgement, and once more if the connection was lost.
    if (known && known.type !== 'chat_message') throw new Error(`Number ${event.seq} came twice.`);
    this.events.set(event.seq, event);
    const { answer } = this;
    if (event.type !== 'agent_response' || !answer || answer.run_id !== event.run_id) return;
    const { attempt = 1, data } = event;
    if (attempt < answer.attempt) {
      throw new Error(`Attempt ${attempt} ended after text of attempt ${answer.attempt}.`);
    }
    // Of an attempt that a higher one has taken the place of, all that was heard is void.
    if (attempt === answer.attempt && !data.content.startsWith(answer.text)) {
      throw new Error('The end is not what was streamed.');
    }
    this.answer = undefined;
  }

  #write({ run_id, attempt, reply_to, text }: Partial, offset: number): void {
    const same = this.answer?.run_id === run_id && this.answer.attempt === attempt;
    const before = same ? (this.answer?.text ?? '') : '';
    if (offset !== before.length) {
      throw new Error(`Text came at ${offset} where ${before.length} was the end.`);
    }
    this.answer = { run_id, attempt, reply_to, text: before + text };
  }
}
