/** How much one person and one address may do, over however many connections. */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Budget, type MakeLimiter, WINDOW_S } from '../../packages/gateway/src/budget.ts';
import { MemoryBus } from '../../packages/gateway/src/buses/memory.ts';
import { bearer, connectAs, startGuarded } from '../auth/people.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';

const bus = new MemoryBus();
const inMemory: MakeLimiter = (...counted) => bus.limiter(...counted);

const notRated = { messageRate: 0, byteRate: 0, personRate: 0, addressRate: 0 };

/** Sends so many pings at once and counts what comes back. */
async function flood(client: TestSocket, count: number) {
  const before = client.received.length;
  for (let sent = 0; sent < count; sent++) client.send({ type: 'ping' });
  const answers = () =>
    client.received.slice(before).filter(({ type }) => type === 'pong' || type === 'error');
  while (answers().length < count) await client.next();
  const refusals = answers().flatMap((message) => (message.type === 'error' ? [message.data] : []));
  return { passed: count - refusals.length, refusals };
}

/** As many of a promise's ends as it takes to count them. */
async function statuses(asked: readonly Promise<Response>[]): Promise<number[]> {
  return (await Promise.all(asked)).map(({ status }) => status);
}

describe('[R8] [R12] messages and requests', () => {
  test('of a person count together over all connections, exactly, and cost nobody else any', async () => {
    const options = { ...notRated, personRate: 100 };
    const { http, ws, tokens } = await startGuarded(['alice', 'bob'], options);
    const { alice = '', bob = '' } = tokens;
    const before = performance.now();
    const clients = await Promise.all(Array.from({ length: 5 }, () => connectAs(ws, alice)));
    const requests = await statuses(
      Array.from({ length: 95 }, () => fetch(`${http}/api/me`, bearer(alice))),
    );
    expect(new Set(requests)).toEqual(new Set([200]));
    const floods = await Promise.all(clients.map((client) => flood(client, 400)));
    const passed = floods.reduce((sum, one) => sum + one.passed, 0);
    // 1,000 in ten seconds, of which the upgrades and the requests were 100.
    expect(passed).toBe(900);
    const left = WINDOW_S * 1_000 - (performance.now() - before);
    for (const refusal of floods.flatMap(({ refusals }) => refusals)) {
      expect(refusal).toMatchObject({ code: 'RATE_LIMITED', retryable: true, limit: 100 });
      expect(refusal.retry_after_ms).toBeGreaterThan(left - 50);
      expect(refusal.retry_after_ms).toBeLessThanOrEqual(WINDOW_S * 1_000);
    }
    const answer = await fetch(`${http}/api/me`, bearer(alice));
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    await (await connectAs(ws, bob)).create();
  });

  test('from an address count together, whoever sends them; nothing else of it counts', async () => {
    const options = { ...notRated, addressRate: 50, trustedProxies: ['127.0.0.1'] };
    const { http, ws, tokens } = await startGuarded(['alice', 'bob'], options);
    const from = (address: string) => ({ 'X-Forwarded-For': address });
    const clients = await Promise.all(
      ['alice', 'bob'].map((name) =>
        TestSocket.open(ws, {
          headers: { ...bearer(tokens[name] ?? '').headers, ...from('203.0.113.7') },
        }),
      ),
    );
    const floods = await Promise.all(clients.map((client) => flood(client, 400)));
    expect(floods.reduce((sum, one) => sum + one.passed, 0)).toBe(500 - 2);
    const [refusal] = floods.flatMap(({ refusals }) => refusals);
    expect(refusal).toMatchObject({ code: 'RATE_LIMITED', limit: 50 });
    const ask = (address: string) => fetch(`${http}/api/health`, { headers: from(address) });
    expect(await statuses([ask('203.0.113.7'), ask('203.0.113.8')])).toEqual([429, 200]);
  });

  test('are given again when the window is over, and never more of them', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const budget = new Budget(200, 'again', inMemory);
    const spend = async () => {
      for (let taken = 0; ; taken++) {
        const delay = await budget.take('alice');
        if (delay > 0) return { taken, delay };
      }
    };
    for (let window = 0; window < 3; window++) {
      const { taken, delay } = await spend();
      expect(taken).toBe(200 * WINDOW_S);
      vi.advanceTimersByTime(delay - 1);
      expect((await spend()).taken).toBe(0);
      vi.advanceTimersByTime(1);
    }
  });

  test('of one after the other wait for a promise once in a hundredth of a window', async () => {
    const budget = new Budget(1_000, 'promises', inMemory);
    let promises = 0;
    for (let taken = 0; taken < 10_000; taken++) {
      const delay = budget.take('alice');
      if (typeof delay !== 'number') promises += 1;
      expect(await delay).toBe(0);
    }
    expect(promises).toBe(100);
  });

  test('that go on beyond what a person may are cut with 4429, and the person’s others go on', async () => {
    const options = { ...notRated, messageRate: 50, personRate: 1 };
    const { ws, tokens } = await startGuarded(['alice'], options);
    const [client, other] = [
      await connectAs(ws, tokens.alice ?? ''),
      await connectAs(ws, tokens.alice ?? ''),
    ];
    for (let sent = 0; sent < 600; sent++) client.send({ type: 'ping' });
    expect((await client.closed).code).toBe(4429);
    other.send({ type: 'ping' });
    expect((await other.next('error')).data).toMatchObject({ code: 'RATE_LIMITED', limit: 1 });
  });

  test('[R4] a stop that was carried out on its arrival is acknowledged as that', async () => {
    const { agent, next } = puppet();
    const options = { ...notRated, personRate: 1, agents: [agent] };
    const { ws, tokens } = await startGuarded(['alice'], options);
    const client = await connectAs(ws, tokens.alice ?? '');
    const session_id = await client.create();
    client.send({ type: 'chat_message', message_id: 'q', data: { content: 'go on' } });
    await next();
    // With the upgrade, the creation and the message it is ten with the join, behind which the stop waits.
    await flood(client, 6);
    client.send({ type: 'session_join', session_id });
    client.send({ type: 'run_cancel', session_id, message_id: 'stop', data: {} });
    const answer = await client.find(({ reply_to }) => reply_to === 'stop');
    expect(answer).toMatchObject({
      type: 'message_ack',
      data: { cancelled: [expect.any(String)] },
    });
    expect((await flood(client, 1)).refusals.length).toBe(1);
  });

  test('of a laptop have no limit: with auth none there is one owner', async () => {
    const { ws } = await startGateway({ ...notRated, personRate: 1, addressRate: 1 });
    const client = await TestSocket.open(ws);
    expect((await flood(client, 2_000)).refusals).toEqual([]);
  });
});

