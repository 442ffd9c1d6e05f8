/** A store with everything in it that a store can have, and everything that can be read of one. */
import { expect } from 'vitest';
import { storable } from '../../packages/gateway/src/stores/postgres/rows.ts';
import { openSqliteStore } from '../../packages/gateway/src/stores/sqlite.ts';
import type {
  AppendMessage,
  SessionListPage,
  Store,
} from '../../packages/gateway/src/stores/store.ts';
import {
  identityOf,
  newAnswer,
  newMessage,
  newSession,
  newToolCall,
  START,
  stopBy,
} from '../contract/store-records.ts';

const STRANGE = [
  'far\ud800wide \udc00',
  'one\u0000two',
  '\ufffd😀 "quoted" \\u0000',
  "l'été ΣΑΣ",
  '',
];
/** Of more words than an index takes. */
const LONG = Array.from({ length: 2_100 }, (_, i) => `different${i}${'x'.repeat(480)}`).join(' ');
/** Their events are more than a batch. */
const MANY = 450;

interface Filled {
  /** Every message that was ever appended, to be sent again. */
  readonly messages: readonly AppendMessage[];
  readonly contents: Awaited<ReturnType<typeof read>>;
}

/** Answers that wait, the first of them begun for the second time, the last one to be stopped. */
export async function leaveUnfinished(store: Store): Promise<AppendMessage[]> {
  await store.createSession(newSession('unfinished', { agent: 'puppet' }));
  const messages = ['m1', 'm2', 'm3'].map((id): AppendMessage => {
    const message = newMessage('unfinished', id, { at: START + 20_000 });
    return { ...message, run: { ...message.run, agent: 'puppet' } };
  });
  for (const message of messages) await store.appendMessage(message);
  await store.claimRuns('unfinished', 'two');
  await store.markStarted('run-unfinished-m1', 2);
  await store.stopRuns(identityOf('unfinished'), stopBy('run-unfinished-m3'));
  return messages;
}

/** A column that a later version adds has to get something here: `expectMoved` insists. */
export async function fill(dataDir: string): Promise<Filled> {
  const store = await openSqliteStore(dataDir);
  const messages: AppendMessage[] = [];
  const ask = (message: AppendMessage) => {
    messages.push(message);
    return store.appendMessage(message);
  };
  const sessions = [
    newSession('many', { invitationEpoch: 7 }),
    newSession('trimmed', { title: 'kept \ud800\u0000 short', agent: 'echo' }),
    newSession('shared', { owner: 'bob', title: 'Ours', createdAt: START + 5 }),
    newSession('empty', { owner: 'bob' }),
    newSession('gone'),
  ];
  for (const session of sessions) await store.createSession(session);
  for (const [principal, access] of [
    ['ann', 'write'],
    ['zoë', 'read'],
    ['carl', 'read'],
  ] as const) {
    await store.addMember('shared', principal, access, 0);
  }
  await store.withdrawInvitations(identityOf('shared'));
  await ask(newMessage('gone', 'm1'));
  await store.deleteSession(identityOf('gone'));
  messages.pop();

  await Promise.all(
    Array.from({ length: MANY }, async (_, index) => {
      const content = `${STRANGE[index % STRANGE.length]} number${index}`;
      // As a server makes it, of plain characters.
      const fingerprint = Buffer.from(content).toString('base64');
      const message = newMessage('many', `m${index}`, { content, fingerprint, at: START + index });
      const { event } = message;
      const data = index % 7 ? event.data : { ...event.data, replaces: `m${index - 1}` };
      const replacing = index > 7 ? { ...message, event: { ...event, data } } : message;
      await ask(replacing);
      if (index % 3 === 0) await store.appendRunEvent(newToolCall(message, `tool${index}`));
      await store.finishRun(newAnswer(message, { content: STRANGE[index % 4] ?? '' }));
    }),
  );
  for (const id of ['m1', 'm2', 'm3']) {
    const message = newMessage('trimmed', id, { fingerprint: `${id} \u0000`, at: START + 9 });
    await ask(message);
    await store.finishRun(newAnswer(message));
  }
  await ask(newMessage('shared', 'm1', { content: LONG, fingerprint: 'long' }));
  // Trims those that have no unfinished run.
  expect((await store.clean({ maxEvents: MANY * 4, batch: 10 })).trimmed).toEqual([]);
  expect((await store.clean({ maxEvents: 4, batch: 1 })).trimmed).toHaveLength(1);

  messages.push(...(await leaveUnfinished(store)));
  // Nobody's yet.
  await store.createSession(newSession('waiting'));
  const { run, ...message } = newMessage('waiting', 'm1');
  await ask({ ...message, run: { ...run, node: null } });
  const contents = await read(store, messages);
  await store.close();
  return { messages, contents };
}

async function listOf(store: Store, person: string) {
  const pages: SessionListPage[] = [];
  do pages.push(await store.listSessions({ person, after: pages.at(-1)?.next, limit: 2 }));
  while (pages.at(-1)?.next);
  return pages;
}

/** Everything that can be read of a store, and what it says to every message that is sent again. */
export async function read(store: Store, messages: readonly AppendMessage[]) {
  const people = ['ann', 'bob', 'carl', 'zoë'];
  const lists = await Promise.all(people.map((person) => listOf(store, person)));
  const ids = ['many', 'trimmed', 'shared', 'empty', 'gone', 'unfinished', 'waiting'];
  const logs = [];
  for (const id of ids) {
    for (let after = 0; ; ) {
      const page = await store.readSession(id, { after, limit: 1_000 });
      logs.push(page);
      const last = page?.events.at(-1);
      if (!last) break;
      after = last.seq;
    }
  }
  const words = ['number77', 'wide', 'two', 'ete', 'σας', 'answer', 'text of', 'different1711'];
  const found = [];
  for (const text of words) found.push(await store.search({ person: 'ann', text, limit: 100 }));
  // Members find it, too.
  found.push(await store.search({ person: 'carl', text: 'different1711', limit: 100 }));
  return {
    lists,
    logs,
    questions: await Promise.all(ids.map((id) => store.questions(identityOf(id)))),
    runs: await store.unfinishedRuns(),
    found,
    repeated: await Promise.all(messages.map((message) => store.repeatMessage(message))),
    other: await Promise.all(
      messages.map((message) => store.repeatMessage({ ...message, fingerprint: 'another' })),
    ),
  };
}

/** A title is kept as its database can. */
export function asKept<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value), (name, each) =>
    name === 'title' && typeof each === 'string' ? storable(each) : each,
  );
}
