/** What only PostgreSQL promises: several nodes on one database. A server that is killed: faults/campaign. */
import dns from 'node:dns';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { openPostgresStore } from '../../packages/gateway/src/stores/postgres.ts';
import { type Store, StoreError } from '../../packages/gateway/src/stores/store.ts';
import { type Postgres, startPostgres } from '../helpers/postgres.ts';
import { BLACK_HOLE, proxyBefore } from '../helpers/proxy.ts';
import { expectWholeLog, newAnswer, newMessage, newSession } from './store-records.ts';

let postgres: Postgres;
let url: string;
beforeAll(async () => {
  postgres = await startPostgres({ durable: true });
  url = await postgres.newDatabase();
});
afterAll(() => postgres?.stop());
beforeEach(() => postgres.query(url, 'DROP SCHEMA IF EXISTS parley CASCADE'));

async function openNodes(count: number): Promise<Store[]> {
  const nodes = await Promise.all(Array.from({ length: count }, () => openPostgresStore(url)));
  onTestFinished(async () => {
    for (const node of nodes) await node.close();
  });
  return nodes;
}

test('four nodes that start at once on an empty database all come up', async () => {
  await openNodes(4);
  const rows = await postgres.query(url, 'SELECT version FROM parley.schema_version');
  expect(rows).toEqual([{ version: 1 }]);
});

test('[R1][R3] nodes that append to the same sessions leave no hole and nothing twice', async () => {
  const [one, two] = await openNodes(2);
  const nodes = [one, two] as [Store, Store];
  for (const id of ['a', 'b']) await nodes[0].createSession(newSession(id));
  const outcomes = await Promise.all(
    Array.from({ length: 300 }, (_, index) => {
      // In opposite order, so that locks taken as they come would be a deadlock.
      const ids = index % 2 ? ['a', 'b'] : ['b', 'a'];
      return Promise.all(
        nodes.flatMap((node, which) =>
          (which ? ids : ids.toReversed()).map((id) => {
            const message = newMessage(id, `m${index}`);
            const run = { ...message.run, runId: `run-${id}-${index}-${which}` };
            return node.appendMessage({ ...message, run });
          }),
        ),
      );
    }),
  );
  const counts = Map.groupBy(outcomes.flat(), ({ outcome }) => outcome);
  expect(counts.get('appended')).toHaveLength(600);
  expect(counts.get('duplicate')).toHaveLength(600);
  // Alone in their transactions, so that one that came between would be refused and not tried again.
  for (let round = 0; round < 100; round += 1) {
    const both = nodes.map((node, which) =>
      node.appendMessage(newMessage('a', `x${round}-${which}`)),
    );
    for (const { outcome } of await Promise.all(both)) expect(outcome).toBe('appended');
  }
  expect((await expectWholeLog(nodes[1], 'a')).size).toBe(500);
  expect((await expectWholeLog(nodes[1], 'b')).size).toBe(300);
});

test('[R5] of nodes that claim or end one run at once one does', async () => {
  const nodes = await openNodes(3);
  await nodes[0]?.createSession(newSession('s'));
  for (let round = 0; round < 50; round += 1) {
    const message = newMessage('s', `m${round}`);
    await nodes[0]?.appendMessage(message);
    const ids = nodes.map((_, which) => `${round} ${which}`);
    await Promise.all(nodes.map((node, which) => node.keepAlive(ids[which] ?? '', 60_000)));
    const claims = await Promise.all(
      nodes.map((node, which) => node.claimRuns('s', ids[which] ?? '')),
    );
    expect(claims.flat()).toMatchObject([{ attempt: 2 }]);
    const ends = await Promise.all(
      nodes.flatMap((node) =>
        [1, 2].map((attempt) => node.finishRun(newAnswer(message, { attempt }))),
      ),
    );
    expect(ends.filter(({ outcome }) => outcome === 'appended')).toHaveLength(1);
  }
});

test('[R5] a node that is told that it lives sees what is taken from it at the same moment', async () => {
  const [one, two] = (await openNodes(2)) as [Store, Store];
  await one.createSession(newSession('s'));
  await one.appendMessage(newMessage('s', 'm'));
  await one.keepAlive('one', 0);
  await two.keepAlive('two', 60_000);
  const beside = new Client({ connectionString: url });
  await beside.connect();
  onTestFinished(() => beside.end());
  // The claim is made in a batch that cannot be committed for as long as this lock is held.
  await beside.query(`BEGIN; SELECT 1 FROM parley.nodes WHERE id = 'two' FOR UPDATE`);
  const claimed = two.claimRuns('s', 'two');
  const batched = two.keepAlive('two', 60_000);
  const waiting = async () =>
    Number(
      (await postgres.query(url, 'SELECT count(*) FROM pg_locks WHERE NOT granted'))[0]?.count,
    );
  await expect.poll(waiting, { timeout: 5_000 }).toBe(1);
  const own = one.keepAlive('one', 60_000).then(() => one.unfinishedRuns('one'));
  const held = expect.poll(waiting, { timeout: 5_000 }).toBe(2);
  await Promise.race([own, held]);
  await beside.query('COMMIT');
  expect(await own).toEqual([]);
  await held;
  await batched;
  expect(await claimed).toMatchObject([{ node: 'two', attempt: 2 }]);
});

