/** What administrators see and do on nodes that they do not ask themselves. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { keptLog } from '../helpers/log-lines.ts';
import { SIGNING_KEYS } from '../helpers/nodes.ts';
import { type Postgres, startPostgres } from '../helpers/postgres.ts';
import { BLACK_HOLE, proxyBefore } from '../helpers/proxy.ts';
import { type Redis, startRedis } from '../helpers/redis.ts';
import { TestSocket } from '../helpers/socket.ts';
import { asking } from '../http/monitor.ts';

let postgres: Postgres;
let redis: Redis;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
});
afterAll(() => Promise.all([postgres.stop(), redis.stop()]));

async function startNodes(...roles: ('all' | 'gateway' | 'worker')[]) {
  const [store, direct] = [await postgres.newDatabase(), redis.newUrl()];
  const start = async (role: (typeof roles)[number]) => {
    const { logger, lines } = keptLog();
    const { proxy, through } = await proxyBefore(direct);
    const running = await startGateway({
      store,
      bus: through,
      signingKeys: SIGNING_KEYS,
      agents: [echoAgent],
      role,
      logger,
    });
    return { ...running, lines, api: asking(running.http), proxy };
  };
  return Promise.all(roles.map(start));
}

/** The ids of all nodes, as one of them hears of them. */
async function idsOf({ api }: Awaited<ReturnType<typeof startNodes>>[number]): Promise<string[]> {
  return (await api.report()).nodes.map(({ node }) => node);
}

test('[R10] every node tells of all, cuts a connection and drains a node wherever they are', async () => {
  const [one, two] = await startNodes('all', 'all');
  if (!one || !two) throw new Error('Two were started.');
  await Promise.all([one, two].map((node) => expect.poll(() => idsOf(node)).toHaveLength(2)));
  const [first = '', second = ''] = await idsOf(one);
  expect((await two.api.report()).nodes.map(({ node, state }) => [node, state])).toEqual([
    [second, 'serving'],
    [first, 'serving'],
  ]);

  const client = await TestSocket.open(two.ws);
  const sessionId = await client.create();
  expect(await one.api.connections()).toMatchObject({ node: first, total: 0 });
  const there = await one.api.connections({ node: second });
  expect(there).toMatchObject({ node: second, total: 1, connections: [{ sessions: 1 }] });
  const id = there.connections[0]?.id ?? '';
  expect(await one.api.cut(id)).toMatchObject({ id, node: second });
  expect(await client.closed).toMatchObject({ code: 4410 });
  expect(two.lines).toContainEqual({
    level: 'info',
    msg: 'an administrator cut a connection',
    fields: { node: second, connection_id: id, by: 'local' },
  });

  const back = await TestSocket.open(two.ws);
  back.send({ type: 'session_join', session_id: sessionId });
  await back.next('session_status');
  await one.api.drain(second);
  expect(await back.closed).toMatchObject({ code: 1012 });
  await two.gateway.closed;
  // It has said that it goes.
  expect(await idsOf(one)).toEqual([first]);
  const last = await one.api.refused('POST', `/api/monitor/nodes/${first}/drain`);
  expect(last).toMatchObject({ status: 409, code: 'LAST_NODE' });
});

test('[R10] a node that is not heard is silent until it is heard again, and nobody is drained for it', async () => {
  const [one, two] = await startNodes('gateway', 'worker');
  if (!one || !two) throw new Error('Two were started.');
  await expect.poll(() => idsOf(one)).toHaveLength(2);
  const [first = '', second = ''] = await idsOf(one);
  const stateOf = async () => (await one.api.report()).nodes.find(({ node }) => node === second);
  expect(await stateOf()).toMatchObject({ role: 'worker', state: 'serving' });
  two.proxy.shape(BLACK_HOLE);
  const before = (await stateOf())?.heard_at;
  await expect.poll(stateOf).toMatchObject({ role: 'worker', state: 'silent' });
  expect((await stateOf())?.heard_at).toBe(before);
  const gone = await one.api.refused('POST', `/api/monitor/nodes/${second}/drain`);
  expect(gone).toMatchObject({ status: 404, code: 'NODE_NOT_FOUND' });
  two.proxy.heal();
  await expect.poll(stateOf).toMatchObject({ state: 'serving' });
  // Each is the last of its kind.
  for (const node of [first, second]) {
    const last = await one.api.refused('POST', `/api/monitor/nodes/${node}/drain`);
    expect(last).toMatchObject({ status: 409, code: 'LAST_NODE' });
  }
  const worker = await fetch(`${two.http}/api/monitor`);
  expect(worker.status).toBe(404);
});

test('[R10] of two nodes that are told to drain at the same moment one stays at least', async () => {
  const nodes = await startNodes('all', 'all');
  const [one, two] = nodes;
  if (!one || !two) throw new Error('Two were started.');
  await Promise.all(nodes.map((node) => expect.poll(() => idsOf(node)).toHaveLength(2)));
  const [first = '', second = ''] = await idsOf(one);
  const drain = (http: string, node: string) =>
    fetch(`${http}/api/monitor/nodes/${node}/drain`, { method: 'POST' });
  const answers = await Promise.all([drain(one.http, first), drain(two.http, second)]);
  const codes = answers.map(({ status }) => status);
  expect([200, 409]).toEqual(expect.arrayContaining(codes));
  expect(codes).toContain(409);
  const staying = codes[0] === 409 ? one : two;
  expect((await fetch(`${staying.http}/readyz`)).status).toBe(200);
  expect((await staying.api.report()).nodes[0]?.state).toBe('serving');
});

test('[R12] a node says in its report which of its parts is not ready', async () => {
  const { proxy, through } = await proxyBefore(await postgres.newDatabase());
  const { http } = await startGateway({ store: through, agents: [echoAgent] });
  const faults = async () => (await asking(http).report()).nodes[0]?.faults;
  expect(await faults()).toEqual({});
  proxy.shape(BLACK_HOLE);
  await expect.poll(faults, { timeout: 15_000 }).toEqual({ store: 'no answer in 2000 ms' });
  proxy.heal();
  await expect.poll(faults, { timeout: 15_000 }).toEqual({});
});
