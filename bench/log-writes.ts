/**
 * What an answer costs the thread that writes to SQLite, in its parts, in microseconds: without a socket, an agent or an
 * event loop, so that it is what no server on this log can be faster than. `npx node bench/log-writes.ts`, in the
 * directory for temporary files. Beside it the same bytes in rows of a table without an index.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareLog } from '../packages/gateway/src/stores/sqlite/log.ts';
import { openForWriting } from '../packages/gateway/src/stores/sqlite/schema.ts';
import { prepareSearchIndex } from '../packages/gateway/src/stores/sqlite/search-index.ts';
import { prepareSessions } from '../packages/gateway/src/stores/sqlite/sessions.ts';
import { MESSAGE_BYTES } from './peers/work.ts';

/** As in work A: one person, so many sessions; about as many answers are committed together there with 16 in flight. */
const SESSIONS = 50;
const TOGETHER = 40;
const COMMITS = 1_500;
const WARM_UP = 1_000;
/** Pages of the write-ahead log after which the store moves them into the database. */
const CHECKPOINT_PAGES = 8_000;

const dir = mkdtempSync(join(tmpdir(), 'parley-bench-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
const db = openForWriting(join(dir, 'parley.sqlite'));
const index = prepareSearchIndex(db);
const log = prepareLog(db);
const { createSession } = prepareSessions(db, index);
db.exec('CREATE TABLE plain (data TEXT)');
const insertPlain = db.prepare('INSERT INTO plain VALUES (?)');

const sender = 'somebody';
const sessions = Array.from({ length: SESSIONS }, () => {
  const session = { id: randomUUID(), incarnation: randomUUID(), owner: sender, agent: 'echo' };
  createSession({ ...session, title: null, createdAt: Date.now(), invitationEpoch: 0 });
  return session;
});
const content = 'abcdefgh '.repeat(MESSAGE_BYTES).slice(0, MESSAGE_BYTES);
const question = JSON.stringify({ role: 'user', content, message_type: 'text', sender });
const answer = JSON.stringify({
  message_type: 'text',
  role: 'assistant',
  agent_name: 'echo',
  content,
  status: 'complete',
});
const now = () => new Date().toISOString();

type Named = (typeof sessions)[number];

function appendMessage({ id, incarnation }: Named): string {
  const run = randomUUID();
  const row = ['chat_message', randomUUID(), now(), null, null, null, question] as const;
  const of = [randomUUID(), 'echo', 'node', 'title', sender, 100, 1_000, false] as const;
  const { outcome } = log.appendMessage(id, incarnation, row, 'f'.repeat(44), run, ...of);
  if (outcome !== 'appended') throw new Error(outcome);
  return run;
}

function finishRun({ id }: Named, run: string): void {
  const row = ['agent_response', randomUUID(), now(), randomUUID(), run, 1, answer] as const;
  const { outcome } = log.finishRun(id, row);
  if (outcome !== 'appended') throw new Error(outcome);
}

const PARTS = {
  'its message: find the session, append, begin the run': 0,
  'its answer: find the run, append, end the run': 0,
  'commit: pages into the write-ahead log, fsync': 0,
  'afterwards: search index, checkpoint': 0,
  'the same bytes in two rows without an index, commit and checkpoint included': 0,
};

function timed(part: keyof typeof PARTS, work: () => void): void {
  const began = performance.now();
  work();
  PARTS[part] += performance.now() - began;
}

function checkpoint(): void {
  const [state] = db.pragma('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[];
  if (state && state.log - state.checkpointed > CHECKPOINT_PAGES)
    db.pragma('wal_checkpoint(PASSIVE)');
}

/** What the last commit has begun, and the next one ends. */
let begun: (() => void)[] = [];
let next = 0;

function commitOnce(): void {
  const ends = begun;
  begun = [];
  db.exec('BEGIN IMMEDIATE');
  timed('its message: find the session, append, begin the run', () => {
    for (let count = 0; count < TOGETHER; count += 1) {
      const session = sessions[next % SESSIONS] as Named;
      const run = appendMessage(session);
      begun.push(() => finishRun(session, run));
      next += 1;
    }
  });
  timed('its answer: find the run, append, end the run', () => {
    for (const end of ends) end();
  });
  timed('commit: pages into the write-ahead log, fsync', () => db.exec('COMMIT'));
  timed('afterwards: search index, checkpoint', () => {
    while (index.behind('overdue')) index.advance();
    checkpoint();
  });
}

function commitPlain(): void {
  timed('the same bytes in two rows without an index, commit and checkpoint included', () => {
    db.exec('BEGIN IMMEDIATE');
    for (let place = 0; place < TOGETHER; place += 1) {
      insertPlain.run(question);
      insertPlain.run(answer);
    }
    db.exec('COMMIT');
    checkpoint();
  });
}

for (let count = 0; count < WARM_UP; count += 1) commitOnce();
for (const part of Object.keys(PARTS) as (keyof typeof PARTS)[]) PARTS[part] = 0;
for (let count = 0; count < COMMITS; count += 1) commitOnce();
for (let count = 0; count < COMMITS; count += 1) commitPlain();
for (const [part, ms] of Object.entries(PARTS)) {
  console.log(`${((1_000 * ms) / (COMMITS * TOGETHER)).toFixed(1).padStart(6)} µs  ${part}`);
}
