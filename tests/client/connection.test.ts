import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import {
  type Client,
  type ClientOptions,
  type ConnectionState,
  createClient,
} from '@parley/client';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { fakeServer } from './fake-server.ts';

// Only what the client waits with; the sockets are real, and so is their time.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function connect(options: ClientOptions): Client {
  const client = createClient(options);
  onTestFinished(() => client.close());
  return client;
}

/** The next state of this kind that the connection is in, or is in already. */
function became<Status extends ConnectionState['status']>(
  client: Client,
  status: Status,
): Promise<ConnectionState & { status: Status }> {
  return new Promise((resolve) => {
    const look = () => {
      if (client.state.status !== status) return;
      stop();
      resolve(client.state as ConnectionState & { status: Status });
    };
    const stop = client.subscribe(look);
    look();
  });
}

describe('reconnecting', () => {
  test('waits with full jitter under a bound that doubles up to 30 s', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const server = await fakeServer();
    server.refuse();
    const client = connect({ url: server.url });
    const delays: number[] = [];
    for (let attempt = 1; attempt <= 9; attempt += 1) {
      const waiting = await became(client, 'waiting');
      expect(waiting.attempt).toBe(attempt);
      delays.push(waiting.retryAt - performance.now());
      vi.advanceTimersByTime(delays.at(-1) ?? 0);
      expect(client.state.status).toBe('connecting');
    }
    expect(delays).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  });

  test('a connection that held makes its loss the first failure again', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const server = await fakeServer();
    const comeBack = server.refuse();
    const client = connect({ url: server.url });
    for (let failures = 0; failures < 3; failures += 1) {
      await became(client, 'waiting');
      vi.advanceTimersToNextTimer();
    }
    await became(client, 'waiting');
    comeBack();
    vi.advanceTimersToNextTimer();
    (await server.accept()).drop();
    expect((await became(client, 'waiting')).attempt).toBe(5);

    vi.advanceTimersToNextTimer();
    const connection = await server.accept();
    await became(client, 'open');
    vi.advanceTimersByTime(5_000);
    connection.drop();
    expect((await became(client, 'waiting')).attempt).toBe(1);
  });

  test('a server that restarts says when to come back', async () => {
    const server = await fakeServer();
    const client = connect({ url: server.url });
    const connection = await server.accept();
    connection.send({
      type: 'system_message',
      timestamp: new Date().toISOString(),
      data: {
        level: 'warning',
        message: 'The server restarts.',
        action: 'reconnect',
        retry_after_ms: 7_000,
      },
    });
    connection.close(1012);
    const waiting = await became(client, 'waiting');
    expect(waiting.retryAt - performance.now()).toBe(7_000);
  });

  test.each([1000, 1008, 4401])('close code %i means: do not come back', async (code) => {
    const server = await fakeServer();
    const client = connect({ url: server.url });
    (await server.accept()).close(code, 'because');
    const closed = await became(client, 'closed');
    expect(closed).toEqual({ status: 'closed', code, reason: 'because' });
    vi.advanceTimersByTime(60_000);
    expect(client.state).toBe(closed);
  });

  test.each([1001, 1011, 1012, 4408, 4409, 4999])(
    'close code %i means: come back',
    async (code) => {
      const server = await fakeServer();
      const client = connect({ url: server.url });
      (await server.accept()).close(code);
      await became(client, 'waiting');
      vi.advanceTimersToNextTimer();
      await server.accept();
      await became(client, 'open');
    },
  );

  test('tries at once where somebody asks for it, also where the server named a delay', async () => {
    const server = await fakeServer();
    const client = connect({ url: server.url });
    client.reconnect();
    const connection = await server.accept();
    await became(client, 'open');
    client.reconnect();
    expect(client.state.status).toBe('open');
    connection.send({
      type: 'system_message',
      timestamp: new Date().toISOString(),
      data: { level: 'warning', message: 'Restart.', action: 'reconnect', retry_after_ms: 7_000 },
    });
    connection.close(1012);
    await became(client, 'waiting');
    client.reconnect();
    expect(client.state.status).toBe('connecting');
    await server.accept();
    await became(client, 'open');
  });

  test('closing ends it, also while it waits', async () => {
    const server = await fakeServer();
    server.refuse();
    const client = connect({ url: server.url });
    await became(client, 'waiting');
    client.close();
    expect(client.state).toMatchObject({ status: 'closed', code: 1000 });
    vi.advanceTimersByTime(60_000);
    expect(client.state.status).toBe('closed');
  });

  test('an address that is none is an error at once', () => {
    expect(() => createClient({ url: 'not an address' })).toThrow(
      expect.objectContaining({ name: 'SyntaxError' }),
    );
  });
});

