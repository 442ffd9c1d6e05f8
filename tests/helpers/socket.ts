import { once } from 'node:events';
import type {
  ClientMessageInput,
  ServerMessage,
  ServerMessageOf,
  ServerMessageType,
} from '@parley/protocol';
import { onTestFinished } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { WireCheck } from './wire-check.ts';

export interface SocketOptions extends ClientOptions {
  /** Offer no subprotocol: the seed's profile. */
  readonly plain?: boolean;
  /** The subprotocols to offer, in the place of `parley.v1`. */
  readonly protocols?: string[];
  /** What the socket does not outlive; default: the test. */
  readonly onFinished?: (dispose: () => void) => void;
}

/** A client that does nothing by itself: it keeps what comes, and lets a test await it. */
export class TestSocket {
  readonly socket: WebSocket;
  /** Everything that came, in order. */
  readonly received: ServerMessage[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #waiting = new Set<() => void>();
  readonly #check: WireCheck;
  readonly #listeners: ((message: ServerMessage) => void)[] = [];
  #read = 0;

  private constructor(socket: WebSocket, check: WireCheck) {
    this.socket = socket;
    this.#check = check;
    socket.on('message', (bytes) => {
      const message = check.received(String(bytes));
      this.received.push(message);
      for (const listener of this.#listeners) listener(message);
      this.#wake();
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        resolve({ code, reason: String(reason) });
        this.#wake();
      });
    });
  }

  static async open(url: string, options: SocketOptions = {}): Promise<TestSocket> {
    const { plain = false, onFinished = onTestFinished, protocols, ...rest } = options;
    const socket = new WebSocket(url, protocols ?? (plain ? [] : ['parley.v1']), rest);
    const check = new WireCheck(plain ? 'plain' : 'parley.v1');
    const client = new TestSocket(socket, check);
    onFinished(() => {
      socket.terminate();
      // Every frame of every test is held against the schema and the rules.
      if (check.violations.length > 0) throw new Error(check.violations.join('\n'));
    });
    await once(socket, 'open');
    return client;
  }

  /** Calls back with every message from now on, whether or not it is taken by `next` as well. */
  onMessage(listener: (message: ServerMessage) => void): void {
    this.#listeners.push(listener);
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  send(message: ClientMessageInput | Record<string, unknown>): void {
    this.#check.sent(message);
    this.socket.send(JSON.stringify(message));
  }

  raw(data: string | Buffer): void {
    this.socket.send(data);
  }

  /** The next message that was not taken yet; of the given type where one is given, others are skipped. */
  async next<Type extends ServerMessageType>(type?: Type): Promise<ServerMessageOf<Type>> {
    return this.find((message): message is ServerMessageOf<Type> => !type || message.type === type);
  }

  /** The next message that fits and was not taken yet; what comes before it is skipped. */
  async find<Found extends ServerMessage>(
    fits: (message: ServerMessage) => message is Found,
  ): Promise<Found>;
  async find(fits: (message: ServerMessage) => boolean): Promise<ServerMessage>;
  async find(fits: (message: ServerMessage) => boolean): Promise<ServerMessage> {
    for (;;) {
      while (this.#read < this.received.length) {
        const message = this.received[this.#read] as ServerMessage;
        this.#read += 1;
        if (fits(message)) return message;
      }
      if (this.socket.readyState === WebSocket.CLOSED) {
        const types = this.received.map(({ type }) => type).join(', ');
        throw new Error(`The socket closed before the message came; it got: ${types}`);
      }
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
  }

  /** Everything of these types, once `count` have come. */
  async collect<Type extends ServerMessageType>(
    type: Type,
    count: number,
  ): Promise<ServerMessageOf<Type>[]> {
    const found: ServerMessageOf<Type>[] = [];
    while (found.length < count) found.push(await this.next(type));
    return found;
  }

  /** Whatever the server answers to what was sent so far has come when this resolves. */
  async settled(): Promise<void> {
    const id = `settled-${Math.random()}`;
    this.send({ type: 'ping', message_id: id });
    const read = this.#read;
    await this.find((message) => message.type === 'pong' && message.reply_to === id);
    this.#read = read;
  }

  /** Creates a session and returns its id. */
  async create(data: Record<string, unknown> = {}): Promise<string> {
    const message_id = `create-${Math.random()}`;
    this.send({ type: 'session_create', message_id, data });
    const created = await this.find(
      (message): message is ServerMessageOf<'session_status'> =>
        message.type === 'session_status' && message.reply_to === message_id,
    );
    return created.data.session_id;
  }

  /** Sends a message and waits for the end of its run. */
  async ask(
    content: string,
    options: { session_id?: string; message_id?: string; data?: Record<string, unknown> } = {},
  ): Promise<ServerMessageOf<'agent_response'>> {
    const message_id = options.message_id ?? crypto.randomUUID();
    this.send({
      type: 'chat_message',
      message_id,
      ...(options.session_id ? { session_id: options.session_id } : {}),
      data: { content, ...options.data },
    });
    return this.find(
      (message): message is ServerMessageOf<'agent_response'> =>
        message.type === 'agent_response' && message.reply_to === message_id,
    );
  }

  close(): Promise<unknown> {
    this.socket.close();
    return this.closed;
  }

  /** Drops the connection as a lost network would. */
  cut(): void {
    this.socket.terminate();
  }
}
