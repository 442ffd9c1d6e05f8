/** What every bus does, whatever carries it. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Bus, BusError, type Notice } from '../../packages/gateway/src/buses/bus.ts';
import { MemoryExchange } from '../../packages/gateway/src/buses/memory.ts';
import { openRedisBus } from '../../packages/gateway/src/buses/redis.ts';
import { newClient } from '../../packages/gateway/src/buses/redis-client.ts';
import { freePort } from '../helpers/free-port.ts';
import { proxyBefore } from '../helpers/proxy.ts';
import { type Redis, startRedis } from '../helpers/redis.ts';

let redis: Redis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const SOON = { timeout: 5_000 };
const silent = { info: () => {}, warn: () => {} };

/** What a node has received in a topic. */
function listen(bus: Bus, topic: string) {
  const received: Notice[] = [];
  const following = bus.follow(topic, (notice) => received.push(notice));
  return { received, ...following };
}

async function stateOf(bus: Bus): Promise<'back' | 'gone'> {
  return bus.check().then(
    () => 'back',
    () => 'gone',
  );
}

const BUSES: [name: string, open: (nodes: number) => Promise<Bus[]>][] = [
  [
    'memory',
    async (nodes) => {
      const exchange = new MemoryExchange();
      return Array.from({ length: nodes }, () => exchange.node());
    },
  ],
  [
    'Redis',
    (nodes) => {
      const [url, deployment] = [redis.newUrl(), randomUUID()];
      return Promise.all(
        Array.from({ length: nodes }, () => openRedisBus(url, deployment, silent)),
      );
    },
  ],
];

describe.each(BUSES)('the bus of %s', (_, open) => {
  async function openNodes(count: number): Promise<[Bus, Bus, Bus]> {
    const nodes = await open(count);
    onTestFinished(async () => {
      for (const node of nodes) await node.close();
    });
    return nodes as [Bus, Bus, Bus];
  }

  test('[R8] [R10] counts for all nodes together, each name and key for itself', async () => {
    const [one, two] = await openNodes(2);
    const [here, there] = [one, two].map((node) => node.limiter('rate', 3, 60));
    const other = two.limiter('other', 3, 60);
    expect((await here?.consume('alice', 2))?.remainingPoints).toBe(1);
    expect((await there?.consume('alice'))?.remainingPoints).toBe(0);
    await expect(here?.consume('alice')).rejects.toMatchObject({ remainingPoints: 0 });
    expect((await there?.get('alice'))?.consumedPoints).toBeGreaterThanOrEqual(3);
    expect((await there?.consume('bob'))?.remainingPoints).toBe(2);
    expect((await other.consume('alice'))?.remainingPoints).toBe(2);
  });

  test('[R10] takes what a node publishes to the others that follow the topic, and not to itself', async () => {
    const [one, two, three] = await openNodes(3);
    const heard = [one, two, three].map((node) => listen(node, 'a'));
    const other = listen(two, 'b');
    await Promise.all([...heard, other].map(({ ready }) => ready));
    one.publish('a', { n: 1 });
    two.publish('b', { n: 2 });
    three.publish('a', { n: 3 });
    await expect.poll(() => heard.map(({ received }) => received.length)).toEqual([1, 2, 1]);
    expect(heard[0]?.received).toEqual([{ n: 3 }]);
    expect(heard[1]?.received).toContainEqual({ n: 1 });
    expect(heard[2]?.received).toEqual([{ n: 1 }]);
    expect(other.received).toEqual([]);
  });

  test('[R6] keeps the order in which a node publishes, whatever the size', async () => {
    const [one, two] = await openNodes(2);
    const { received, ready } = listen(two, 'a');
    await ready;
    // 7 MB in all: from 8 MB on Redis may cut a subscriber that reads too slowly, and then it is the store that heals.
    const sent = Array.from({ length: 2_000 }, (_, n) => ({
      n,
      text: 'é😀\u0000"'.repeat(n % 80 === 0 ? 20_000 : 1),
    }));
    for (const notice of sent) one.publish('a', notice);
    await expect.poll(() => received.length, { timeout: 20_000 }).toBe(sent.length);
    expect(received).toEqual(sent);
  });

  test('takes nothing to who has stopped following, and again to who follows anew', async () => {
    const [one, two] = await openNodes(2);
    const first = listen(two, 'a');
    const second = listen(two, 'a');
    const marker = listen(two, 'marker');
    await Promise.all([first, second, marker].map(({ ready }) => ready));
    first.end();
    one.publish('a', { n: 1 });
    await expect.poll(() => second.received).toEqual([{ n: 1 }]);
    second.end();
    one.publish('a', { n: 2 });
    one.publish('marker', {});
    await expect.poll(() => marker.received.length).toBe(1);
    const third = listen(two, 'a');
    third.end();
    const fourth = listen(two, 'a');
    await fourth.ready;
    one.publish('a', { n: 3 });
    await expect.poll(() => fourth.received).toEqual([{ n: 3 }]);
    expect([first, second, third].map(({ received }) => received.length)).toEqual([0, 1, 0]);
  });

  test.each(['team:42', 'x y', 'ä/😀', '{a}b', '*', 'a'.repeat(200)])(
    'a topic may be called %s',
    async (topic) => {
      const [one, two] = await openNodes(2);
      const { received, ready } = listen(two, topic);
      await ready;
      one.publish(topic, { topic });
      await expect.poll(() => received).toEqual([{ topic }]);
    },
  );

  test('[R6] keeps a text that grows, for who comes late, until it is dropped', async () => {
    const [one, two] = await openNodes(2);
    expect(await two.kept('s')).toBeUndefined();
    const pieces = Array.from({ length: 200 }, (_, n) => `${n}é😀\u0000 `);
    for (const piece of pieces) one.grow('s', { run: 1 }, piece);
    await expect.poll(async () => (await two.kept('s'))?.text).toBe(pieces.join(''));
    expect((await two.kept('s'))?.head).toEqual({ run: 1 });
    one.grow('s', { run: 2 }, 'another');
    await expect.poll(() => two.kept('s')).toEqual({ head: { run: 2 }, text: 'another' });
    expect(await two.kept('t')).toBeUndefined();
    // The end of a run that waited, say: it is of no text.
    one.drop('s', { run: 3 });
    one.grow('s', { run: 2 }, ' word');
    await expect.poll(async () => (await two.kept('s'))?.text).toBe('another word');
    one.drop('s', { run: 2 });
    await expect.poll(() => two.kept('s')).toBeUndefined();
  });

  test('says of what nobody has received that it was lost', async () => {
    const [one, two] = await openNodes(2);
    const { ready, end } = listen(two, 'a');
    await ready;
    expect(await one.publish('a', { n: 1 })).toBe(true);
    expect(await one.publish('b', { n: 1 })).toBe(false);
    end();
    await expect.poll(() => one.publish('a', { n: 2 })).toBe(false);
  });

  test('[R5] [R6] who gives a text up takes away its own, not what another has begun meanwhile', async () => {
    const [one, two] = await openNodes(2);
    one.grow('s', { attempt: 1 }, 'given up');
    await expect.poll(async () => (await two.kept('s'))?.text).toBe('given up');
    two.grow('s', { attempt: 2 }, 'begun');
    await expect.poll(async () => (await one.kept('s'))?.text).toBe('begun');
    one.drop('s', { attempt: 1 });
    await one.check();
    expect(await two.kept('s')).toEqual({ head: { attempt: 2 }, text: 'begun' });
  });

  test('says that it is there', async () => {
    const [one] = await openNodes(1);
    await one.check();
  });
});

