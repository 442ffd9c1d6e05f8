/** One WebSocket that comes back: connect, notice that it is dead, wait, connect again. */
import type { ClientMessage, ServerMessage, SUBPROTOCOL } from '@parley/protocol';
import { mayReconnect } from '@parley/protocol/codes';
import { retryDelay } from './backoff.ts';
import { parseJson } from './json.ts';
import type { Token } from './token.ts';

/** Written again because the wire's own file brings the schemas with it; the type keeps them equal. */
const PROTOCOL: typeof SUBPROTOCOL = 'parley.v1';

/** A connection that is not open after so long is given up, milliseconds. */
const CONNECT_MS = 10_000;
/** A browser cannot see the server's protocol pings, so after so much silence the client asks. */
const SILENCE_MS = 20_000;
/** Nothing heard so long after asking: the connection is dead. */
const ANSWER_MS = 10_000;
/** The same where the browser says that there is no network: a server on this machine answers all the same. */
const OFFLINE_ANSWER_MS = 2_000;
/** Upper bound of the wait for the next try while a person looks at the page, milliseconds. */
const LOOKED_AT_CAP_MS = 5_000;
/** A connection that held so long was good: its loss is the first failure, not one more. */
const STABLE_MS = 5_000;

export type ConnectionState =
  | { readonly status: 'connecting' }
  | { readonly status: 'open' }
  | {
      readonly status: 'waiting';
      /** When the next try begins, by `performance.now()`: the time of day may be put back. */
      readonly retryAt: number;
      /** Which try in a row that will be, from 1. */
      readonly attempt: number;
    }
  /** The end: closed by this side, or by the server with a code that means not to come back. */
  | { readonly status: 'closed'; readonly code: number; readonly reason: string };

export interface ConnectionOptions {
  /** Of the endpoint, `ws://` or `wss://`. */
  readonly url: string;
  /**
   * Who is asking, where the server wants to know; the first message of every connection. A function
   * is called before every connection and every HTTP request, so it can bring a fresh one. Where it
   * fails, it is tried again as a connection is.
   */
  readonly token?: Token;
  /** Default: the global one (browsers, workers, Node ≥ 22). */
  readonly WebSocket?: typeof globalThis.WebSocket;
}

export interface ConnectionHandlers {
  opened(): void;
  received(message: ServerMessage): void;
  /** The function that gives tokens threw or rejected. */
  tokenFailed(error: unknown): void;
  /** The socket is gone, whatever comes next. */
  lost(code: number): void;
  changed(state: ConnectionState): void;
}

interface PageEvent {
  readonly type: string;
}

/** What is there of a browser's page; nothing of it in Node, half of it in workers. */
interface Page {
  readonly document?: {
    readonly visibilityState: string;
    addEventListener(type: string, listener: (event: PageEvent) => void): void;
    removeEventListener(type: string, listener: (event: PageEvent) => void): void;
  };
  addEventListener?(type: string, listener: (event: PageEvent) => void): void;
  removeEventListener?(type: string, listener: (event: PageEvent) => void): void;
}
const page = globalThis as unknown as Page;

