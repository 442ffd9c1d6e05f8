/** A server that does what the test says: every frame is awaited, every answer is scripted. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  type ClientMessage,
  type ClientMessageOf,
  type ClientMessageType,
  createMessage,
  type ServerMessage,
  type ServerMessageOf,
  SUBPROTOCOL,
} from '@parley/protocol';
import { onTestFinished } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';

/** What has come and was not awaited yet, or is awaited and has not come. */
class Mailbox<Item> {
  readonly #items: Item[] = [];
  readonly #waiting: ((item: Item) => void)[] = [];

  put(item: Item): void {
    const take = this.#waiting.shift();
    if (take) take(item);
    else this.#items.push(item);
  }

  take(): Promise<Item> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  get length(): number {
    return this.#items.length;
  }
}

export class FakeConnection {
  readonly #socket: WebSocket;
  readonly #frames = new Mailbox<ClientMessage>();
  /** The join or create of each session that is not answered yet. */
  readonly #entering = new Map<string, string>();
  readonly closed: Promise<unknown>;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = once(socket, 'close');
    socket.on('message', (frame) => {
      const message = JSON.parse(String(frame)) as ClientMessage;
      const { type, session_id, message_id } = message;
      if ((type === 'session_join' || type === 'session_create') && session_id && message_id) {
        this.#entering.set(session_id, message_id);
      }
      this.#frames.put(message);
    });
  }

  /** The next frame, which has to be of this type. */
  async next<Type extends ClientMessageType>(type: Type): Promise<ClientMessageOf<Type>> {
    const frame = await this.#frames.take();
    if (frame.type !== type) {
      throw new Error(`Expected a ${type}, got ${JSON.stringify(frame)}`);
    }
    return frame as ClientMessageOf<Type>;
  }

  /** The next frame, whatever it is. */
  any(): Promise<ClientMessage> {
    return this.#frames.take();
  }

  /** Frames that came and were not awaited. */
  get unread(): number {
    return this.#frames.length;
  }

  /** A `session_status` says by itself which join or create it answers. */
  send(message: ServerMessage): void {
    const { session_id: id = '' } = message;
    const entering = message.type === 'session_status' ? this.#entering.get(id) : undefined;
    if (entering !== undefined) this.#entering.delete(id);
    this.#socket.send(JSON.stringify(entering ? { ...message, reply_to: entering } : message));
  }

  /** Sends a ping and waits for its pong: everything sent before has been handled by the client. */
  async settled(): Promise<void> {
    this.#socket.ping();
    await once(this.#socket, 'pong');
  }

  close(code: number, reason = ''): void {
    this.#socket.close(code, reason);
  }

  /** Ends it without a closing handshake, as a network does. */
  drop(): void {
    this.#socket.terminate();
  }
}

export interface FakeServer {
  readonly url: string;
  /** The next connection that a client opens. */
  accept(): Promise<FakeConnection>;
  /** Takes no more connections until the returned function is called. */
  refuse(): () => void;
}

export async function fakeServer(): Promise<FakeServer> {
  let refusing = false;
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    verifyClient: () => !refusing,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  const accepted = new Mailbox<FakeConnection>();
  server.on('connection', (socket) => accepted.put(new FakeConnection(socket)));
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`,
    accept: () => accepted.take(),
    refuse: () => {
      refusing = true;
      return () => {
        refusing = false;
      };
    },
  };
}

const NOW = '2026-01-09T10:00:00.000Z';

/** A `session_status` of an empty session, but for what `data` says. */
export function status(
  sessionId: string,
  data: Partial<ServerMessageOf<'session_status'>['data']> = {},
): ServerMessage {
  return createMessage(
    'session_status',
    {
      session_id: sessionId,
      status: 'active',
      title: null,
      agent_name: 'echo',
      message_count: 0,
      created_at: NOW,
      last_activity: NOW,
      first_seq: 1,
      last_seq: 0,
      ...data,
    },
    { session_id: sessionId, timestamp: NOW },
  );
}

/** The acknowledgement of a message. */
export function ack(message: ClientMessage, seq: number, runId = `run-${seq}`): ServerMessage {
  return createMessage(
    'message_ack',
    { status: 'accepted' },
    { session_id: message.session_id, reply_to: message.message_id, seq, run_id: runId },
  );
}

/** A refusal of a message. */
export function refusal(
  message: ClientMessage,
  data: { code: string; retryable: boolean; retry_after_ms?: number },
): ServerMessage {
  return createMessage(
    'error',
    { message: `Refused: ${data.code}.`, ...data },
    { session_id: message.session_id, reply_to: message.message_id },
  );
}

/** A message of somebody else. */
export function said(sessionId: string, seq: number, content: string): ServerMessage {
  return createMessage(
    'chat_message',
    { role: 'user', content, message_type: 'text', sender: 'someone' },
    { session_id: sessionId, message_id: `message-${seq}`, seq, run_id: `run-${seq}` },
  );
}

/** Text of the answer to the message at `seq`. */
export function chunk(
  sessionId: string,
  replyTo: string,
  offset: number,
  content: string,
  { run = 'run-1', attempt = 1 } = {},
): ServerMessage {
  return createMessage(
    'agent_chunk',
    { agent_name: 'echo', offset, content },
    {
      session_id: sessionId,
      reply_to: replyTo,
      run_id: run,
      message_id: `answer-${run}`,
      attempt,
    },
  );
}

/** The end of the answer to a message. */
export function answered(
  sessionId: string,
  replyTo: string,
  seq: number,
  content: string,
  run = 'run-1',
): ServerMessage {
  return createMessage(
    'agent_response',
    { role: 'assistant', agent_name: 'echo', content, status: 'complete', message_type: 'text' },
    { session_id: sessionId, reply_to: replyTo, run_id: run, message_id: `answer-${run}`, seq },
  );
}
