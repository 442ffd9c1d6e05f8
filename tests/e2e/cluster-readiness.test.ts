/** What a node says of the parts that nodes share: operators and balancers go by it. */
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { StoreOutage } from '../../packages/gateway/src/outage.ts';
import { Lease } from '../../packages/gateway/src/runs/lease.ts';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import { gated } from '../helpers/gated-store.ts';
import { startGateway } from '../helpers/gateway.ts';
import { keptLog } from '../helpers/log-lines.ts';
import { SIGNING_KEYS } from '../helpers/nodes.ts';
import { type Postgres, startPostgres } from '../helpers/postgres.ts';
import { BLACK_HOLE, proxyBefore } from '../helpers/proxy.ts';
import { readiness } from '../helpers/readiness.ts';
import { type Redis, startRedis } from '../helpers/redis.ts';
import { TestSocket } from '../helpers/socket.ts';

/** A part that says nothing has 2 s. */
const PATIENCE = 4_000;
/** Longer than a lease: before that it may be the process that was here before. */
const UNHEARD = { timeout: 15_000 };

let postgres: Postgres;
let redis: Redis;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
});
afterAll(() => Promise.all([postgres.stop(), redis.stop()]));

test('[R12] a database that hangs is told within seconds, and its return', async () => {
  const { proxy, through } = await proxyBefore(await postgres.newDatabase());
  const node = await startGateway({ store: through });
  expect(await readiness(node)).toMatch(/^200/);
  proxy.shape(BLACK_HOLE);
  const asked = performance.now();
  expect(await readiness(node)).toMatch(/^503.*store: no answer in 2000 ms/);
  expect(performance.now() - asked).toBeLessThan(PATIENCE);
  proxy.heal();
  await expect.poll(() => readiness(node), { timeout: 10_000 }).toMatch(/^200/);
});

test('[R12] nodes that use one store and do not hear each other say so, until one has gone', async () => {
  const store = await postgres.newDatabase();
  const { logger, lines } = keptLog();
  const one = await startGateway({ store, logger });
  expect(await readiness(one)).toMatch(/^200/);
  const two = await startGateway({ store });
  const said = () =>
    lines.flatMap(({ level, fields: { nodes } }) => (level === 'info' ? [nodes] : []));
  await expect.poll(() => readiness(one), UNHEARD).toMatch(/^503.*set bus to redis/);
  expect(said()).toEqual([2]);
  await two.gateway.close();
  await expect.poll(() => readiness(one), UNHEARD).toMatch(/^200/);
  expect(said()).toEqual([2, 1]);
});

const STORE_LOST = 'the store does not do its work: nothing is acknowledged';