describe('the bus of Redis', () => {
  test('[R12] says in words that there is none', async () => {
    const port = await freePort();
    const opened = openRedisBus(`redis://127.0.0.1:${port}`, 'd', silent);
    await expect(opened).rejects.toThrow(BusError);
    await expect(opened).rejects.toThrow(/ECONNREFUSED/);
  });

  test('[R10] one that has gone is asked again within a second each time, with full jitter', () => {
    let isOpen = false;
    const { socket } = newClient('redis://127.0.0.1', () => isOpen, undefined).options;
    const gone = new Error('gone');
    const delays = (jitter: number) => {
      const random = vi.spyOn(Math, 'random').mockReturnValue(jitter);
      const { reconnectStrategy: after } = socket ?? {};
      const found = [0, 1, 4, 5, 100].map(
        (tries) => typeof after === 'function' && after(tries, gone),
      );
      random.mockRestore();
      return found;
    };
    expect(delays(0.5)).toEqual(Array(5).fill(gone));
    isOpen = true;
    expect(delays(0)).toEqual([0, 0, 0, 0, 0]);
    expect(delays(1 - Number.EPSILON)).toEqual([50, 100, 800, 1_000, 1_000]);
  });

  test('[R12] one that takes no writes is not ready, and says why', async () => {
    const full = await startRedis();
    onTestFinished(() => full.stop());
    const bus = await openRedisBus(full.newUrl(), 'd', silent);
    onTestFinished(() => bus.close());
    await bus.check();
    await full.configure('maxmemory', '1');
    await expect(bus.check()).rejects.toThrow(/OOM/);
    await full.configure('maxmemory', '0');
    await bus.check();
  });

  test('deployments in one Redis do not hear each other', async () => {
    const url = redis.newUrl();
    const one = await openRedisBus(url, 'one', silent);
    const two = await openRedisBus(url, 'two', silent);
    onTestFinished(async () => {
      await Promise.all([one.close(), two.close()]);
    });
    const [own, foreign] = [listen(one, 'a'), listen(two, 'a')];
    await Promise.all([own.ready, foreign.ready]);
    two.publish('a', { n: 1 });
    await two.check();
    await one.check();
    expect(own.received).toEqual([]);
  });

  /** The first is reached over a network that can be cut. `losses`: how often each was told of one. */
  async function openFarAndNear() {
    const url = redis.newUrl();
    const { proxy, through } = await proxyBefore(url);
    const [far, near] = [
      await openRedisBus(through, 'd', silent),
      await openRedisBus(url, 'd', silent),
    ];
    onTestFinished(async () => {
      await Promise.all([far.close(), near.close()]);
    });
    const losses = { far: 0, near: 0 };
    far.onLoss(() => {
      losses.far += 1;
    });
    near.onLoss(() => {
      losses.near += 1;
    });
    return { far, near, proxy, losses };
  }

  test('[R7] [R10] a node that could not hear is told so, as soon as it hears everything that it follows', async () => {
    const { far, near, proxy, losses } = await openFarAndNear();
    const before = listen(far, 'before');
    await before.ready;
    const heard = new Promise((resolve) => {
      far.onLoss(() => {
        const topics = ['before', ...meanwhile.map((_, n) => `meanwhile ${n}`)];
        resolve(Promise.all(topics.map((topic) => near.publish(topic, {}))));
      });
    });
    proxy.cut();
    const meanwhile = Array.from({ length: 100 }, (_, n) => listen(far, `meanwhile ${n}`));
    expect(await heard).toEqual(Array(101).fill(true));
    expect(losses).toEqual({ far: 1, near: 0 });
  });

  test('[R10] a node that follows many sessions is back as one that follows few', async () => {
    const { far, near, proxy, losses } = await openFarAndNear();
    // More than a socket takes at once.
    const topics = Array.from({ length: 3_000 }, (_, n) => `session ${n}`);
    await Promise.all(topics.map((topic) => listen(far, topic).ready));
    proxy.cut();
    await expect.poll(() => losses.far, SOON).toBe(1);
    const heard = [topics.at(0), topics.at(-1)].map((topic = '') => near.publish(topic, {}));
    expect(await Promise.all(heard)).toEqual([true, true]);
  });

  test('[R7] [R10] what a node could not publish is a loss of those who heard well', async () => {
    const { far, near, proxy, losses } = await openFarAndNear();
    const { received, ready } = listen(near, 'a');
    await ready;
    // Nothing was to be published: nobody has missed anything.
    proxy.cut();
    await expect.poll(() => losses.far, SOON).toBe(1);
    await expect.poll(() => stateOf(far), SOON).toBe('back');
    expect(await far.publish('a', { n: 1 })).toBe(true);
    proxy.cut();
    expect(await far.publish('a', { n: 2 })).toBe(false);
    await expect.poll(() => losses, SOON).toEqual({ far: 2, near: 1 });
    expect(await far.publish('a', { n: 3 })).toBe(true);
    await expect.poll(() => received, SOON).toEqual([{ n: 1 }, { n: 3 }]);
    expect(losses.near).toBe(1);
  });

  test('[R10] is killed and comes back: who followed hears again, and who follows meanwhile too', async () => {
    const url = redis.newUrl();
    const [one, two] = [await openRedisBus(url, 'd', silent), await openRedisBus(url, 'd', silent)];
    onTestFinished(async () => {
      await Promise.all([one.close(), two.close()]);
    });
    const before = listen(two, 'before');
    const left = listen(two, 'left');
    await Promise.all([before.ready, left.ready]);
    one.grow('s', { run: 1 }, 'kept ');
    await expect.poll(async () => (await two.kept('s'))?.text).toBe('kept ');
    await redis.kill();
    one.grow('s', { run: 1 }, 'and lost, ');
    await expect.poll(() => stateOf(two)).toBe('gone');
    left.end();
    const meanwhile = listen(two, 'meanwhile');
    await meanwhile.ready;
    one.publish('before', { lost: true });
    await redis.start();
    for (const bus of [one, two]) {
      await expect.poll(() => stateOf(bus)).toBe('back');
    }
    await expect
      .poll(() => {
        one.publish('before', { n: 1 });
        one.publish('meanwhile', { n: 2 });
        one.publish('left', { n: 3 });
        return [before, meanwhile].every(({ received }) => received.length > 0);
      })
      .toBe(true);
    one.grow('s', { run: 1 }, 'and said again');
    await expect
      .poll(async () => (await two.kept('s'))?.text)
      .toBe('kept and lost, and said again');
    expect(before.received[0]).toEqual({ n: 1 });
    expect(left.received).toEqual([]);
  });
});
