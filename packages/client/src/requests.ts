/** What a session asks of the server, as it goes over the wire: JSON leaves out what is undefined. */
import type { ClientMessageOf } from '@parley/protocol';
import type { Outgoing } from './send-queue.ts';
import type { CreateOptions } from './session.ts';
import type { OutboxMessage } from './storage.ts';
import type { Transcript } from './transcript.ts';
import { uuid } from './uuid.ts';

/** Enters a session; with `known`, where its log goes on for this client. */
export function joinSession(
  sessionId: string,
  known: Pick<Transcript, 'lastSeq' | 'place'> | undefined,
): ClientMessageOf<'session_join'> & { message_id: string } {
  const { lastSeq, place } = known ?? {};
  return {
    type: 'session_join',
    session_id: sessionId,
    message_id: uuid(),
    data: { after_seq: lastSeq, answer: place } as ClientMessageOf<'session_join'>['data'],
  };
}

export function createSession(
  sessionId: string,
  { title, agent }: CreateOptions,
): ClientMessageOf<'session_create'> & { message_id: string } {
  return {
    type: 'session_create',
    session_id: sessionId,
    message_id: uuid(),
    data: { title, agent_name: agent } as ClientMessageOf<'session_create'>['data'],
  };
}

export function chatMessage(message: OutboxMessage): Outgoing {
  const { id, sessionId, text, agent, replaces, traceparent } = message;
  return {
    type: 'chat_message',
    session_id: sessionId,
    message_id: id,
    ...(traceparent === undefined ? {} : { traceparent }),
    data: {
      content: text,
      message_type: 'text',
      agent_name: agent,
      replaces,
    } as ClientMessageOf<'chat_message'>['data'],
  };
}
