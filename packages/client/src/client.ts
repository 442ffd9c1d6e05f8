/** The façade: one connection, any number of sessions over it. */
import type { ServerMessage } from '@parley/protocol';
import { Connection, type ConnectionOptions, type ConnectionState } from './connection.ts';
import { ClientSession, type Session } from './session.ts';

export interface ClientOptions extends ConnectionOptions {}

export interface Client {
  /** Of the connection. The same object until it changes. */
  readonly state: ConnectionState;
  /** Calls `listener` whenever `state` has changed, until the returned function is called. */
  subscribe(listener: () => void): () => void;
  /**
   * Joins the session with this id, or prepares a new one, which the server makes with the first
   * message. The same id gives the same session until one leaves it.
   */
  session(id?: string): Session;
  /** Ends the connection and every session on it; nothing is sent after it. */
  close(): void;
}

/**
 * Connects to a Parley server and stays connected: after a loss it comes back by itself, resumes
 * every session exactly where it was, and sends what was not acknowledged again.
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
  const sessions = new Map<string, ClientSession>();
  const listeners = new Set<() => void>();

  function received(message: ServerMessage): void {
    const id =
      message.session_id ??
      (message.type === 'session_status' ? message.data.session_id : undefined);
    if (id !== undefined) {
      sessions.get(id)?.received(message);
      return;
    }
    // An error that names no session belongs to the one that knows its `reply_to`.
    if (message.type !== 'error') return;
    for (const session of sessions.values()) session.received(message);
  }

  const connection: Connection = new Connection(options, {
    opened() {
      for (const session of sessions.values()) session.opened();
    },
    received,
    lost(code) {
      for (const session of sessions.values()) session.lost(code);
    },
    changed() {
      for (const listener of listeners) listener();
    },
  });

  return {
    get state() {
      return connection.state;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    session(id) {
      const known = id === undefined ? undefined : sessions.get(id);
      if (known) return known;
      const session = new ClientSession(id, {
        send: (message) => connection.send(message),
        left: () => sessions.delete(session.id),
      });
      sessions.set(session.id, session);
      return session;
    },
    close() {
      connection.close();
      for (const session of sessions.values()) session.dispose();
      sessions.clear();
    },
  };
}