test('[R2][R3] a commit whose answer is lost with the connection is told as what it was', async () => {
  const { proxy, through } = await proxyBefore(url);
  const store = await openPostgresStore(through);
  onTestFinished(() => store.close());
  await store.createSession(newSession('s'));
  const beside = new Client({ connectionString: url });
  await beside.connect();
  onTestFinished(() => beside.end());
  // The batch has arrived at the server, and waits there for as long as this lock is held.
  await beside.query(`BEGIN; SELECT 1 FROM parley.sessions FOR UPDATE`);
  const appends = ['m1', 'm2'].map((id) => store.appendMessage(newMessage('s', id)));
  const count = async (text: string) => Number((await postgres.query(url, text))[0]?.count);
  await expect
    .poll(() => count(`SELECT count(*) FROM pg_locks WHERE NOT granted`), { timeout: 5_000 })
    .toBeGreaterThan(0);
  proxy.shape(BLACK_HOLE);
  await beside.query('COMMIT');
  await expect.poll(() => count('SELECT count(*) FROM parley.events'), { timeout: 5_000 }).toBe(2);
  proxy.cut();
  proxy.heal();
  expect(await Promise.all(appends)).toEqual([
    { outcome: 'appended', seq: 1, node: 'one', before: null, titled: 2 },
    {
      outcome: 'appended',
      seq: 2,
      node: 'one',
      before: { runId: 'run-s-m1', attempt: 1 },
      titled: null,
    },
  ]);
  expect((await expectWholeLog(store, 's')).size).toBe(2);
});

test('[R12] a newer schema, a wrong address and a wrong encoding are refused in words', async () => {
  await openNodes(1);
  await postgres.query(url, 'UPDATE parley.schema_version SET version = 7');
  await expect(openPostgresStore(url)).rejects.toThrow(
    /has schema version 7, and this version of Parley knows only versions up to \d+\. Run/,
  );
  // Whatever the resolver of this machine says of names that there are not.
  const refuse = (host: string, _options: unknown, told: (error: Error) => void) =>
    told(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }));
  const lookup = vi.spyOn(dns, 'lookup').mockImplementation(refuse as typeof dns.lookup);
  onTestFinished(() => lookup.mockRestore());
  const secret = url.replace('parley@', 'parley:hush@');
  for (const [address, words] of [
    [secret.replace(/\/db\d+$/, '/nowhere'), 'Create the database'],
    [secret.replace(/:\d+\//, ':1/'), 'Start the server, or correct host and port'],
    [secret.replace('127.0.0.1', 'nowhere.invalid'), 'There is no such host'],
  ] as const) {
    const error = await openPostgresStore(address).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(StoreError);
    expect((error as Error).message).toContain(words);
    expect((error as Error).message).not.toContain('hush');
  }
  const latin = await postgres.newDatabase(`ENCODING 'LATIN1' TEMPLATE template0`);
  await expect(openPostgresStore(latin)).rejects.toThrow('keeps its texts as LATIN1');
});

test('a text with more words than an index takes is found all the same, in its place', async () => {
  const [store] = (await openNodes(1)) as [Store];
  await store.createSession(newSession('s'));
  const content = Array.from({ length: 100_000 }, (_, index) => `different${index}`).join(' ');
  for (const [id, text] of [
    ['m1', 'different7 first'],
    ['m2', content],
    ['m3', 'different7 last'],
  ] as const) {
    await store.appendMessage(newMessage('s', id, { content: text, fingerprint: '' }));
  }
  const find = async (text: string, limit: number) =>
    (await store.search({ person: 'ann', text, limit })).map(({ messageId }) => messageId);
  expect(await find('different7', 10)).toEqual(['m3', 'm2', 'm1']);
  expect(await find('different7', 2)).toEqual(['m3', 'm2']);
  expect(await find('different99999 different1', 10)).toEqual(['m2']);
  const [row] = await postgres.query(url, 'SELECT count(*) FROM parley.events WHERE words IS NULL');
  expect(row).toEqual({ count: '1' });
});