/** The end of a socket; the server no longer takes the token. */
const NOT_AUTHENTICATED = 4401;

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
  /** This connection was made with a new token, because the last one was no longer taken. */
  #isRenewed = false;

  /** @throws {DOMException} (`SyntaxError`) where `url` is not one of a WebSocket. */
  constructor(options: ConnectionOptions, handlers: ConnectionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    // A token that is waited for must not put off what is wrong already.
    checkUrl(options.url);
    this.#connect();
    this.#listen('addEventListener');
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

  /** Tries at once where it waits, also for as long as the server asked it to: a person wants it. */
  reconnect(): void {
    if (this.#state.status === 'waiting') this.#connect();
  }

  /** Ends it for good. */
  close(): void {
    if (this.#state.status === 'closed') return;
    this.#abandon();
    this.#end(1000, 'Closed by this side.');
  }

  #connect(): void {
    this.#retryAfter = undefined;
    this.#openedAt = 0;
    this.#after(CONNECT_MS, () => this.#lose(1006, 'The server does not answer.'));
    const { token } = this.#options;
    if (typeof token === 'function') void this.#askAndOpen(token);
    else this.#open(token);
    this.#become({ status: 'connecting' });
  }

  async #askAndOpen(token: Exclude<Token, string>): Promise<void> {
    const timer = this.#timer;
    try {
      // Not before the constructor has returned, whatever it does.
      const given = await Promise.resolve().then(token);
      // What gave up waiting, or was closed meanwhile, has another timer, or none.
      if (this.#timer === timer) this.#open(given);
    } catch (error) {
      if (this.#timer !== timer) return;
      this.#handlers.tokenFailed(error);
      if (this.#timer === timer) this.#lose(1006, 'There is no token.');
    }
  }

  #open(token: string | undefined): void {
    const Socket = this.#options.WebSocket ?? globalThis.WebSocket;
    const socket = new Socket(this.#options.url, PROTOCOL);
    this.#socket = socket;
    socket.onopen = () => this.#opened(token);
    socket.onmessage = (event) => this.#received(event.data);
    socket.onclose = (event) => this.#lose(event.code, event.reason);
  }

  #opened(token: string | undefined): void {
    this.#openedAt = performance.now();
    this.#heardAt = this.#openedAt;
    this.#watch();
    this.#become({ status: 'open' });
    if (token !== undefined) this.send({ type: 'auth', data: { token } });
    this.#handlers.opened();
  }

  #received(text: unknown): void {
    this.#heardAt = performance.now();
    const message = parse(text);
    if (!message) return;
    if (message.type === 'system_message' && message.data.action === 'reconnect') {
      this.#retryAfter = message.data.retry_after_ms;
    }
    this.#handlers.received(message);
  }

  /** One timer looked at late, not one started anew with every chunk of an answer. */
  #watch(): void {
    const left = this.#heardAt + SILENCE_MS - performance.now();
    if (left > 0) this.#after(left, () => this.#watch());
    else this.#probe(ANSWER_MS);
  }

  #probe(answerMs: number): void {
    const asked = performance.now();
    this.#heardAt = asked - 1;
    this.send({ type: 'ping', data: {} });
    this.#after(answerMs, () => {
      if (this.#heardAt >= asked) this.#watch();
      else this.#lose(1006, 'The server does not answer.');
    });
  }

  /** The network or the person comes or goes: what waits need not, and what looks open may be dead. */
  readonly #wake = ({ type }: PageEvent): void => {
    if (page.document?.visibilityState === 'hidden') return;
    if (this.#state.status === 'open')
      this.#probe(type === 'offline' ? OFFLINE_ANSWER_MS : ANSWER_MS);
    // A server that named a delay does so to spread its clients; coming early defeats that.
    else if (this.#state.status === 'waiting' && this.#retryAfter === undefined) this.#connect();
  };

  /** Frozen pages hear nothing: a deadline that passes meanwhile says nothing of the connection. */
  readonly #sleep = (): void => {
    if (this.#state.status === 'open') clearTimeout(this.#timer);
  };

  #lose(code: number, reason: string): void {
    this.#abandon();
    this.#handlers.lost(code);
    // The handler may have closed this connection.
    if (this.#state.status === 'closed') return;
    const held = this.#openedAt !== 0 && performance.now() - this.#openedAt >= STABLE_MS;
    if (held) {
      this.#failures = 0;
      this.#isRenewed = false;
    }
    if (!mayReconnect(code) && !this.#mayRenew(code)) {
      this.#end(code, reason);
      return;
    }
    const cap = page.document?.visibilityState === 'visible' ? LOOKED_AT_CAP_MS : undefined;
    const delay = this.#retryAfter ?? retryDelay(this.#failures, cap);
    this.#failures += 1;
    this.#after(delay, () => this.#connect());
    this.#become({
      status: 'waiting',
      retryAt: performance.now() + delay,
      attempt: this.#failures,
    });
  }

  /** A token that has expired is no reason to stay away, as long as a new one can be had: once. */
  #mayRenew(code: number): boolean {
    const isStale = code === NOT_AUTHENTICATED && !this.#isRenewed;
    const may = isStale && typeof this.#options.token === 'function';
    this.#isRenewed ||= may;
    return may;
  }

  #end(code: number, reason: string): void {
    this.#listen('removeEventListener');
    this.#become({ status: 'closed', code, reason });
  }

  #listen(how: 'addEventListener' | 'removeEventListener'): void {
    // The network is there or not; a page comes back: it was left, it is looked at, it was frozen.
    for (const type of ['online', 'offline', 'pageshow']) page[how]?.(type, this.#wake);
    for (const type of ['visibilitychange', 'resume']) page.document?.[how](type, this.#wake);
    page.document?.[how]('freeze', this.#sleep);
  }

  /** Lets go of the socket at once: on a dead network its own `close` event takes minutes. */
  #abandon(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
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
    this.#handlers.changed(state);
  }
}

function checkUrl(url: string): void {
  if (URL.canParse(url) && /^(ws|http)s?:$/.test(new URL(url).protocol)) return;
  throw new DOMException(`Not the address of a WebSocket: ${url}`, 'SyntaxError');
}

/** What is not a message is passed over, as the wire asks of unknown things. */
function parse(text: unknown): ServerMessage | undefined {
  const value = typeof text === 'string' ? parseJson(text) : undefined;
  const isMessage = typeof value === 'object' && value !== null && 'type' in value;
  return isMessage ? (value as ServerMessage) : undefined;
}
