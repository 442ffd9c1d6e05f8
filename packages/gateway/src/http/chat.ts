/** Asking an agent with one request. */
import { ERROR_CODES, type ErrorCode, type SessionEventOf } from '@parley/protocol';
import type { Principal } from '../auth/principal.ts';
import { randomId } from '../random-id.ts';
import type { AppDeps } from './deps.ts';
import { HttpRefusal, unixSeconds } from './errors.ts';
import { defineRoute, type Route, success } from './route.ts';
import * as schema from './schemas.ts';

export const chatRoutes: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/api/chat',
    name: 'chat',
    summary:
      'Posts a message and waits for the end of its answer. Leaving does not stop the answer.',
    access: 'known',
    body: schema.chatBody,
    data: schema.chatData,
    errors: [
      'FORBIDDEN',
      'INVALID_MESSAGE',
      'SESSION_NOT_FOUND',
      'SESSION_LIMIT',
      'AGENT_NOT_FOUND',
      'MESSAGE_CONFLICT',
      'QUEUE_FULL',
      'AGENT_ERROR',
      'TIMEOUT',
      'INTERRUPTED',
      'ANSWER_TOO_LARGE',
    ],
    async handle(deps, { principal, body, context }) {
      const { message, message_id = randomId(), agent_name } = body;
      const sessionId = await openSession(deps, principal, body.session_id, agent_name);
      context.set('said', { session_id: sessionId, message_id });
      const content = { content: message, message_type: 'text' as const, agent_name };
      const caller = {
        traceparent: context.req.header('traceparent'),
        tracestate: context.req.header('tracestate'),
      };
      const end = await deps.sessions.posting.ask(
        principal,
        sessionId,
        { message_id, data: content, ...caller },
        context.req.raw.signal,
      );
      const data = answerData(end, message);
      const headers = end.traceparent === undefined ? {} : { traceparent: end.traceparent };
      if (end.data.status === 'error' || end.data.status === 'interrupted') {
        const reason = end.data.error ?? 'The agent failed.';
        throw new HttpRefusal(codeOf(end), reason, { data, headers });
      }
      return success(data, headers);
    },
  }),
];

/** The session that is named, created where there is none: pages of AgenticGoKit make up the id. */
async function openSession(
  { sessions }: AppDeps,
  principal: Principal,
  id: string | undefined,
  agent: string | undefined,
): Promise<string> {
  return (await sessions.create(principal, { id, agent })).id;
}

function answerData(end: SessionEventOf<'agent_response'>, message: string) {
  const { data } = end;
  return {
    agent: data.agent_name,
    message,
    response: data.content,
    timestamp: unixSeconds(Date.parse(end.timestamp)),
    session_id: end.session_id,
    message_id: end.message_id,
    reply_to: end.reply_to ?? '',
    run_id: end.run_id ?? '',
    status: data.status,
  };
}

function codeOf({ data }: SessionEventOf<'agent_response'>): ErrorCode {
  const { code, status } = data;
  if (code !== undefined && Object.hasOwn(ERROR_CODES, code)) return code as ErrorCode;
  return status === 'interrupted' ? 'INTERRUPTED' : 'AGENT_ERROR';
}
