/** What each client message does. */
import {
  type ClientMessage,
  type ClientMessageOf,
  type ClientMessageType,
  createMessage,
  ProtocolError,
} from '@parley/protocol';
import type { JoinPosition } from '../sessions/subscription.ts';
import type { Connection } from './connection.ts';

type Handler<Type extends ClientMessageType> = (
  connection: Connection,
  message: ClientMessageOf<Type>,
) => Promise<void> | undefined;

/** Handles one message; the next one of the connection waits for the promise, where there is one. */
export function handle(connection: Connection, message: ClientMessage): Promise<void> | undefined {
  const handler = handlers[message.type] as Handler<ClientMessageType>;
  if (!connection.entering || isUrgent(message)) return handler(connection, message);
  return connection.entering.then(() => handler(connection, message));
}

/** What does not wait until everything that a join announces has been read by a slow reader. */
function isUrgent({ type, session_id }: ClientMessage): boolean {
  return type === 'ping' || (type === 'run_cancel' && session_id !== undefined);
}

const handlers: { [Type in ClientMessageType]: Handler<Type> } = {
  async session_create(connection, { session_id, message_id, data }) {
    needRoom(connection, session_id);
    const { id } = await connection.sessions.create(connection.principal, {
      // Clients of the seed send what they like here; `parley.v1` lets a client choose the id.
      id: connection.profile === 'plain' ? undefined : session_id,
      title: data.title,
      agent: data.agent_name,
    });
    await join(connection, id, { replyTo: message_id });
  },

  session_join(connection, { session_id, message_id, data }) {
    const id = needSession(connection, data.session_id ?? session_id);
    const position = { afterSeq: data.after_seq, answer: data.answer, replyTo: message_id };
    connection.enterInBackground(join(connection, id, position), message_id);
    return undefined;
  },

  chat_message(connection, message) {
    const id = message.session_id ?? connection.current;
    if (id !== undefined && connection.subscriptions.has(id) && !message.data.replaces) {
      // It takes its place in the store's order before this returns; waiting for the disk is for
      // the acknowledgement, not for the next message.
      connection.continueInBackground(post(connection, id, message), message.message_id);
      return undefined;
    }
    return joinAndPost(connection, id, message);
  },

  ping(connection, { message_id }) {
    connection.tell(createMessage('pong', {}, envelope(connection.current, message_id)));
    return undefined;
  },

  typing(connection, { session_id, data }) {
    // The seed's clients may say so before they have a session; there is nobody to tell then.
    if (connection.profile === 'plain' && connection.current === undefined) return undefined;
    const id = needJoined(connection, session_id);
    connection.sessions.typing(connection.principal, id, data.is_typing, connection.id);
    return undefined;
  },

  async session_update(connection, { session_id, message_id, data }) {
    const id = needSession(connection, session_id);
    await connection.sessions.update(connection.principal, id, {
      title: data.title,
      agent: data.agent_name,
    });
    acknowledge(connection, id, message_id);
  },

  async session_leave(connection, { session_id, message_id }) {
    const id = needJoined(connection, session_id);
    await connection.settleBackground();
    leave(connection, id);
    acknowledge(connection, id, message_id);
  },

  run_cancel(connection, { session_id, message_id, data }) {
    const id = needSession(connection, session_id);
    // What runs is stopped before this returns. Its end may be waiting for a slow disk; whatever else
    // this connection has to say need not wait for that.
    connection.continueInBackground(stop(connection, id, data.run_id, message_id), message_id);
    return undefined;
  },

  async approval_response(connection, { session_id, message_id, data }) {
    const id = needSession(connection, session_id);
    await connection.sessions.decide(connection.principal, id, data);
    acknowledge(connection, id, message_id);
  },

  sessions_watch(connection, { message_id }) {
    const { sessions, principal } = connection;
    connection.unwatch ??= sessions.watch(principal, (delivery) => connection.forward(delivery));
    const data = { status: 'accepted' as const };
    connection.tell(createMessage('message_ack', data, envelope(undefined, message_id)));
    return undefined;
  },

  /** Whoever reaches this server is known already; a client that sends its token anyway may go on. */
  auth(connection, { message_id }) {
    connection.tell(
      createMessage('message_ack', { status: 'accepted' }, envelope(undefined, message_id)),
    );
    return undefined;
  },
};

