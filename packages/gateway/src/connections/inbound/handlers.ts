/** What each client message does. */
import {
  type ClientMessage,
  type ClientMessageOf,
  type ClientMessageType,
  createMessage,
  decode,
  ProtocolError,
} from '@parley/protocol';
import type { Turn } from '../../runs/run-manager.ts';
import type { JoinPosition } from '../../sessions/subscription.ts';
import { parseTraceparent } from '../../trace-context.ts';
import type { Connection } from '../connection.ts';
import { authenticate } from './authenticate.ts';

type Handler<Type extends ClientMessageType> = (
  connection: Connection,
  message: ClientMessageOf<Type>,
  early?: Promise<string[]>,
) => Promise<void> | undefined;

/** A `run_cancel` is not longer than this: two ids of 128 characters, and what stands around them. */
const MAX_STOP_BYTES = 2_048;

/**
 * Handles one message; the next one of the connection waits for the promise, where there is one.
 * `early`: what `stopEarly` has ended on its behalf.
 */
export function handle(
  connection: Connection,
  message: ClientMessage,
  early?: Promise<string[]>,
): Promise<void> | undefined {
  return (handlers[message.type] as Handler<ClientMessageType>)(connection, message, early);
}

/**
 * Carries a `run_cancel` out that waits behind other messages; it is acknowledged, and stops what they
 * start, when it has its turn. `undefined`: it is none, or names no session, so that it cannot be known
 * yet which one it will be about.
 */
export function stopEarly(connection: Connection, bytes: Buffer): Promise<string[]> | undefined {
  if (bytes.length > MAX_STOP_BYTES || !bytes.includes('"run_cancel"')) return undefined;
  const decoded = decode(bytes.toString(), connection.profile);
  if (!decoded.ok || decoded.message.type !== 'run_cancel') return undefined;
  const { session_id, data } = decoded.message;
  if (session_id === undefined) return undefined;
  // A refusal is answered when it has its turn, if it holds then.
  return connection.sessions.cancel(connection.principal, session_id, data.run_id).catch(() => []);
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
    return join(connection, needSession(connection, data.session_id ?? session_id), {
      afterSeq: data.after_seq,
      answer: data.answer,
      replyTo: message_id,
    });
  },

  chat_message(connection, message) {
    const id = message.session_id ?? connection.current;
    if (id !== undefined && connection.subscriptions.has(id) && !message.data.replaces) {
      // It takes its place in the store's order before this returns; waiting for the disk is for
      // the acknowledgement, not for the next message.
      connection.needBackground().post(post(connection, id, message), message.message_id);
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
    await connection.background?.settled();
    leave(connection, id);
    acknowledge(connection, id, message_id);
  },

  run_cancel(connection, { session_id, message_id, data }, early) {
    const id = needSession(connection, session_id);
    connection
      .needBackground()
      .stop(stop(connection, id, { runId: data.run_id, replyTo: message_id, early }), message_id);
    return undefined;
  },

  async approval_response(connection, { session_id, message_id, data }) {
    const id = needSession(connection, session_id);
    await connection.sessions.decide(connection.principal, id, data);
    acknowledge(connection, id, message_id);
  },

  sessions_watch(connection, { message_id }) {
    const { sessions, principal, unwatch } = connection;
    connection.unwatch = sessions.watch(principal, {
      tell: (delivery) => connection.forward(delivery),
      missed: () => {
        // One that names nothing would be taken for the acknowledgement of another message.
        if (message_id !== undefined) acknowledge(connection, undefined, message_id);
      },
    });
    // Only now, so that nothing falls in between.
    unwatch?.();
    acknowledge(connection, undefined, message_id);
    return undefined;
  },

  auth: (connection, { message_id, data }) => authenticate(connection, data.token, message_id),
};

