/** What a node says of the parts that nodes share: operators and balancers go by it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway } from '../helpers/gateway.ts';
import { SIGNING_KEYS } from '../helpers/nodes.ts';
import { type Postgres, startPostgres } from '../helpers/postgres.ts';
import { BLACK_HOLE, proxyBefore } from '../helpers/proxy.ts';
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

async function readiness({ http }: { http: string }): Promise<string> {
  const response = await fetch(`${http}/readyz`);
  return `${response.status} ${await response.text()}`;
}

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
  const one = await startGateway({ store });
  expect(await readiness(one)).toMatch(/^200/);
  const two = await startGateway({ store });
  await expect.poll(() => readiness(one), UNHEARD).toMatch(/^503.*set bus to redis/);
  await two.gateway.close();
  await expect.poll(() => readiness(one), UNHEARD).toMatch(/^200/);
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