describe('[R8] [R12] connections', () => {
  test('of a person: no more than may be, by header or by message, and a place is given back', async () => {
    const options = { ...notRated, maxConnectionsPerPerson: 3 };
    const { ws, tokens } = await startGuarded(['alice', 'bob'], options);
    const { alice = '', bob = '' } = tokens;
    const open = [await connectAs(ws, alice), await connectAs(ws, alice)];
    const third = await TestSocket.open(ws);
    third.send({ type: 'auth', data: { token: alice } });
    await third.next('message_ack');
    // Who renews takes no other place.
    third.send({ type: 'auth', data: { token: alice } });
    await third.next('message_ack');
    await expect(connectAs(ws, alice)).rejects.toThrow('503');
    const late = await TestSocket.open(ws);
    late.send({ type: 'auth', message_id: 'a', data: { token: alice } });
    const { data, reply_to } = await late.next('error');
    expect(reply_to).toBe('a');
    expect(data).toMatchObject({ code: 'CONNECTION_LIMIT', retryable: true, limit: 3 });
    expect(data.retry_after_ms).toBeGreaterThan(0);
    expect((await late.closed).code).toBe(4429);
    await connectAs(ws, bob);
    await open[0]?.close();
    await connectAs(ws, alice);
  });

  test('from an address: no more than may be, the silent ones too', async () => {
    const options = { ...notRated, maxConnectionsPerAddress: 20, trustedProxies: ['127.0.0.1'] };
    const { ws, tokens } = await startGuarded(['alice'], options);
    const connect = (address: string) =>
      TestSocket.open(ws, { headers: { 'X-Forwarded-For': address } }).then(
        (client) => client,
        (error: Error) => error,
      );
    const tried = await Promise.all(
      Array.from({ length: 40 }, (_, index) => connect(`2001:db8:0:1::${index + 1}`)),
    );
    const open = tried.filter((one) => one instanceof TestSocket);
    expect(open.length).toBe(20);
    for (const one of tried) if (one instanceof Error) expect(one.message).toContain('503');
    await connectAs(ws, tokens.alice ?? '');
    await open[0]?.close();
    expect(await connect('2001:db8:0:1::ff')).toBeInstanceOf(TestSocket);
    expect(await connect('2001:db8:0:1::fe')).toBeInstanceOf(Error);
  });

  test('of this machine have no limit where auth is none', async () => {
    const limits = { maxConnectionsPerAddress: 1, maxConnectionsPerPerson: 1 };
    const { ws } = await startGateway({ ...notRated, ...limits });
    for (let count = 0; count < 5; count++) await TestSocket.open(ws);
  });
});