async function join(connection: Connection, id: string, position: JoinPosition): Promise<void> {
  const { sessions, principal, subscriptions } = connection;
  // A join that is refused changes nothing: the connection stays in the session that it is in.
  await sessions.get(principal, id, 'read');
  if (connection.profile !== 'plain') needRoom(connection, id);
  await connection.background?.settled();
  const left = connection.profile === 'plain' ? subscriptions.ids() : [id];
  const wasIn = left.filter((one) => leave(connection, one));
  try {
    const subscription = await sessions.join(principal, id, connection, position);
    if (connection.closing) {
      subscription.close();
      return;
    }
    subscriptions.add(subscription);
    connection.current = id;
  } catch (error) {
    // It has lost its place where it was, and is not told so by an error that says nothing changed.
    if (wasIn.length > 0 && !(error instanceof ProtocolError)) connection.fail(error);
    throw error;
  }
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

/** `false`: it was not in it. */
function leave(connection: Connection, id: string): boolean {
  connection.subscriptions.get(id)?.close();
  const wasIn = connection.subscriptions.has(id);
  connection.left(id);
  return wasIn;
}

/** Posts to a session that the connection is not in yet, or at a place that has to be looked up. */
async function joinAndPost(
  connection: Connection,
  id: string | undefined,
  message: ClientMessageOf<'chat_message'>,
): Promise<void> {
  let sessionId = id;
  // What is refused changes nothing: no session is made for it, none left or joined.
  if (sessionId === undefined || !connection.subscriptions.has(sessionId)) {
    await connection.sessions.posting.check(connection.principal, sessionId, message);
  }
  if (sessionId === undefined) {
    needRoom(connection, undefined);
    const created = await connection.sessions.create(connection.principal, {
      agent: message.data.agent_name,
    });
    sessionId = created.id;
  }
  if (!connection.subscriptions.has(sessionId)) await join(connection, sessionId, {});
  await connection.background?.settled();
  await post(connection, sessionId, message);
}

function post(
  connection: Connection,
  sessionId: string,
  message: ClientMessageOf<'chat_message'>,
): Promise<unknown> {
  const plain = connection.profile === 'plain';
  const { trace } = connection.origin;
  const posted = connection.sessions.posting.post(
    connection.principal,
    sessionId,
    trace && !parseTraceparent(message.traceparent) ? { ...message, ...trace } : message,
    {
      connectionId: connection.id,
      acknowledge: (seq, text) => {
        if (plain) return;
        const subscription = connection.subscriptions.get(sessionId);
        if (subscription) subscription.acknowledge(seq, text);
        else connection.say('message_ack', text);
      },
    },
  );
  // Clients of the seed know no `run_status`.
  return plain ? posted.then((turn) => tellWaiting(connection, sessionId, message, turn)) : posted;
}

function tellWaiting(
  connection: Connection,
  sessionId: string,
  { message_id }: ClientMessageOf<'chat_message'>,
  { waits, position }: Turn,
): void {
  if (!waits) return;
  const message = `Your message waits its turn: ${ahead(position)} first.`;
  connection.tell(
    createMessage('system_message', { level: 'info', message }, envelope(sessionId, message_id)),
  );
}

function ahead(position: number): string {
  if (position === 0) return 'answers of other sessions';
  return position === 1 ? 'one message of this session' : `${position} messages of this session`;
}

/** What runs says nothing more when this returns; it is acknowledged when the ends are on disk. */
async function stop(
  connection: Connection,
  sessionId: string,
  of: {
    runId: string | undefined;
    replyTo: string | undefined;
    early: Promise<string[]> | undefined;
  },
): Promise<void> {
  const { sessions, principal } = connection;
  const now = sessions.cancel(principal, sessionId, of.runId);
  // Looked at below; a refusal that comes before that must not be nobody's.
  now.catch(() => {});
  const early = (await of.early) ?? [];
  const cancelled = await now.catch((error) => {
    // The run that it names was ended on its behalf already.
    if (early.length > 0) return [];
    throw error;
  });
  // Both may have come upon a message that was on its way to its run.
  const ended = [...new Set([...early, ...cancelled])];
  const data = { status: 'accepted' as const, cancelled: ended };
  connection.tell(createMessage('message_ack', data, envelope(sessionId, of.replyTo)));
}

function acknowledge(
  connection: Connection,
  sessionId: string | undefined,
  replyTo: string | undefined,
): void {
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