test('[R12] an outage is two lines in the log, and nobody else is told where the parts are', async () => {
  const [store, bus] = [await postgres.newDatabase(), redis.newUrl()];
  const { logger, lines, shown } = keptLog();
  const node = await startGateway({ store, bus, signingKeys: SIGNING_KEYS, logger });
  const alice = await TestSocket.open(node.ws);
  const session_id = await alice.create();
  await postgres.kill();
  onTestFinished(() => postgres.start());
  await redis.kill();
  onTestFinished(() => redis.start());
  const heard: string[] = [];
  const readyz = async () => {
    heard.push(await readiness(node));
    return heard.at(-1);
  };
  await expect.poll(readyz).toMatch(/^503.*store: not reached; bus: not reached"/);
  for (const path of ['/api/sessions', `/api/sessions/${session_id}`, '/api/search?q=word']) {
    const response = await fetch(`${node.http}${path}`);
    heard.push(await response.text());
    expect([path, response.status]).toEqual([path, 503]);
  }
  for (let times = 0; times < 3; times += 1) {
    alice.send({ type: 'chat_message', session_id, message_id: 'm', data: { content: 'word' } });
    heard.push(JSON.stringify(await alice.next('error')));
  }
  await Promise.all([postgres.start(), redis.start()]);
  await expect.poll(readyz, { timeout: 10_000 }).toMatch(/^200/);

  // The digits of a port are in the time now and then.
  const words = heard.map((text) => text.replace(/"timestamp":(?:\d+|"[^"]+")/, ''));
  for (const url of [store, bus]) {
    const { hostname, port, username } = new URL(url);
    for (const secret of [hostname, port, ...(username === '' ? [] : [`${username}@`])]) {
      expect(words.filter((text) => text.includes(secret))).toEqual([]);
    }
  }
  const of = (part: string) => shown().filter((line) => line.startsWith(`the ${part}`));
  expect(of('store')).toEqual([STORE_LOST, 'the store is back']);
  expect(of('bus')).toEqual([
    'the bus is not there: nodes do not hear each other',
    'the bus is back',
  ]);
  expect(shown()).toHaveLength(4);
  const { reason } = lines.find(({ msg }) => msg === STORE_LOST)?.fields ?? {};
  expect(reason).toContain(new URL(store).host);
});

test('[R12] a database that hangs, and nobody asks: one line, and one when it goes on', async () => {
  const { proxy, through } = await proxyBefore(await postgres.newDatabase());
  const { logger, shown } = keptLog();
  await startGateway({ store: through, logger });
  proxy.shape(BLACK_HOLE);
  await expect.poll(shown).toEqual([STORE_LOST]);
  proxy.heal();
  await expect.poll(shown, { timeout: 10_000 }).toEqual([STORE_LOST, 'the store is back']);
});

test('[R12] that line comes 3 s later at the latest', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const gate = gated(Object.assign(new MemoryStore(), { isShared: true }));
  const { logger, shown } = keptLog();
  const store = new StoreOutage(logger).watch(gate.store);
  const lease = new Lease({ store, node: 'one', log: logger, giveUpLost: async () => {} });
  await lease.begin(() => {});
  gate.hold('keepAlive');
  await vi.advanceTimersByTimeAsync(2_999);
  expect(shown()).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  // An answer that is there by then would be read first.
  await new Promise(setImmediate);
  expect(shown()).toEqual([STORE_LOST]);
  gate.release();
  await lease.end();
  expect(shown()).toEqual([STORE_LOST, 'the store is back']);
});

test('[R12] a Redis that is full is said in the log and by readiness, and that it has room again', async () => {
  const { logger, lines, shown } = keptLog();
  const [store, bus] = [await postgres.newDatabase(), redis.newUrl()];
  const node = await startGateway({ store, bus, signingKeys: SIGNING_KEYS, logger });
  await redis.configure('maxmemory', '1');
  onTestFinished(() => redis.configure('maxmemory', '0'));
  // Nobody asks whether it is ready.
  await expect
    .poll(shown, { timeout: 8_000 })
    .toEqual(['the bus takes no writes: nodes hear of answers late']);
  expect(lines[0]?.fields.reason).toContain('OOM');
  expect(await readiness(node)).toMatch(/^503.*bus: takes no writes \(OOM\)"/);
  await redis.configure('maxmemory', '0');
  expect(await readiness(node)).toMatch(/^200/);
  expect(shown().slice(1)).toEqual(['the bus takes writes again']);
});

test('[R10] two deployments with one Redis hear nothing of each other', async () => {
  const bus = redis.newUrl();
  const [one, two] = [
    await startGateway({ store: await postgres.newDatabase(), bus, signingKeys: SIGNING_KEYS }),
    await startGateway({ store: await postgres.newDatabase(), bus, signingKeys: SIGNING_KEYS }),
  ];
  const [alice, bob] = [await TestSocket.open(one.ws), await TestSocket.open(two.ws)];
  for (const client of [alice, bob]) {
    client.send({ type: 'session_create', session_id: 'same', message_id: 'c', data: {} });
    await client.next('session_status');
  }
  alice.send({
    type: 'chat_message',
    session_id: 'same',
    message_id: 'm',
    data: { content: 'for one' },
  });
  await alice.next('agent_response');
  await bob.settled();
  expect(bob.received.filter(({ type }) => /chat_message|agent_/.test(type))).toEqual([]);
});