describe('a token', () => {
  test('is asked for before every connection, and sent first', async () => {
    const server = await fakeServer();
    let asked = 0;
    const client = connect({ url: server.url, token: async () => `token ${++asked}` });
    const first = await server.accept();
    expect((await first.next('auth')).data).toEqual({ token: 'token 1' });
    first.drop();
    await became(client, 'waiting');
    vi.advanceTimersToNextTimer();
    const second = await server.accept();
    expect((await second.next('auth')).data).toEqual({ token: 'token 2' });
  });

  test('that cannot be had is told, and asked for again as a connection is tried again', async () => {
    const server = await fakeServer();
    let asked = 0;
    const client = connect({
      url: server.url,
      token() {
        asked += 1;
        if (asked === 1) throw new Error('The login server is down.');
        return 'token';
      },
    });
    const warned = new Promise((resolve) => client.on('warning', resolve));
    await became(client, 'waiting');
    expect(await warned).toMatchObject({
      code: 'TOKEN_FAILED',
      cause: expect.objectContaining({ message: 'The login server is down.' }),
    });
    vi.advanceTimersToNextTimer();
    await (await server.accept()).next('auth');
  });

  test('that comes too late, or after the end, opens nothing', async () => {
    const server = await fakeServer();
    const late = Promise.withResolvers<string>();
    const client = connect({ url: server.url, token: () => late.promise });
    vi.advanceTimersByTime(10_000);
    expect(client.state.status).toBe('waiting');
    client.close();
    late.resolve('token');
    await late.promise;
    expect(client.state).toMatchObject({ status: 'closed', code: 1000 });
  });

  test('that is no longer taken is renewed once, where a new one can be had', async () => {
    const server = await fakeServer();
    const client = connect({ url: server.url, token: () => 'token' });
    (await server.accept()).close(4401);
    await became(client, 'waiting');
    vi.advanceTimersToNextTimer();
    (await server.accept()).close(4401, 'no longer');
    expect(await became(client, 'closed')).toMatchObject({ code: 4401, reason: 'no longer' });
  });
});

test('what the server announces is told as a notice', async () => {
  const server = await fakeServer();
  const client = connect({ url: server.url });
  const noticed = new Promise((resolve) => client.on('notice', resolve));
  const connection = await server.accept();
  connection.send({
    type: 'system_message',
    timestamp: new Date().toISOString(),
    data: { level: 'warning', message: 'Restart.', action: 'reconnect', retry_after_ms: 7_000 },
  });
  expect(await noticed).toEqual({ level: 'warning', message: 'Restart.', retryAfterMs: 7_000 });
});

describe('liveness', () => {
  test('asks after 20 s of silence and gives up 10 s later', async () => {
    const server = await fakeServer();
    const client = connect({ url: server.url });
    const connection = await server.accept();
    await became(client, 'open');
    vi.advanceTimersByTime(19_999);
    await connection.settled();
    expect(connection.unread).toBe(0);
    vi.advanceTimersByTime(1);
    await connection.next('ping');
    vi.advanceTimersByTime(9_999);
    expect(client.state.status).toBe('open');
    vi.advanceTimersByTime(1);
    expect(client.state.status).toBe('waiting');
  });

  test('a clock that is put back puts no deadline off', async () => {
    const server = await fakeServer();
    const client = connect({ url: server.url });
    const connection = await server.accept();
    await became(client, 'open');
    vi.setSystemTime(Date.now() - 3_600_000);
    vi.advanceTimersByTime(20_000);
    await connection.next('ping');
    vi.setSystemTime(Date.now() - 3_600_000);
    vi.advanceTimersByTime(10_000);
    expect(client.state.status).toBe('waiting');
  });

  test('anything heard in time keeps it', async () => {
    const server = await fakeServer();
    const client = connect({ url: server.url });
    const connection = await server.accept();
    await became(client, 'open');
    for (let round = 0; round < 3; round += 1) {
      vi.advanceTimersByTime(20_000);
      await connection.next('ping');
      connection.send({ type: 'pong', timestamp: new Date().toISOString(), data: {} });
      await connection.settled();
      expect(client.state.status).toBe('open');
    }
  });

  test('a connection that does not open within 10 s is given up', async () => {
    const silent = createServer();
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void silent.close());
    const { port } = silent.address() as AddressInfo;
    const client = connect({ url: `ws://127.0.0.1:${port}/ws` });
    vi.advanceTimersByTime(10_000);
    expect(client.state.status).toBe('waiting');
  });
});

