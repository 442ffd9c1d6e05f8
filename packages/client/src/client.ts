/** The façade: one connection, any number of sessions over it. */
import type { ServerMessage } from '@parley/protocol';
import { ClientSession } from './client-session.ts';
import { Connection, type ConnectionOptions, type ConnectionState } from './connection.ts';
import { Http } from './http.ts';
import { hasIndexedDb, indexedDbStorage } from './indexed-db.ts';
import { Listeners } from './listeners.ts';
import { LiveSessionList } from './live-session-list.ts';
import { Outbox } from './outbox.ts';
import type { CreateOptions, Session } from './session.ts';
import type { SessionList } from './session-list.ts';
import { memoryStorage, type OutboxStorage } from './storage.ts';

/** Sessions that are not open here, but have something to be sent, are entered so many at a time. */
const MAX_COURIERS = 4;

export interface ClientOptions extends ConnectionOptions {
  /**
   * Where what is not sent yet outlives the page or the process. Default: IndexedDB where there is
   * one, in a database named after `url`; else memory.
   */
  readonly storage?: OutboxStorage;
  /** Default: the global one. */
  readonly fetch?: typeof globalThis.fetch;
}

/** Something that the server says which is no part of a conversation. */
export interface Notice {
  readonly level: 'info' | 'warning' | 'error';
  /** For people. */
  readonly message: string;
  /** The server restarts: the client comes back by itself, so many milliseconds after it is cut. */
  readonly retryAfterMs: number | undefined;
}

/** Something does not work as it should, and the client goes on without it. */
export interface Warning {
  /**
   * `STORAGE_FAILED`: what is not sent yet would not outlive a reload at this moment;
   * `TOKEN_FAILED`: the function that gives tokens threw or rejected, and is asked again.
   */
  readonly code: 'STORAGE_FAILED' | 'TOKEN_FAILED';
  readonly message: string;
  readonly cause: unknown;
}

export interface ClientEvents {
  /** Every message of the server, after everything else has taken it. */
  readonly message: ServerMessage;
  readonly notice: Notice;
  readonly warning: Warning;
}

export interface AgentInfo {
  readonly name: string;
  readonly description: string;
  readonly role: string;
  readonly capabilities: readonly string[];
  /** Questions to begin with. */
  readonly examples: readonly string[];
}

export interface AgentList {
  readonly agents: readonly AgentInfo[];
  /** The name of the one that answers where nobody is named. */
  readonly default: string;
}

export interface Client {
  /** Of the connection. The same object until it changes. */
  readonly state: ConnectionState;
  /** The person's sessions. */
  readonly sessions: SessionList;
  /** Calls `listener` whenever `state` has changed, until the returned function is called. */
  subscribe(listener: () => void): () => void;
  /**
   * Calls `listener` with every such event, until the returned function is called.
   *
   * @example
   * client.on('notice', ({ message }) => showBanner(message));
   */
  on<Name extends keyof ClientEvents>(
    name: Name,
    listener: (event: ClientEvents[Name]) => void,
  ): () => void;
  /**
   * Joins the session with this id, or prepares a new one, which the server makes with the first
   * message. The same id gives the same session until one leaves it.
   */
  session(id?: string): Session;
  /**
   * The agents that can be asked.
   *
   * @throws {RequestError} when it was refused, or the server cannot be reached.
   */
  agents(): Promise<AgentList>;
  /**
   * Tries to connect at once, where the client waits before it does so by itself; for a button, so
   * that nobody has to wait who knows better. In every other state it does nothing.
   */
  reconnect(): void;
  /**
   * Ends the connection and every session on it; nothing is sent after it. What was not sent stays
   * in the storage, for the next client.
   */
  close(): void;
}

/**
 * Connects to a Parley server and stays connected: after a loss it comes back by itself, resumes
 * every session exactly where it was, and sends what was not acknowledged again, also what an
 * earlier page or process has left in the storage.
 *
 * @throws {DOMException} (`SyntaxError`) where `url` is not one of a WebSocket.
 *
 * @example
 * const client = createClient({ url: 'ws://localhost:8080/ws' });
 * const session = client.session();
 * session.transcript.subscribe(() => console.log(session.transcript.snapshot().items));
 * session.send('What is Parley?');
 */
