/** The routes of sessions: AgenticGoKit's, and what Parley adds to them. */
import { type SessionEvent, toHistoryEntry } from '@parley/protocol';
import type { Principal } from '../auth/principal.ts';
import { asProtocolError } from '../errors.ts';
import type { SessionManager } from '../sessions/session-manager.ts';
import { type SessionPage, type SessionRecord, STORE_LIMITS } from '../stores/store.ts';
import { exportSession } from './export.ts';
import { defineRoute, type Route } from './route.ts';
import * as schema from './schemas.ts';

/** Behind the last session of anybody. */
const NOWHERE = '0.0';
/** Events in the newest page of a session. */
const NEWEST = 100;

export const sessionRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/sessions',
    name: 'listSessions',
    summary: 'Sessions, the most recently used first.',
    access: 'known',
    query: schema.listQuery,
    data: schema.sessionsData,
    errors: ['INVALID_MESSAGE'],
    async handle({ sessions }, { principal, query: { after, offset, limit } }) {
      const start = offset === 0 ? after : await placeAt(sessions, principal, offset);
      const found = await sessions.list(principal, { after: start, limit });
      const entries = found.sessions.map((record) => ({
        ...sessionFields(record),
        messages: record.messageCount,
      }));
      return { sessions: entries, total: found.total, offset, limit, next: found.next ?? null };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/sessions',
    name: 'createSession',
    summary: 'Creates a session. The body may be left out.',
    access: 'known',
    body: schema.createBody,
    data: schema.createdData,
    errors: ['INVALID_MESSAGE', 'AGENT_NOT_FOUND', 'SESSION_LIMIT'],
    async handle({ sessions }, { principal, body }) {
      const { title, agent_name: agent } = body;
      const record = await sessions.create(principal, { title, agent });
      return { id: record.id, created_at: iso(record.createdAt), status: 'created' as const };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/sessions/{id}',
    name: 'getSession',
    summary: 'A session with the messages and answers of the newest page of its log.',
    access: 'known',
    params: schema.sessionParams,
    data: schema.sessionData,
    errors: ['INVALID_MESSAGE', 'SESSION_NOT_FOUND'],
    async handle({ sessions }, { principal, params: { id } }) {
      const page = await sessions.read(principal, id, { before: LATEST, limit: NEWEST });
      const messages = page.events
        .filter(({ type }) => type === 'chat_message' || type === 'agent_response')
        .map((event) => Object.assign(toHistoryEntry(event), { id: event.message_id }));
      return {
        ...sessionFields(page.session),
        message_count: page.session.messageCount,
        ...keptFields(page.session),
        has_more: hasOlder(page),
        messages,
      };
    },
  }),
  defineRoute({
    method: 'PATCH',
    path: '/api/sessions/{id}',
    name: 'updateSession',
    summary: 'Renames a session, or gives it another agent.',
    access: 'known',
    params: schema.sessionParams,
    body: schema.updateBody,
    data: schema.updatedData,
    errors: ['INVALID_MESSAGE', 'SESSION_NOT_FOUND', 'AGENT_NOT_FOUND', 'FORBIDDEN'],
    async handle({ sessions }, { principal, params: { id }, body }) {
      const { title, agent_name: agent } = body;
      const record = await sessions.update(principal, id, { title, agent });
      return { ...sessionFields(record), message_count: record.messageCount };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/sessions/{id}',
    name: 'deleteSession',
    summary: 'Deletes a session with its log, stops its answers and tells those who are in it.',
    access: 'known',
    params: schema.sessionParams,
    data: schema.deletedData,
    errors: ['INVALID_MESSAGE', 'SESSION_NOT_FOUND', 'FORBIDDEN'],
    async handle({ sessions }, { principal, params: { id } }) {
      await sessions.delete(principal, id);
      return { id, status: 'deleted' as const };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/sessions/{id}/messages',
    name: 'readMessages',
    summary: 'A page of the log: the newest, or the one before or after a `seq`.',
    access: 'known',
    params: schema.sessionParams,
    query: schema.messagesQuery,
    data: schema.messagesData,
    errors: ['INVALID_MESSAGE', 'SESSION_NOT_FOUND'],
    async handle({ sessions }, { principal, params: { id }, query }) {
      const { after_seq: after, before_seq: before = LATEST, limit } = query;
      const read = after === undefined ? { before, limit } : { after, limit };
      const page = await sessions.read(principal, id, read);
      return {
        messages: page.events.map(toHistoryEntry),
        has_more: after === undefined ? hasOlder(page) : hasNewer(page),
        ...keptFields(page.session),
      };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/sessions/{id}/export',
    name: 'exportSession',
    summary: 'The session as a file: the transcript in Markdown, or every event in JSON.',
    access: 'known',
    params: schema.sessionParams,
    query: schema.exportQuery,
    produces: ['text/markdown', 'application/json'],
    errors: ['INVALID_MESSAGE', 'SESSION_NOT_FOUND'],
    handle: ({ sessions, log }, { principal, params: { id }, query: { format }, context }) =>
      exportSession({
        read: (after, limit) => sessions.read(principal, id, { after, limit }),
        format,
        failed(error) {
          // Most likely the session was deleted meanwhile, which is no fault.
          const { code } = asProtocolError(error, log, { session_id: id });
          log.info({ code, session_id: id }, 'an export was cut off');
          context.env.outgoing.destroy();
        },
      }),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/search',
    name: 'search',
    summary: 'Messages and answers that have every word that is asked for, newest first.',
    access: 'known',
    query: schema.searchQuery,
    data: schema.searchData,
    errors: ['INVALID_MESSAGE'],
    async handle({ sessions }, { principal, query: { q, limit } }) {
      const found = await sessions.search(principal, q, limit);
      const hits = found.map(({ sessionId, messageId, ...hit }) => ({
        session_id: sessionId,
        message_id: messageId,
        ...hit,
      }));
      return { hits };
    },
  }),
];

/** Before no event. */
const LATEST = Number.MAX_SAFE_INTEGER;

function sessionFields({ id, title, agent, createdAt, lastActivity, lastSeq }: SessionRecord) {
  return {
    id,
    title,
    agent,
    created_at: iso(createdAt),
    last_used: iso(lastActivity),
    last_seq: lastSeq,
    active: true as const,
  };
}

function keptFields({ firstSeq, lastSeq }: SessionRecord) {
  return { first_seq: firstSeq, last_seq: lastSeq };
}

function hasOlder({ events, session }: SessionPage): boolean {
  return firstOf(events) > session.firstSeq;
}

function hasNewer({ events, session }: SessionPage): boolean {
  const last = events.at(-1);
  return last !== undefined && last.seq < session.lastSeq;
}

function firstOf(events: readonly SessionEvent[]): number {
  return events[0]?.seq ?? 0;
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** AgenticGoKit's pages count from the start. */
async function placeAt(
  sessions: SessionManager,
  principal: Principal,
  offset: number,
): Promise<string | undefined> {
  let after: string | undefined;
  for (let left = offset; left > 0 && after !== NOWHERE; left -= STORE_LIMITS.page) {
    const limit = Math.min(left, STORE_LIMITS.page);
    after = (await sessions.list(principal, { after, limit })).next ?? NOWHERE;
  }
  return after;
}
