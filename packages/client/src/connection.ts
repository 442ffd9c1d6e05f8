/** One WebSocket that comes back: connect, notice that it is dead, wait, connect again. */
import type { ClientMessage, ServerMessage, SUBPROTOCOL } from '@parley/protocol';
import { mayReconnect } from '@parley/protocol/codes';
import { retryDelay } from './backoff.ts';

/** Written again because the wire's own file brings the schemas with it; the type keeps them equal. */
const PROTOCOL: typeof SUBPROTOCOL = 'parley.v1';

/** A connection that is not open after so long is given up, milliseconds. */
const CONNECT_MS = 10_000;
/** A browser cannot see the server's protocol pings, so after so much silence the client asks. */
const SILENCE_MS = 20_000;
/** Nothing heard so long after asking: the connection is dead. */
const ANSWER_MS = 10_000;
/** A connection that held so long was good: its loss is the first failure, not one more. */
const STABLE_MS = 5_000;

export type ConnectionState =
  | { readonly status: 'connecting' }
  | { readonly status: 'open' }
  | {
      readonly status: 'waiting';
      /** When the next try begins, milliseconds since the epoch. */
      readonly retryAt: number;
      /** Which try in a row that will be, from 1. */
      readonly attempt: number;
    }
  /** The end: closed by this side, or by the server with a code that means not to come back. */
  | { readonly status: 'closed'; readonly code: number; readonly reason: string };

export interface ConnectionOptions {
  /** Of the endpoint, `ws://` or `wss://`. */
  readonly url: string;
  /** Sent as the first message of every connection. */
  readonly token?: string;
  /** Default: the global one (browsers, workers, Node ≥ 22). */
  readonly WebSocket?: typeof globalThis.WebSocket;
}

export interface ConnectionHandlers {
  opened(): void;
  received(message: ServerMessage): void;
  /** The socket is gone, whatever comes next. */
  lost(code: number): void;
  changed(): void;
}

/** What is there of a browser's page; nothing of it in Node, half of it in workers. */
interface Page {
  readonly document?: {
    readonly visibilityState: string;
    addEventListener(type: string, listener: () => void): void;
    removeEventListener(type: string, listener: () => void): void;
  };
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}
const page = globalThis as unknown as Page;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #handlers: ConnectionHandlers;
  #state: ConnectionState = { status: 'connecting' };
  #socket: WebSocket | undefined;
  /** Each state waits for one thing at a time. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #openedAt = 0;
  #heardAt = 0;
  /** The delay that the server named before it closed, milliseconds. */
  #retryAfter: number | undefined;

  /** @throws {DOMException} (`SyntaxError`) where `url` is not one of a WebSocket. */
  constructor(options: ConnectionOptions, handlers: ConnectionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#connect();
    page.addEventListener?.('online', this.#wake);
    page.document?.addEventListener('visibilitychange', this.#wake);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** `false`: not open, nothing was sent. */
  send(message: ClientMessage): boolean {
    if (this.#state.status !== 'open') return false;
    this.#socket?.send(JSON.stringify(message));
    return true;
  }

  /** Ends it for good. */
  close(): void {
    if (this.#state.status === 'closed') return;
    this.#abandon();
    this.#end(1000, 'Closed by this side.');
  }

  #connect(): void {
    const Socket = this.#options.WebSocket ?? globalThis.WebSocket;
    const socket = new Socket(this.#options.url, PROTOCOL);
    this.#socket = socket;
    this.#retryAfter = undefined;
    this.#openedAt = 0;
    this.#after(CONNECT_MS, () => this.#lose(1006, 'The server did not answer in time.'));
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#received(event.data);
    socket.onclose = (event) => this.#lose(event.code, event.reason);
    this.#become({ status: 'connecting' });
  }

  #opened(): void {
    this.#openedAt = Date.now();
    this.#heardAt = Date.now();
    this.#watch();
    this.#become({ status: 'open' });
    const { token } = this.#options;
    if (token !== undefined) this.send({ type: 'auth', data: { token } });
    this.#handlers.opened();
  }

  #received(text: unknown): void {
    this.#heardAt = Date.now();
    const message = parse(text);
    if (!message) return;
    if (message.type === 'system_message' && message.data.action === 'reconnect') {
      this.#retryAfter = message.data.retry_after_ms;
    }
    this.#handlers.received(message);
  }

  /** One timer looked at late, not one started anew with every chunk of an answer. */
  #watch(): void {
    const left = this.#heardAt + SILENCE_MS - Date.now();
    if (left > 0) this.#after(left, () => this.#watch());
    else this.#probe();
  }

  #probe(): void {
    const asked = Date.now();
    this.#heardAt = asked - 1;
    this.send({ type: 'ping', data: {} });
    this.#after(ANSWER_MS, () => {
      if (this.#heardAt >= asked) this.#watch();
      else this.#lose(1006, 'Nothing was heard from the server.');
    });
  }

  /** The network or the person is back: what waits need not, and what looks open may be dead. */
  readonly #wake = (): void => {
    if (page.document?.visibilityState === 'hidden') return;
    if (this.#state.status === 'open') this.#probe();
    // A server that named a delay does so to spread its clients; coming early defeats that.
    else if (this.#state.status === 'waiting' && this.#retryAfter === undefined) this.#connect();
  };

  #lose(code: number, reason: string): void {
    this.#abandon();
    this.#handlers.lost(code);
    // The handler may have closed this connection.
    if (this.#state.status === 'closed') return;
    if (!mayReconnect(code)) {
      this.#end(code, reason);
      return;
    }
    if (this.#openedAt !== 0 && Date.now() - this.#openedAt >= STABLE_MS) this.#failures = 0;
    const delay = this.#retryAfter ?? retryDelay(this.#failures);
    this.#failures += 1;
    this.#after(delay, () => this.#connect());
    this.#become({ status: 'waiting', retryAt: Date.now() + delay, attempt: this.#failures });
  }

  #end(code: number, reason: string): void {
    page.removeEventListener?.('online', this.#wake);
    page.document?.removeEventListener('visibilitychange', this.#wake);
    this.#become({ status: 'closed', code, reason });
  }

  /** Lets go of the socket at once: on a dead network its own `close` event takes minutes. */
  #abandon(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  #after(delay: number, action: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, delay);
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    this.#handlers.changed();
  }
}

/** What is not a message is passed over, as the wire asks of unknown things. */
function parse(text: unknown): ServerMessage | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'type' in value
      ? (value as ServerMessage)
      : undefined;
  } catch {
    return undefined;
  }
}
