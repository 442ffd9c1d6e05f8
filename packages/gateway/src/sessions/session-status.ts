import { createMessage, type ServerMessageOf } from '@parley/protocol';
import type { SessionRecord } from '../stores/store.ts';

/** Who may see a session. */
export function audienceOf({ owner, members }: SessionRecord): readonly string[] {
  return [owner, ...Object.keys(members)];
}

/** What a session is at this moment; `extra` is what a join adds. */
export function sessionStatus(
  record: SessionRecord,
  status: 'active' | 'deleted' | 'expired',
  extra: Partial<ServerMessageOf<'session_status'>['data']> = {},
  replyTo?: string,
): ServerMessageOf<'session_status'> & { session_id: string } {
  const data = {
    session_id: record.id,
    status,
    title: record.title,
    agent_name: record.agent,
    message_count: record.messageCount,
    created_at: new Date(record.createdAt).toISOString(),
    last_activity: new Date(record.lastActivity).toISOString(),
    first_seq: record.firstSeq,
    last_seq: record.lastSeq,
    ...extra,
  };
  return createMessage('session_status', data, {
    session_id: record.id,
    ...(replyTo === undefined ? {} : { reply_to: replyTo }),
  });
}
