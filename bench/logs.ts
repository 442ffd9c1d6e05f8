/** Sessions with long logs, written by the store itself, and kept: a million events take a minute. */
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SCHEMA_VERSION } from '../packages/gateway/src/stores/sqlite/schema.ts';
import { openSqliteStore } from '../packages/gateway/src/stores/sqlite.ts';
import type { NewEvent, Store } from '../packages/gateway/src/stores/store.ts';

/** Made by any other version of the store, it would be another store that is measured. */
export const LOGS = join(tmpdir(), `parley-bench-logs-${SCHEMA_VERSION}`);
/** How many events each session has, its id being that number. */
export const LENGTHS = [10, 10_000, 1_000_000] as const;
/** Written at the same time: as many as the store commits together. */
const TOGETHER = 1_000;
const START = Date.parse('2026-01-01T00:00:00.000Z');
const TEXT = 'What a person says and what an agent answers, about as long as both are. '.repeat(3);

/** Makes them where they are not there yet. */
export async function makeLogs(): Promise<void> {
  const isMade = join(LOGS, 'made');
  if (existsSync(isMade)) return;
  await rm(LOGS, { recursive: true, force: true });
  await mkdir(LOGS, { recursive: true });
  const store = await openSqliteStore(LOGS);
  for (const length of LENGTHS) await writeLog(store, length);
  await store.close();
  await writeFile(isMade, '');
}

async function writeLog(store: Store, length: number): Promise<void> {
  const id = `${length}`;
  await store.createSession({
    id,
    incarnation: id,
    owner: 'local',
    title: `${length} events`,
    agent: 'echo',
    invitationEpoch: 0,
    createdAt: START,
  });
  for (let from = 0; from < length / 2; from += TOGETHER) {
    const turns = Array.from({ length: Math.min(TOGETHER, length / 2 - from) }, (_, n) => from + n);
    await Promise.all(turns.flatMap((number) => writeTurn(store, id, number)));
  }
}

/** A message and its answer, in this order: the store takes calls one after the other. */
function writeTurn(store: Store, session: string, number: number): Promise<unknown>[] {
  const messageId = `question-${number}`;
  const runId = `run-${session}-${number}`;
  const timestamp = new Date(START + number * 1_000).toISOString();
  const answer: Extract<NewEvent, { type: 'agent_response' }> = {
    type: 'agent_response',
    session_id: session,
    message_id: `answer-${number}`,
    timestamp,
    reply_to: messageId,
    run_id: runId,
    attempt: 1,
    data: {
      role: 'assistant',
      agent_name: 'echo',
      content: TEXT,
      status: 'complete',
      message_type: 'text',
    },
  };
  return [
    store.appendMessage({
      event: {
        type: 'chat_message',
        session_id: session,
        message_id: messageId,
        timestamp,
        data: { role: 'user', content: TEXT, message_type: 'text', sender: 'local' },
      },
      incarnation: session,
      fingerprint: TEXT,
      run: { runId, answerId: answer.message_id, agent: 'echo', node: 'bench' },
      title: '',
      most: { ofSession: 0, ofSender: 0 },
      asAdmin: false,
    }),
    store.finishRun(answer),
  ];
}
