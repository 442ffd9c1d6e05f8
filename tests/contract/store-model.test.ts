/**
 * Every sequence of operations has the same outcomes on SQLite and PostgreSQL as on the simple model. A failure
 * prints the seed and the shrunk sequence; `fc.assert(…, { seed, path })` repeats it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import { openPostgresStore } from '../../packages/gateway/src/stores/postgres.ts';
import { openSqliteStore } from '../../packages/gateway/src/stores/sqlite.ts';
import type { SessionRecord, Store } from '../../packages/gateway/src/stores/store.ts';
import { startPostgres } from '../helpers/postgres.ts';
import {
  identityOf,
  newAnswer,
  newMessage,
  newSession,
  newToolCall,
  START,
} from './store-records.ts';

/** One operation: what it says, and how it is done. */
interface Step {
  readonly text: string;
  /** The prefix keeps the sequences of one database apart. */
  run(store: Store, prefix: string): Promise<unknown>;
}

/** Few of everything, so that operations meet. */
const session = fc.constantFrom('s1', 's2', 's3');
const message = fc.constantFrom('m1', 'm2', 'm3', 'm4', 'm5');
const owner = fc.constantFrom('ann', 'bob');
const person = fc.constantFrom('bob', 'zoe');
const sender = fc.constantFrom('an admin', 'an admin', 'ann', 'bob', 'zoe');
const at = fc.integer({ min: 0, max: 5 }).map((offset) => START + offset);
const attempt = fc.integer({ min: 1, max: 3 });
const limit = fc.integer({ min: -1, max: 5 });
const word = fc.constantFrom(
  'alpha',
  'ÄLPHABET',
  'beta',
  'bet',
  'γάμμα',
  'ΓΑΜΜΑΣ',
  '東京',
  '7up',
  '😀',
);
const content = fc
  .array(word, { maxLength: 4 })
  .chain((words) =>
    fc.constantFrom(' ', ', ', '\u0000', '\ud800', ' "').map((by) => words.join(by)),
  );
const title = fc.constantFrom('one', 'two \ud83d');

function sentBy(prefix: string, by: string) {
  return { sender: prefix + by, asAdmin: by === 'an admin' };
}

function step<Values extends unknown[]>(
  name: string,
  values: { [Index in keyof Values]: fc.Arbitrary<Values[Index]> },
  run: (store: Store, prefix: string, ...values: Values) => Promise<unknown>,
): fc.Arbitrary<Step> {
  return fc.tuple(...values).map((given) => ({
    text: `${name}${JSON.stringify(given)}`,
    run: (store, prefix) => run(store, prefix, ...(given as Values)),
  }));
}

/** All other steps mean the first one: of another they are to do nothing to. */
const which = fc.constantFrom('first', 'first', 'first', 'first', 'first', 'another');

