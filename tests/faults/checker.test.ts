import type { HistoryEntry, ServerMessage } from '@parley/protocol';
import { expect, test } from 'vitest';
import { check } from './checker.ts';
import { describe, type Entry, flatten } from './record.ts';

const timestamp = '2026-01-01T00:00:00.000Z';
const envelope = { session_id: 's', timestamp } as const;
const run = { run_id: 'r', reply_to: 'm' } as const;

/** A message, its acknowledgement, an answer of two words, as one client sees them. */
const question: ServerMessage = {
  ...envelope,
  type: 'chat_message',
  message_id: 'm',
  seq: 1,
  data: { role: 'user', content: 'hello', message_type: 'text', sender: 'local' },
};
const joined: ServerMessage = {
  ...envelope,
  type: 'session_status',
  reply_to: 'join',
  data: {
    session_id: 's',
    status: 'active',
    title: null,
    agent_name: 'a',
    message_count: 0,
    created_at: timestamp,
    last_activity: timestamp,
    first_seq: 1,
    last_seq: 0,
    history: [],
  },
};
const ack: ServerMessage = {
  ...envelope,
  ...run,
  type: 'message_ack',
  seq: 1,
  data: { status: 'accepted' },
};
function chunk(offset: number, content: string, attempt = 1): ServerMessage {
  const data = { agent_name: 'a', offset, content };
  return { ...envelope, ...run, attempt, type: 'agent_chunk', message_id: 'answer', data };
}
function answer(over: { content?: string; status?: 'complete' | 'cancelled'; seq?: number } = {}) {
  const { content = 'one two', status = 'complete', seq = 2 } = over;
  return {
    ...envelope,
    ...run,
    attempt: 1,
    type: 'agent_response',
    message_id: 'answer',
    seq,
    data: { role: 'assistant', agent_name: 'a', content, status, message_type: 'text' },
  } satisfies ServerMessage;
}
const stopped: ServerMessage = {
  ...envelope,
  type: 'message_ack',
  reply_to: 'stop',
  data: { status: 'accepted', cancelled: ['r'] },
};
const good = [joined, ack, chunk(0, 'one '), chunk(4, 'two'), answer()];
const log = [question, answer()].map(flatten);

function findings(
  received: readonly ServerMessage[],
  kept: readonly HistoryEntry[] = log,
): string[] {
  const message = { type: 'chat_message', message_id: 'm', data: { content: 'hello' } } as const;
  const entries: Entry[] = [
    { way: 'open', epoch: 1 },
    { way: 'out', epoch: 1, message },
    ...received.map((message): Entry => ({ way: 'in', epoch: 1, message })),
  ];
  const expectation = { answer: () => 'one two', askedOnce: new Set<string>() };
  return check([{ client: 'c', session: 's', entries }], new Map([['s', kept]]), expectation).map(
    describe,
  );
}

test('the checker finds nothing where all is well', () => {
  expect(findings(good)).toEqual([]);
});

test.each<[rule: string, what: string, received: ServerMessage[], kept?: HistoryEntry[]]>([
  ['R1', 'a hole', [joined, ack, answer({ seq: 3 })]],
  ['R2', 'an acknowledged message that is not kept', good, [flatten(answer({ seq: 1 }))]],
  [
    'R2',
    'an event that is kept otherwise',
    good,
    [log[0], flatten(answer({ content: 'one' }))] as HistoryEntry[],
  ],
  ['R3', 'a second acknowledgement that differs', [...good, { ...ack, run_id: 'other' }]],
  ['R3', 'a message that is kept twice', good, [...log, { ...log[0], seq: 3 }] as HistoryEntry[]],
  ['R3', 'a message that is not acknowledged', [joined, question, answer()]],
  ['R4', 'text after an acknowledged stop', [joined, ack, stopped, chunk(0, 'one ')]],
  ['R4', 'a stop that was acknowledged and not kept', [joined, ack, stopped, answer()]],
  ['R5', 'a second end', [...good, answer({ seq: 3 })]],
  ['R5', 'no end', good, log.slice(0, 1)],
  ['R5', 'text after the end', [...good, chunk(0, 'one ')]],
  [
    'R5',
    'text of an attempt that was superseded',
    [joined, ack, chunk(0, 'one ', 2), chunk(0, 'one ')],
  ],
  ['R6', 'a hole in the text', [joined, ack, chunk(0, 'one '), chunk(5, 'wo'), answer()]],
  ['R6', 'text twice', [joined, ack, chunk(0, 'one '), chunk(0, 'one '), answer()]],
  ['R6', 'an event twice', [...good.slice(0, -1), answer(), answer()]],
  ['R6', 'text that its end does not have', [joined, ack, chunk(0, 'six'), answer()]],
  [
    'R6',
    'an answer that is not what the agent said',
    good,
    [log[0], flatten(answer({ content: 'three' }))] as HistoryEntry[],
  ],
  ['R7', 'a client that is behind at the end', [joined, ack, chunk(0, 'one ')]],
])('the checker names %s for %s', (rule, _what, received, kept) => {
  expect(findings(received, kept).join('\n')).toContain(`[${rule}] s: `);
});