test('[R8] [R12] sessions of a person: no more than may be, also where all are created at once', async () => {
  const kept = { store: 'sqlite:', dataDir: await temporaryDirectory() } as const;
  const options = { ...notRated, ...kept, maxSessionsPerPerson: 20 };
  const { http, ws, tokens } = await startGuarded(['alice', 'bob'], options);
  const { alice = '', bob = '' } = tokens;
  const client = await connectAs(ws, alice);
  const first = await client.create();
  const create = () => fetch(`${http}/api/sessions`, { method: 'POST', ...bearer(alice) });
  const created = await statuses(Array.from({ length: 40 }, create));
  expect(created.filter((status) => status === 200).length).toBe(19);
  client.send({ type: 'session_create', message_id: 'c' });
  const { data } = await client.next('error');
  expect(data).toMatchObject({ code: 'SESSION_LIMIT', limit: 20, retryable: false });
  // One that is there already is none more.
  client.send({ type: 'session_create', session_id: first });
  await client.next('session_status');
  await (await connectAs(ws, bob)).create();
  await fetch(`${http}/api/sessions/${first}`, { method: 'DELETE', ...bearer(alice) });
  expect((await create()).status).toBe(200);
});

test('[R3] [R8] [R12] answers of a person: no more at once than may be, in however many sessions', async () => {
  const { agent, next } = puppet();
  const options = { ...notRated, maxRunsPerPerson: 4, agents: [agent] };
  const { ws, tokens } = await startGuarded(['alice', 'bob'], options);
  const clients = await Promise.all(['a', 'b'].map(() => connectAs(ws, tokens.alice ?? '')));
  for (const client of clients) await client.create();
  for (const [index, client] of clients.entries()) {
    for (let count = 0; count < 5; count++) {
      client.send({
        type: 'chat_message',
        message_id: `m-${index}-${count}`,
        data: { content: `${count}` },
      });
    }
  }
  await Promise.all(clients.map((client) => client.settled()));
  const of = (type: string) =>
    clients.flatMap(({ received }) => received.filter((message) => message.type === type));
  const refusals = of('error');
  expect(refusals.length).toBe(6);
  for (const { data } of refusals) {
    expect(data).toMatchObject({ code: 'QUEUE_FULL', limit: 4, retryable: true });
    expect((data as { retry_after_ms: number }).retry_after_ms).toBeGreaterThan(0);
  }
  expect(of('message_ack').length).toBe(4);
  // What was accepted is acknowledged again, and starts nothing.
  clients[0]?.send({ type: 'chat_message', message_id: 'm-0-0', data: { content: '0' } });
  expect(await clients[0]?.find(({ reply_to }) => reply_to === 'm-0-0')).toBeDefined();
  const other = await connectAs(ws, tokens.bob ?? '');
  await other.create();
  other.send({ type: 'chat_message', message_id: 'b', data: { content: 'of somebody else' } });
  await other.next('message_ack');
  await (await next()).finish();
  await clients[0]?.next('agent_response');
  clients[0]?.send({ type: 'chat_message', message_id: 'again', data: { content: 'again' } });
  await clients[0]?.find(({ type, reply_to }) => type === 'message_ack' && reply_to === 'again');
});