const steps: fc.Arbitrary<Step>[] = [
  step('createSession', [session, owner, at, which], (store, prefix, id, by, createdAt, is) => {
    const { incarnation } = identityOf(prefix + id);
    const identity = { incarnation: is === 'first' ? incarnation : is };
    const session = newSession(prefix + id, { owner: prefix + by, createdAt, ...identity });
    return store.createSession(session);
  }),
  step('getSession', [session], (store, prefix, id) => store.getSession(prefix + id)),
  step(
    'updateSession',
    [session, fc.record({ title, agent: fc.constant('echo') }, { requiredKeys: [] })],
    (store, prefix, id, patch) => store.updateSession(identityOf(prefix + id), patch),
  ),
  step(
    'addMember',
    [session, person, fc.constantFrom('read', 'write'), fc.integer({ min: 0, max: 2 })],
    (store, prefix, id, by, access, invitationEpoch) =>
      store.addMember(prefix + id, prefix + by, access, invitationEpoch),
  ),
  step('removeMember', [session, person], (store, prefix, id, by) =>
    store.removeMember(identityOf(prefix + id), prefix + by),
  ),
  step('withdrawInvitations', [session], (store, prefix, id) =>
    store.withdrawInvitations(identityOf(prefix + id)),
  ),
  step('deleteSession', [session], (store, prefix, id) =>
    store.deleteSession(identityOf(prefix + id)),
  ),
  step('listSessions', [owner, limit], async (store, prefix, by, count) => {
    const pages: SessionRecord[][] = [];
    for (let after: string | undefined; ; ) {
      const page = await store.listSessions({ person: prefix + by, after, limit: count });
      pages.push([...page.sessions]);
      if (page.next === undefined) return { total: page.total, pages };
      after = page.next;
    }
  }),
  ...[0, 1, 2].map(() =>
    step(
      'appendMessage',
      [session, message, content, at, sender],
      (store, prefix, id, key, text, time, by) =>
        store.appendMessage(
          newMessage(prefix + id, key, { content: text, at: time, ...sentBy(prefix, by) }),
        ),
    ),
  ),
  step('appendRunEvent', [session, message, attempt], (store, prefix, id, key, by) =>
    store.appendRunEvent(newToolCall(newMessage(prefix + id, key), `tool-${key}`, by)),
  ),
  ...[0, 1].map(() =>
    step(
      'finishRun',
      [session, message, attempt, content, at],
      (store, prefix, id, key, by, text, time) =>
        store.finishRun(
          newAnswer(newMessage(prefix + id, key), { attempt: by, content: text, at: time }),
        ),
    ),
  ),
  step('markStarted', [session, message, attempt], (store, prefix, id, key, by) =>
    store.markStarted(newMessage(prefix + id, key).run.runId, by),
  ),
  step('claimRuns', [session, fc.constantFrom('one', 'two')], (store, prefix, id, by) =>
    store.claimRuns(prefix + id, prefix + by),
  ),
  step('unfinishedRuns', [], (store) => store.unfinishedRuns()),
  step('readAfter', [session, limit, limit], (store, prefix, id, after, count) =>
    store.readSession(prefix + id, { after, limit: count }),
  ),
  step('readBefore', [session, limit, limit], (store, prefix, id, before, count) =>
    store.readSession(prefix + id, { before, limit: count }),
  ),
  step(
    'getEvent',
    [
      session,
      fc.oneof(
        message,
        message.map((key) => `tool-${key}`),
      ),
    ],
    (store, prefix, id, key) => store.getEvent(identityOf(prefix + id), key),
  ),
  step('repeatMessage', [session, message, content, sender], (store, prefix, id, key, text, by) =>
    store.repeatMessage(newMessage(prefix + id, key, { content: text, ...sentBy(prefix, by) })),
  ),
  step('questions', [session], (store, prefix, id) => store.questions(identityOf(prefix + id))),
  step('check', [], (store) => store.check()),
  step('search', [owner, content, limit], (store, prefix, by, text, count) =>
    store.search({ person: prefix + by, text, limit: count }),
  ),
  step(
    'clean',
    [
      fc.record(
        {
          emptyBefore: at,
          idleBefore: at,
          maxSessions: fc.integer({ min: 0, max: 2 }),
          maxEvents: fc.integer({ min: 0, max: 4 }),
          batch: fc.integer({ min: 1, max: 3 }),
        },
        { requiredKeys: ['batch'] },
      ),
    ],
    (store, _prefix, retention) => store.clean(retention),
  ),
];

/** Outcomes, failures included: both must refuse the same. */
async function perform(store: Store, sequence: readonly Step[], prefix: string, together: boolean) {
  const outcome = (run: Promise<unknown>) => run.catch((error: Error) => error.name);
  if (together) return Promise.all(sequence.map((each) => outcome(each.run(store, prefix))));
  const outcomes: unknown[] = [];
  for (const each of sequence) outcomes.push(await outcome(each.run(store, prefix)));
  return outcomes;
}

const READS = /^(get|list|read|search|unfinished|clean|questions)/;
const sequences = fc.array(fc.oneof(...steps), { minLength: 1, maxLength: 60 });

async function openSqlite() {
  const directory = await mkdtemp(join(tmpdir(), 'parley-model-'));
  const store = await openSqliteStore(directory);
  return { store, remove: () => rm(directory, { recursive: true, force: true }) };
}

async function openPostgres() {
  const postgres = await startPostgres();
  const store = await openPostgresStore(await postgres.newDatabase());
  return { store, remove: () => postgres.stop() };
}

test.each([
  ['SQLite', openSqlite, 150],
  ['PostgreSQL', openPostgres, 100],
] as const)(
  '[R1][R3][R5] any sequence of operations has the outcomes of the model on %s',
  async (...[, open, numRuns]) => {
    const { store, remove } = await open();
    let run = 0;
    try {
      await fc.assert(
        fc.asyncProperty(sequences, fc.boolean(), async (sequence, together) => {
          run += 1;
          const prefix = `${run}-`;
          const model = new MemoryStore();
          // Reads see what was acknowledged before; only writes have an order while under way.
          const chosen = together ? sequence.filter(({ text }) => !READS.test(text)) : sequence;
          const expected = await perform(model, chosen, prefix, together);
          const actual = await perform(store, chosen, prefix, together);
          const told = chosen.map(({ text }, index) => [text, actual[index]]);
          expect(told).toEqual(chosen.map(({ text }, index) => [text, expected[index]]));
          for (const id of ['s1', 's2', 's3'].map((name) => prefix + name)) {
            const page = await store.readSession(id, { limit: 100 });
            expect(page).toEqual(await model.readSession(id, { limit: 100 }));
            if (page) await store.deleteSession(page.session);
          }
        }),
        { numRuns },
      );
    } finally {
      await store.close();
      await remove();
    }
  },
);
