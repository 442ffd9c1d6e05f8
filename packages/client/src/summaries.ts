/** Sessions and hits as the server tells them, and as the client does. */
import type { ServerMessageOf } from '@parley/protocol';
import type { SearchHit, SessionSummary } from './session-list.ts';
import type { OutboxEntry, OutboxMessage } from './storage.ts';

export interface WireSession {
  readonly id: string;
  readonly title: string | null;
  readonly agent: string;
  readonly created_at: string;
  readonly last_used: string;
  readonly last_seq: number;
  readonly message_count: number;
}

export type WireHit = Omit<SearchHit, 'sessionId' | 'messageId' | 'timestamp'> & {
  readonly session_id: string;
  readonly message_id: string;
  readonly timestamp: string;
};

export function summaryOf(session: WireSession): SessionSummary {
  return {
    id: session.id,
    title: session.title,
    agent: session.agent,
    lastActivity: Date.parse(session.last_used),
    createdAt: Date.parse(session.created_at),
    messageCount: session.message_count,
    lastSeq: session.last_seq,
  };
}

/** The order of the server's pages. */
export function newestFirst(a: SessionSummary, b: SessionSummary): number {
  return b.lastActivity - a.lastActivity || (a.id < b.id ? 1 : -1);
}

/** Of a session that only waits in the outbox to be made; the server will name it alike. */
export function pendingSummary(
  entry: OutboxEntry,
  entries: readonly OutboxEntry[],
): SessionSummary {
  const first = entries.find(({ kind }) => kind === 'message') as OutboxMessage | undefined;
  return {
    id: entry.id,
    title: (entry.kind === 'session' && entry.title) || first?.text.slice(0, 60) || null,
    agent: (entry.kind === 'session' && entry.agent) || '',
    lastActivity: entry.timestamp,
    createdAt: entry.timestamp,
    messageCount: 0,
    lastSeq: 0,
  };
}

export function summaryOfStatus(data: ServerMessageOf<'session_status'>['data']): SessionSummary {
  return {
    id: data.session_id,
    title: data.title,
    agent: data.agent_name,
    lastActivity: Date.parse(data.last_activity),
    createdAt: Date.parse(data.created_at),
    messageCount: data.message_count,
    lastSeq: data.last_seq,
  };
}

export function hitOf({ session_id, message_id, timestamp, ...hit }: WireHit): SearchHit {
  return {
    ...hit,
    sessionId: session_id,
    messageId: message_id,
    timestamp: Date.parse(timestamp),
  };
}