async function join(connection: Connection, id: string, position: JoinPosition): Promise<void> {
  const { subscriptions } = connection;
  // A join that is refused changes nothing: the connection stays in the session that it is in.
  await connection.sessions.get(connection.principal, id);
  if (connection.profile === 'plain') {
    for (const other of subscriptions.keys()) leave(connection, other);
  } else {
    needRoom(connection, id);
  }
  await connection.settleBackground();
  leave(connection, id);
  const subscription = await connection.sessions.join(
    connection.principal,
    id,
    connection,
    position,
    (ended) => forget(connection, ended),
  );
  if (connection.closing) {
    subscription.close();
    return;
  }
  subscriptions.set(id, subscription);
  connection.current = id;
}

/** Asked before a session is created, so that none is left behind that nobody can join. */
function needRoom({ profile, subscriptions, limits }: Connection, id: string | undefined): void {
  // A plain connection leaves the session that it is in.
  if (profile === 'plain' || (id !== undefined && subscriptions.has(id))) return;
  if (subscriptions.size < limits.maxSessions) return;
  throw new ProtocolError(
    'SESSION_LIMIT',
    `This connection is in ${limits.maxSessions} sessions, as many as it may be. Leave one first.`,
    { limit: limits.maxSessions },
  );
}

function leave(connection: Connection, id: string): void {
  connection.subscriptions.get(id)?.close();
  forget(connection, id);
}

function forget(connection: Connection, id: string): void {
  connection.subscriptions.delete(id);
  if (connection.current === id) connection.current = undefined;
}

/** Posts to a session that the connection is not in yet, or at a place that has to be looked up. */
async function joinAndPost(
  connection: Connection,
  id: string | undefined,
  message: ClientMessageOf<'chat_message'>,
): Promise<void> {
  let sessionId = id;
  if (sessionId === undefined) {
    needRoom(connection, undefined);
    const created = await connection.sessions.create(connection.principal, {
      agent: message.data.agent_name,
    });
    sessionId = created.id;
  }
  if (!connection.subscriptions.has(sessionId)) await join(connection, sessionId, {});
  await connection.settleBackground();
  await post(connection, sessionId, message);
}

async function post(
  connection: Connection,
  sessionId: string,
  message: ClientMessageOf<'chat_message'>,
): Promise<void> {
  const plain = connection.profile === 'plain';
  const { position } = await connection.sessions.post(connection.principal, sessionId, message, {
    connectionId: connection.id,
    acknowledge: (text) => {
      if (!plain) connection.send(text);
    },
  });
  if (plain && position > 0) {
    const ahead = position === 1 ? 'one message' : `${position} messages`;
    connection.tell(
      createMessage(
        'system_message',
        { level: 'info', message: `Your message waits its turn: ${ahead} of this session first.` },
        envelope(sessionId, message.message_id),
      ),
    );
  }
}

async function stop(
  connection: Connection,
  sessionId: string,
  runId: string | undefined,
  replyTo: string | undefined,
): Promise<void> {
  const { sessions, principal } = connection;
  const cancelled = await sessions.cancel(principal, sessionId, runId);
  const data = { status: 'accepted' as const, cancelled };
  connection.tell(createMessage('message_ack', data, envelope(sessionId, replyTo)));
}

function acknowledge(connection: Connection, sessionId: string, replyTo: string | undefined): void {
  connection.tell(
    createMessage('message_ack', { status: 'accepted' }, envelope(sessionId, replyTo)),
  );
}

function envelope(sessionId: string | undefined, replyTo: string | undefined) {
  return {
    ...(sessionId === undefined ? {} : { session_id: sessionId }),
    ...(replyTo === undefined ? {} : { reply_to: replyTo }),
  };
}

function needSession(connection: Connection, id: string | undefined): string {
  const session = id ?? connection.current;
  if (session !== undefined) return session;
  throw new ProtocolError(
    'NO_SESSION',
    'Name a session in session_id, or create or join one on this connection first.',
  );
}

function needJoined(connection: Connection, id: string | undefined): string {
  const session = needSession(connection, id);
  if (connection.subscriptions.has(session)) return session;
  throw new ProtocolError('NO_SESSION', `This connection has not joined the session ${session}.`);
}
