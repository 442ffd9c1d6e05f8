/** Nodes whose network to PostgreSQL or to Redis is gone for a while, and nobody is told. */
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { connect } from '../client/conversation.ts';
import { startGateway } from '../helpers/gateway.ts';
import { meet, SIGNING_KEYS } from '../helpers/nodes.ts';
import { type Postgres, startPostgres } from '../helpers/postgres.ts';
import { BLACK_HOLE, proxyBefore } from '../helpers/proxy.ts';
import { type PuppetRun, puppet } from '../helpers/puppet.ts';
import { type Redis, startRedis } from '../helpers/redis.ts';
import { TestSocket } from '../helpers/socket.ts';

/** Shorter than the five seconds after which the runs of a silent node are anybody's. */
const OUTAGE = 1_000;
/** After its end everything is as it should be in so long, milliseconds. */
const RECOVERY = 2_000;

let postgres: Postgres;
let redis: Redis;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
});
afterAll(() => Promise.all([postgres.stop(), redis.stop()]));

/** Two nodes, of which the first has a proxy before its database and its bus. */
async function startNodes() {
  const [store, bus] = [await postgres.newDatabase(), redis.newUrl()];
  const [toStore, toBus] = await Promise.all([proxyBefore(store), proxyBefore(bus)]);
  const { agent, next } = puppet();
  const settings = { agents: [agent], signingKeys: SIGNING_KEYS };
  const one = await startGateway({ ...settings, store: toStore.through, bus: toBus.through });
  const two = await startGateway({ ...settings, store, bus });
  const people = await meet(one, two);
  return { one, two, next, ...people, toStore: toStore.proxy, toBus: toBus.proxy };
}

const isAck =
  (id: string) =>
  ({ type, reply_to }: { type: string; reply_to?: string | undefined }) =>
    type === 'message_ack' && reply_to === id;

const endsOf = ({ received }: TestSocket) =>
  received.flatMap((message) =>
    message.type === 'agent_response' ? [[message.reply_to, message.data.content]] : [],
  );

test('[R2] [R3] a database that is not reached for a while: nothing is acknowledged, and all of it soon after', async () => {
  const { alice, bob, post, next, toStore } = await startNodes();
  post(alice, 'm-1');
  const first = await next();
  toStore.shape(BLACK_HOLE);
  // Text needs no database.
  await first.say('one');
  await alice.find(({ type }) => type === 'agent_chunk');
  void first.finish();
  post(alice, 'm-2');
  await wait(OUTAGE);
  expect(alice.received.some(isAck('m-2'))).toBe(false);
  expect([endsOf(alice), endsOf(bob)]).toEqual([[], []]);
  toStore.heal();
  const healed = performance.now();
  await alice.find(isAck('m-2'));
  const second = await next();
  expect(second.input.message).toBe('m-2');
  await second.finish();
  await bob.find(({ type, reply_to }) => type === 'agent_response' && reply_to === 'm-2');
  expect(performance.now() - healed).toBeLessThan(RECOVERY);
  await expect
    .poll(() => [endsOf(alice), endsOf(bob)])
    .toEqual(
      [1, 2].map(() => [
        ['m-1', 'one'],
        ['m-2', ''],
      ]),
    );
});

test('[R5] [R7] a node without its database for longer than its lease: its run ends once, on the other', async () => {
  const { alice, bob, post, next, toStore } = await startNodes();
  post(alice, 'm-1');
  const stale = await next();
  await stale.say('of the node that was cut off');
  toStore.shape(BLACK_HOLE);
  post(alice, 'm-2');
  const again = await next();
  expect(again.input.attempt).toBe(2);
  await again.say('of the other');
  await again.finish();
  await bob.next('agent_response');
  expect(alice.received.some(isAck('m-2'))).toBe(false);
  void stale.finish();
  toStore.heal();
  const healed = performance.now();
  await alice.find(isAck('m-2'));
  await stale.aborted;
  await (await next()).finish();
  await expect
    .poll(() => [endsOf(alice), endsOf(bob)])
    .toEqual(
      [1, 2].map(() => [
        ['m-1', 'of the other'],
        ['m-2', ''],
      ]),
    );
  expect(performance.now() - healed).toBeLessThan(RECOVERY);
});

test('[R10] connections to Redis that the network has forgotten are given up, and new sessions do not wait for them', async () => {
  const { one, alice, bob, post, next, toBus } = await startNodes();
  for (const link of toBus.links) link.forget();
  const carol = await TestSocket.open(one.ws);
  await carol.create();
  post(bob, 'm-1');
  await hearEachOther(await next(), [alice, bob]);
});

test('[R10] a Redis that is not reached for a while: the sessions of a node go on, others have it from the store, and soon after they hear each other', async () => {
  const { one, alice, bob, post, next, toBus } = await startNodes();
  toBus.shape(BLACK_HOLE);
  post(alice, 'm-1');
  const run = await next();
  await run.say('among us');
  await alice.find(({ type }) => type === 'agent_chunk');
  await run.finish();
  await alice.next('agent_response');
  await bob.next('agent_response');
  toBus.heal();
  const healed = performance.now();
  post(alice, 'm-2');
  await hearEachOther(await next(), [alice, bob]);
  expect((await fetch(`${one.http}/readyz`)).status).toBe(200);
  expect(performance.now() - healed).toBeLessThan(RECOVERY);
});

/** Goes on until text is heard on both nodes, and ends the answer. */
async function hearEachOther(run: PuppetRun, clients: readonly TestSocket[]): Promise<void> {
  const { message } = run.input;
  const isHeard = ({ received }: TestSocket) =>
    received.some(({ type, reply_to }) => type === 'agent_chunk' && reply_to === message);
  await expect
    .poll(() => run.say('.').then(() => clients.every(isHeard)), { timeout: 10_000 })
    .toBe(true);
  await run.finish();
}

test('[R7] [R10] a list of sessions is as it should be soon after Redis is back, whatever another node did meanwhile', async () => {
  const { alice, one, two, sessionId: renamed } = await startNodes();
  const deleted = await alice.create({ title: 'to be deleted' });
  const { sessions } = connect({ url: two.ws });
  const shown = () => sessions.snapshot().sessions.map(({ id, title }) => [id, title]);
  const statuses = new Set<string>();
  sessions.subscribe(() => statuses.add(sessions.snapshot().status));
  await expect.poll(shown, { timeout: 5_000 }).toHaveLength(2);
  statuses.clear();
  // Jitter may take most of the time in which all of it is to be there, and has tests of its own.
  const jitter = vi.spyOn(Math, 'random').mockReturnValue(0.05);
  onTestFinished(() => jitter.mockRestore());
  await redis.kill();
  const rename = { type: 'session_update', session_id: renamed, data: { title: 'renamed' } };
  alice.send({ ...rename, message_id: 'rename' });
  await alice.find(isAck('rename'));
  const made = await alice.create({ title: 'made' });
  await fetch(`${one.http}/api/sessions/${deleted}`, { method: 'DELETE' });
  await wait(OUTAGE);
  expect(shown()).toContainEqual([deleted, 'to be deleted']);
  await redis.start();
  await expect.poll(shown, { timeout: RECOVERY }).toEqual([
    [made, 'made'],
    [renamed, 'renamed'],
  ]);
  // Read quietly.
  expect([...statuses]).toEqual(['ready']);
});