export function createClient(options: ClientOptions): Client {
  const { url, token, fetch } = options;
  const sessions = new Map<string, ClientSession>();
  /** Those among them that are open only until what was left behind is sent. */
  const couriers = new Set<ClientSession>();
  const changes = new Listeners();
  const events: { [Name in keyof ClientEvents]: Listeners<[ClientEvents[Name]]> } = {
    message: new Listeners<[ServerMessage]>(),
    notice: new Listeners<[Notice]>(),
    warning: new Listeners<[Warning]>(),
  };

  function open(id: string | undefined): ClientSession {
    const session = new ClientSession(id, {
      outbox,
      http,
      isOpen: () => connection.state.status === 'open',
      send: (message) => connection.send(message),
      left() {
        sessions.delete(session.id);
        couriers.delete(session);
        // Not now: one that is just being looked at may be the next.
        queueMicrotask(sendLeftBehind);
      },
    });
    sessions.set(session.id, session);
    return session;
  }

  function join(id: string | undefined): ClientSession {
    const known = id === undefined ? undefined : sessions.get(id);
    if (!known) return open(id);
    couriers.delete(known);
    known.stay();
    return known;
  }

  /** What waits in sessions that nobody has open here. */
  function sendLeftBehind(): void {
    if (connection.state.status !== 'open') return;
    for (const id of outbox.dueSessions()) {
      if (couriers.size >= MAX_COURIERS) return;
      if (sessions.has(id)) continue;
      const courier = open(id);
      couriers.add(courier);
      courier.leave();
    }
  }

  function received(message: ServerMessage): void {
    const id =
      message.session_id ??
      (message.type === 'session_status' ? message.data.session_id : undefined);
    if (id !== undefined) sessions.get(id)?.received(message);
    else if (message.type === 'error') {
      // It belongs to the one that knows its `reply_to`.
      for (const session of [...sessions.values()]) session.received(message);
    } else if (message.type === 'system_message') {
      const { level, message: text, retry_after_ms } = message.data;
      events.notice.call({ level, message: text, retryAfterMs: retry_after_ms });
    }
    list.received(message);
    events.message.call(message);
  }

  function warn(code: Warning['code'], message: string, cause: unknown): void {
    events.warning.call({ code, message, cause });
  }

  const connection: Connection = new Connection(options, {
    opened() {
      for (const session of [...sessions.values()]) session.opened();
      list.opened();
      // Others may have settled what was loaded before.
      void outbox.sync();
    },
    received,
    tokenFailed: (cause) => warn('TOKEN_FAILED', 'There is no token.', cause),
    lost(code) {
      for (const session of [...sessions.values()]) session.lost(code);
    },
    changed({ status }) {
      if (status === 'waiting' || status === 'closed') list.lost();
      changes.call();
    },
  });
  const http = new Http({ url, token, fetch });
  const outbox = new Outbox(options.storage ?? defaultStorage(url), {
    merged() {
      for (const session of [...sessions.values()]) session.takeKept();
      sendLeftBehind();
    },
    takenBack(id) {
      for (const session of [...sessions.values()]) session.takenBack(id);
    },
    failed: (cause) => warn('STORAGE_FAILED', 'What is not sent yet cannot be kept.', cause),
  });
  const list = new LiveSessionList({
    http,
    outbox,
    send: (message) => connection.send(message as Parameters<Connection['send']>[0]),
    isConnecting: () => connection.state.status === 'connecting',
    async create(how: CreateOptions) {
      const session = open(undefined);
      try {
        await session.create(how);
      } catch (error) {
        session.leave();
        throw error;
      }
      return session;
    },
    join,
    deleted: (id) => sessions.get(id)?.deleted(),
  });

  return {
    get state() {
      return connection.state;
    },
    sessions: list,
    subscribe: (listener) => changes.add(listener),
    on: (name, listener) => events[name].add(listener),
    session: join,
    async agents() {
      const { available, ...rest } = await http.call<{ available: AgentInfo[]; default: string }>(
        'agents',
      );
      const agents = available.map(({ name, description, role, capabilities, examples }) => ({
        name,
        description,
        role,
        capabilities,
        examples,
      }));
      return { agents, default: rest.default };
    },
    reconnect: () => connection.reconnect(),
    close() {
      connection.close();
      for (const session of sessions.values()) session.dispose();
      sessions.clear();
      outbox.close();
      http.close();
    },
  };
}

function defaultStorage(url: string): OutboxStorage {
  return hasIndexedDb() ? indexedDbStorage(`parley outbox ${url}`) : memoryStorage();
}
