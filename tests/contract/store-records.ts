/** What the tests of stores write, each with as much said as a test is about. */
import { expect } from 'vitest';
import type {
  AppendMessage,
  MostRuns,
  NewEvent,
  NewSession,
  SessionIdentity,
  StopRuns,
  Store,
} from '../../packages/gateway/src/stores/store.ts';

export const START = Date.parse('2026-03-01T12:00:00.000Z');

/** The session of this id that is created first. */
export function identityOf(id: string): SessionIdentity {
  return { id, incarnation: `the first ${id}` };
}

export function newSession(id: string, changes: Partial<NewSession> = {}): NewSession {
  return {
    ...identityOf(id),
    owner: 'ann',
    title: null,
    agent: 'guide',
    createdAt: START,
    invitationEpoch: 0,
    ...changes,
  };
}

/** Stops one run, or all: by the owner. */
export function stopBy(runId?: string): StopRuns {
  return { sender: 'ann', asAdmin: false, runId };
}

/** A message `id` of a session, with the run `run-<session>-<id>` and the answer `answer-<session>-<id>`. */
export function newMessage(
  session: string,
  id: string,
  changes: {
    content?: string;
    at?: number;
    fingerprint?: string;
    title?: string;
    sender?: string;
    incarnation?: string;
    most?: Partial<MostRuns>;
    asAdmin?: boolean;
  } = {},
): AppendMessage {
  const { content = `text of ${id}`, at = START, title = 'a title', sender = 'ann' } = changes;
  return {
    event: {
      type: 'chat_message',
      session_id: session,
      message_id: id,
      timestamp: new Date(at).toISOString(),
      data: { role: 'user', content, message_type: 'text', sender },
    },
    incarnation: changes.incarnation ?? identityOf(session).incarnation,
    fingerprint: changes.fingerprint ?? content,
    run: {
      runId: `run-${session}-${id}`,
      answerId: `answer-${session}-${id}`,
      agent: 'guide',
      node: 'one',
    },
    title,
    most: { ofSession: 0, ofSender: 0, ...changes.most },
    asAdmin: changes.asAdmin ?? false,
  };
}

export function newAnswer(
  { event, run }: AppendMessage,
  changes: { content?: string; attempt?: number; at?: number } = {},
): Extract<NewEvent, { type: 'agent_response' }> {
  const { content = 'an answer', attempt = 1, at = Date.parse(event.timestamp) } = changes;
  return {
    type: 'agent_response',
    session_id: event.session_id,
    message_id: run.answerId,
    timestamp: new Date(at).toISOString(),
    reply_to: event.message_id,
    run_id: run.runId,
    attempt,
    data: {
      role: 'assistant',
      agent_name: run.agent,
      content,
      status: 'complete',
      message_type: 'text',
    },
  };
}

export function newToolCall({ event, run }: AppendMessage, id: string, attempt = 1): NewEvent {
  return {
    type: 'tool_call',
    session_id: event.session_id,
    message_id: id,
    timestamp: event.timestamp,
    reply_to: event.message_id,
    run_id: run.runId,
    attempt,
    data: {
      agent_name: run.agent,
      tool_call_id: id,
      tool_name: 'look',
      arguments: { at: ['the moon', 1.5, null, true, { deep: {} }] },
      offset: 0,
    },
  };
}

/** Of a session whose log has no hole and nothing twice, the `seq` of each message. */
export async function expectWholeLog(store: Store, session: string): Promise<Map<string, number>> {
  const last = (await store.getSession(session))?.lastSeq ?? 0;
  const found = new Map<string, number>();
  for (let after = 0; after < last; ) {
    const { events = [] } = (await store.readSession(session, { after, limit: 1_000 })) ?? {};
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => after + index + 1));
    for (const { message_id, seq } of events) found.set(message_id, seq);
    after += events.length;
  }
  // None of them is there twice.
  expect(found.size).toBe(last);
  return found;
}