describe('in a browser', () => {
  /** The events of a page that the client listens to. */
  function browser() {
    const page = new EventTarget();
    const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
    vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
    vi.stubGlobal('document', document);
    return { page, document };
  }

  test('comes back at once when the network does', async () => {
    const { page } = browser();
    const server = await fakeServer();
    const comeBack = server.refuse();
    const client = connect({ url: server.url });
    await became(client, 'waiting');
    comeBack();
    page.dispatchEvent(new Event('online'));
    expect(client.state.status).toBe('connecting');
    await server.accept();
    await became(client, 'open');
  });

  test('gives up within 2 s what is silent while there is no network, and keeps what answers', async () => {
    const { page } = browser();
    const server = await fakeServer();
    const client = connect({ url: server.url });
    const connection = await server.accept();
    await became(client, 'open');
    page.dispatchEvent(new Event('offline'));
    await connection.next('ping');
    connection.send({ type: 'pong', timestamp: new Date().toISOString(), data: {} });
    await connection.settled();
    vi.advanceTimersByTime(2_000);
    expect(client.state.status).toBe('open');
    page.dispatchEvent(new Event('offline'));
    await connection.next('ping');
    vi.advanceTimersByTime(1_999);
    expect(client.state.status).toBe('open');
    vi.advanceTimersByTime(1);
    expect(client.state.status).toBe('waiting');
  });

  test('waits 5 s at the most while the page is looked at, 30 s while it is not', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1);
    const { document } = browser();
    const server = await fakeServer();
    server.refuse();
    const client = connect({ url: server.url });
    const delays: number[] = [];
    for (let attempt = 1; attempt <= 8; attempt += 1) {
      if (attempt === 7) document.visibilityState = 'hidden';
      const { retryAt } = await became(client, 'waiting');
      delays.push(retryAt - performance.now());
      vi.advanceTimersToNextTimer();
    }
    expect(delays).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000, 30_000, 30_000]);
  });

  test('asks whether the connection lives when the person comes back to the tab', async () => {
    const { document } = browser();
    const server = await fakeServer();
    const client = connect({ url: server.url });
    const connection = await server.accept();
    await became(client, 'open');
    document.visibilityState = 'hidden';
    document.dispatchEvent(new Event('visibilitychange'));
    await connection.settled();
    expect(connection.unread).toBe(0);
    document.visibilityState = 'visible';
    document.dispatchEvent(new Event('visibilitychange'));
    await connection.next('ping');
    vi.advanceTimersByTime(10_000);
    expect(client.state.status).toBe('waiting');
  });

  test.each(['resume', 'pageshow'])(
    'a page that was frozen has no deadline meanwhile, and asks when it is back (%s)',
    async (back) => {
      const { page, document } = browser();
      const server = await fakeServer();
      const client = connect({ url: server.url });
      const connection = await server.accept();
      await became(client, 'open');
      vi.advanceTimersByTime(20_000);
      await connection.next('ping');
      document.dispatchEvent(new Event('freeze'));
      vi.advanceTimersByTime(600_000);
      expect(client.state.status).toBe('open');
      (back === 'resume' ? document : page).dispatchEvent(new Event(back));
      await connection.next('ping');
      vi.advanceTimersByTime(10_000);
      expect(client.state.status).toBe('waiting');
    },
  );

  test('a delay that the server named is kept', async () => {
    const { page } = browser();
    const server = await fakeServer();
    const client = connect({ url: server.url });
    const connection = await server.accept();
    connection.send({
      type: 'system_message',
      timestamp: new Date().toISOString(),
      data: { level: 'warning', message: 'Restart.', action: 'reconnect', retry_after_ms: 7_000 },
    });
    connection.close(1012);
    await became(client, 'waiting');
    page.dispatchEvent(new Event('online'));
    expect(client.state.status).toBe('waiting');
  });
});
