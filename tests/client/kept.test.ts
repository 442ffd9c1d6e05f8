/** What is not sent yet, over reloads and between tabs. */
import 'fake-indexeddb/auto';
import { randomUUID } from 'node:crypto';
import {
  type Client,
  indexedDbStorage,
  memoryStorage,
  type Session,
  type Warning,
} from '@parley/client';
import { type SessionEvent, toHistoryEntry } from '@parley/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Outbox } from '../../packages/client/src/outbox.ts';
import { connect, shown, texts } from './conversation.ts';
import {
  ack,
  type FakeConnection,
  type FakeServer,
  fakeServer,
  refusal,
  said,
  status,
} from './fake-server.ts';

// Full jitter at its lowest: who was cut comes back at once.
beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(0));
afterEach(() => void vi.restoreAllMocks());

/** What is waited for comes late on a busy machine, milliseconds. */
const PATIENCE = 10_000;

/** The entries as soon as they are as `until` says. */
async function stored(name: string, until: (ids: string[]) => boolean): Promise<string[]> {
  const storage = indexedDbStorage(name);
  return vi.waitFor(async () => {
    const ids = (await storage.load()).map(({ id }) => id);
    if (!until(ids)) throw new Error(`there are ${ids}`);
    return ids;
  }, PATIENCE);
}

/** A browser with a server that nobody reaches until `online` is called. */
async function browser() {
  const server = await fakeServer();
  const name = randomUUID();
  const online = server.refuse();
  const tab = (): Client => connect({ url: server.url, storage: indexedDbStorage(name) });
  return {
    server,
    name,
    online,
    tab,
    stored: (until: (ids: string[]) => boolean) => stored(name, until),
  };
}

const statuses = (session: Session) =>
  session.transcript.snapshot().items.map((item) => [item.text, item.status]);

/** Answers a join with the newest page: nothing. */
async function empty(connection: FakeConnection, id: string): Promise<void> {
  const join = await connection.next('session_join');
  expect(join.session_id).toBe(id);
  connection.send(status(id, { history: [], has_more: false }));
}

/** The connection that `step` goes well on. A page that was closed may have been connecting still. */
async function firstAlive(
  server: FakeServer,
  step: (connection: FakeConnection) => Promise<unknown>,
): Promise<FakeConnection> {
  for (;;) {
    const connection = await server.accept();
    const gone = connection.closed.then(() => false);
    if (await Promise.race([step(connection).then(() => true), gone])) return connection;
  }
}

describe('[R3] a message written offline', () => {
  test('is sent once, in order, by the page that is there when there is a connection', async () => {
    const { server, online, tab, stored } = await browser();
    const id = randomUUID();
    const closed = tab();
    const before = closed.session(id);
    const sent = [before.send('one'), before.send('two', { agent: 'guide' })];
    await stored((ids) => ids.length === 2);
    closed.close();

    const session = tab().session(id);
    const waiting = await shown(session, ({ items }) => items.length === 2);
    expect(texts(waiting)).toEqual(['one', 'two']);
    expect(waiting.items.map((item) => item.status)).toEqual(['waiting', 'waiting']);
    online();
    const connection = await firstAlive(server, (each) => empty(each, id));
    const one = await connection.next('chat_message');
    await connection.settled();
    expect(connection.unread).toBe(0);
    connection.send(ack(one, 1));
    const two = await connection.next('chat_message');
    expect([one.message_id, two.message_id]).toEqual(sent);
    expect([one.data, two.data]).toEqual([
      { content: 'one', message_type: 'text' },
      { content: 'two', message_type: 'text', agent_name: 'guide' },
    ]);
    connection.send(ack(two, 2));
    await stored((ids) => ids.length === 0);
    expect(
      session.transcript.snapshot().items.filter(({ status }) => status === 'sent'),
    ).toHaveLength(2);
  });

  test('is sent also where nobody opens its session again, which is left then', async () => {
    const { server, online, tab, stored } = await browser();
    const [a, b] = [randomUUID(), randomUUID()];
    const closed = tab();
    closed.session(a).send('to a');
    closed.session(b).send('to b');
    await stored((ids) => ids.length === 2);
    closed.close();
    online();
    tab();
    const connection = await firstAlive(server, (each) => empty(each, a));
    await empty(connection, b);
    const first = await connection.next('chat_message');
    const second = await connection.next('chat_message');
    expect([first.data.content, second.data.content]).toEqual(['to a', 'to b']);
    connection.send(ack(first, 1));
    expect((await connection.next('session_leave')).session_id).toBe(a);
    connection.send(ack(second, 1));
    expect((await connection.next('session_leave')).session_id).toBe(b);
    await stored((ids) => ids.length === 0);
  });

  test('in a new session makes that first, under the id that it was shown with', async () => {
    const { server, online, tab, stored } = await browser();
    const closed = tab();
    const made = await closed.sessions.create({ title: 'Harbours', agent: 'guide' });
    made.send('hello');
    await stored((ids) => ids.length === 2);
    expect(closed.sessions.snapshot().sessions).toMatchObject([{ id: made.id, title: 'Harbours' }]);
    closed.close();
    const client = tab();
    const session = client.session(made.id);
    await shown(session, ({ items }) => items.length === 1);
    expect(client.sessions.snapshot().sessions).toMatchObject([{ id: made.id }]);
    online();
    const connection = await firstAlive(server, async (each) => {
      expect(await each.next('session_create')).toMatchObject({
        session_id: made.id,
        data: { title: 'Harbours', agent_name: 'guide' },
      });
    });
    connection.send(status(made.id, { title: 'Harbours', history: [] }));
    connection.send(ack(await connection.next('chat_message'), 1));
    await stored((ids) => ids.length === 0);
    connection.drop();
    expect((await (await server.accept()).next('session_join')).session_id).toBe(made.id);
  });

  test('makes a chat in the list, with its first words, that can be named and deleted', async () => {
    const { server, online, tab, stored } = await browser();
    const client = tab();
    const [kept, gone] = [client.session(), client.session()];
    kept.send('Which harbours are there?');
    gone.send('never mind');
    const titles = () => client.sessions.snapshot().sessions.map(({ title }) => title);
    expect(titles().sort()).toEqual(['Which harbours are there?', 'never mind']);
    await client.sessions.delete(gone.id);
    await client.sessions.rename(kept.id, 'Harbours');
    expect(titles()).toEqual(['Harbours']);
    expect(gone.transcript.snapshot().status).toBe('deleted');
    await stored((ids) => ids.length === 2);
    online();
    const connection = await server.accept();
    const create = await connection.next('session_create');
    expect(create).toMatchObject({ session_id: kept.id, data: { title: 'Harbours' } });
    await connection.settled();
    expect(connection.unread).toBe(0);
    // Named anew while the server makes it: the person has the last word, not what was sent before.
    await client.sessions.rename(kept.id, 'Ports');
    expect(kept.transcript.snapshot().title).toBe('Ports');
    connection.send({
      ...status(kept.id, { title: 'Harbours', history: [] }),
      reply_to: create.message_id,
    });
    await connection.next('chat_message');
    expect((await connection.next('session_update')).data).toEqual({ title: 'Ports' });
  });

  test('that the server has already is not sent again', async () => {
    const { server, online, tab, stored } = await browser();
    const id = randomUUID();
    const closed = tab();
    const message = closed.session(id).send('hello');
    await stored((ids) => ids.length === 1);
    closed.close();
    online();
    const session = tab().session(id);
    const connection = await firstAlive(server, (each) => each.next('session_join'));
    const logged = { ...said(id, 1, 'hello'), message_id: message } as SessionEvent;
    connection.send(status(id, { history: [toHistoryEntry(logged)], last_seq: 1 }));
    await stored((ids) => ids.length === 0);
    await connection.settled();
    expect(connection.unread).toBe(0);
    expect(texts(session.transcript.snapshot())).toEqual(['hello', '']);
  });

  test('is sent although its session was left meanwhile', async () => {
    const { server, online, tab } = await browser();
    const client = tab();
    const session = client.session(randomUUID());
    session.send('hello');
    session.leave();
    expect(client.session(session.id)).toBe(session);
    session.leave();
    online();
    const connection = await server.accept();
    await empty(connection, session.id);
    connection.send(ack(await connection.next('chat_message'), 1));
    await connection.next('session_leave');
    expect(client.session(session.id)).not.toBe(session);
  });
});

describe('[R12] a message that failed', () => {
  async function failed() {
    const world = await browser();
    world.online();
    const id = randomUUID();
    const client = world.tab();
    const session = client.session(id);
    const message = session.send('hello');
    const connection = await world.server.accept();
    await empty(connection, id);
    const refused = await connection.next('chat_message');
    connection.send(refusal(refused, { code: 'AGENT_NOT_FOUND', retryable: false }));
    await shown(session, ({ items }) => items[0]?.status === 'failed');
    await vi.waitFor(async () => {
      const [entry] = await indexedDbStorage(world.name).load();
      if (entry?.kind !== 'message' || !entry.problem) throw new Error('not kept yet');
    }, PATIENCE);
    client.close();
    const again = world.tab().session(id);
    const next = await world.server.accept();
    await empty(next, id);
    await shown(again, ({ items }) => items[0]?.status === 'failed');
    return { ...world, session: again, connection: next, message };
  }

  test('survives a reload as one, until it is discarded', async () => {
    const { session, connection, message, stored } = await failed();
    expect(session.transcript.snapshot().items[0]).toMatchObject({
      id: message,
      problem: { code: 'AGENT_NOT_FOUND' },
    });
    await connection.settled();
    expect(connection.unread).toBe(0);
    session.discard(message);
    expect(session.transcript.snapshot().items).toEqual([]);
    await stored((ids) => ids.length === 0);
  });

  test('is sent anew when it is tried again', async () => {
    const { session, connection, message } = await failed();
    const anew = session.retry(message, 'hello, better');
    expect(statuses(session)).toEqual([['hello, better', 'waiting']]);
    const sent = await connection.next('chat_message');
    expect(sent).toMatchObject({ message_id: anew, data: { content: 'hello, better' } });
    expect(sent.data.replaces).toBeUndefined();
  });

  test('and is discarded in one tab is gone in the other', async () => {
    const { session, connection, message, tab, server } = await failed();
    const other = tab().session(session.id);
    await empty(await server.accept(), session.id);
    await shown(other, ({ items }) => items[0]?.status === 'failed');
    session.discard(message);
    await shown(other, ({ items }) => items.length === 0);
    await connection.settled();
  });
});

describe('[R3] two tabs', () => {
  test('send in the order of what was written, whoever wrote it, under the same ids', async () => {
    const { server, online, tab, stored } = await browser();
    const id = randomUUID();
    const [first, second] = [tab(), tab()];
    const one = first.session(id).send('one');
    await stored((ids) => ids.length === 1);
    const seen = second.session(id);
    await shown(seen, ({ items }) => items.length === 1);
    const two = seen.send('two');
    await stored((ids) => ids.length === 2);
    // The tab that wrote the first message sleeps.
    first.close();
    online();
    const connection = await firstAlive(server, (each) => empty(each, id));
    const sent = await connection.next('chat_message');
    connection.send(ack(sent, 1));
    const next = await connection.next('chat_message');
    expect([sent.message_id, next.message_id]).toEqual([one, two]);
  });

  test('do not bring back what one of them has had accepted', async () => {
    const { server, online, tab, stored } = await browser();
    const id = randomUUID();
    const first = tab();
    const session = first.session(id);
    const message = session.send('hello');
    await stored((ids) => ids.length === 1);
    const second = tab();
    const seen = second.session(id);
    await shown(seen, ({ items }) => items.length === 1);
    online();
    const connections = [await server.accept(), await server.accept()];
    const sent = await Promise.any(
      connections.map(async (connection) => {
        await empty(connection, id);
        const frame = await connection.next('chat_message');
        return { connection, frame };
      }),
    );
    sent.connection.send(ack(sent.frame, 1));
    await stored((ids) => ids.length === 0);
    const other = connections.find((connection) => connection !== sent.connection);
    other?.send({ ...said(id, 1, 'hello'), message_id: message } as SessionEvent);
    await shown(session, ({ items }) => items[0]?.status === 'sent');
    await shown(seen, ({ items }) => items[0]?.status === 'sent');
    expect(await stored(() => true)).toEqual([]);
  });

  test('[R7] do not show what one of them has taken back, also while nobody reaches the server', async () => {
    const { server, online, tab, stored } = await browser();
    const id = randomUUID();
    const [first, second] = [tab(), tab()];
    const session = first.session(id);
    const [back] = [session.send('no'), session.send('yes')];
    await stored((ids) => ids.length === 2);
    const seen = second.session(id);
    await shown(seen, ({ items }) => items.length === 2);
    session.discard(back);
    await shown(seen, ({ items }) => items.length === 1);
    expect(statuses(seen)).toEqual([['yes', 'waiting']]);
    first.close();
    online();
    const connection = await firstAlive(server, (each) => empty(each, id));
    expect((await connection.next('chat_message')).data.content).toBe('yes');
  });

  test('do not make a new session whose only message one of them has taken back', async () => {
    const { server, online, tab, stored } = await browser();
    const [first, second] = [tab(), tab()];
    const session = first.session();
    const back = session.send('no');
    await stored((ids) => ids.length === 2);
    const seen = second.session(session.id);
    await shown(seen, ({ items }) => items.length === 1);
    session.discard(back);
    await shown(seen, ({ items }) => items.length === 0);
    await stored((ids) => ids.length === 0);
    first.close();
    online();
    const connection = await firstAlive(server, (each) => each.settled());
    await connection.settled();
    expect(connection.unread).toBe(0);
  });

  test('[R7] go on showing what one of them has had accepted, until the server says so here', async () => {
    const { server, online, tab, stored } = await browser();
    online();
    const id = randomUUID();
    const session = tab().session(id);
    const writing = await server.accept();
    await empty(writing, id);
    const seen = tab().session(id);
    const watching = await server.accept();
    await empty(watching, id);
    const message = session.send('hello');
    const counts: number[] = [];
    await shown(seen, ({ items }) => items.length === 1);
    seen.transcript.subscribe(() => counts.push(texts(seen.transcript.snapshot()).length));
    writing.send(ack(await writing.next('chat_message'), 1));
    await stored((ids) => ids.length === 0);
    // What its own channel has told the other tab by then has told this one too.
    session.send('and this?');
    await shown(seen, ({ items }) => items.some(({ text }) => text === 'and this?'));
    expect(statuses(seen)).toContainEqual(['hello', 'waiting']);
    watching.send({ ...said(id, 1, 'hello'), message_id: message } as SessionEvent);
    await shown(seen, ({ items }) => items[0]?.text === 'hello' && items[0].status === 'sent');
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });

  test('[R7] show what one of them took back while the server was taking it from the other', async () => {
    const { server, online, tab } = await browser();
    online();
    const id = randomUUID();
    const session = tab().session(id);
    const first = await server.accept();
    await empty(first, id);
    const seen = tab().session(id);
    const second = await server.accept();
    await empty(second, id);
    const message = session.send('hello');
    const refused = await first.next('chat_message');
    first.send(refusal(refused, { code: 'QUEUE_FULL', retryable: true, retry_after_ms: 1e9 }));
    const sent = await second.next('chat_message');
    expect([session.isWaiting, seen.isWaiting]).toEqual([true, true]);
    session.discard(message);
    await shown(seen, ({ items }) => items.length === 0);
    expect([session.isWaiting, seen.isWaiting]).toEqual([false, false]);
    second.send(ack(sent, 1));
    await second.next('session_join');
    second.send(status(id, { last_seq: 1 }));
    second.send({ ...said(id, 1, 'hello'), message_id: message } as SessionEvent);
    await shown(seen, ({ items }) => items[0]?.status === 'sent');
  });

  test('[R12] do not let a message wait for ever in a session that one of them has deleted', async () => {
    const { server, name, online, tab, stored } = await browser();
    const id = randomUUID();
    const session = tab().session(id);
    const message = session.send('hello');
    await stored((ids) => ids.length === 1);
    const other = connect({
      url: server.url,
      storage: indexedDbStorage(name),
      fetch: async () => Response.json({ status: 'success', data: {} }),
    });
    await shown(other.session(id), ({ items }) => items.length === 1);
    await other.sessions.delete(id);
    await stored((ids) => ids.length === 0);
    other.close();
    online();
    await firstAlive(server, async (connection) => {
      const join = await connection.next('session_join');
      connection.send(refusal(join, { code: 'SESSION_NOT_FOUND', retryable: false }));
    });
    await shown(session, ({ items }) => items[0]?.status === 'failed');
    expect(session.transcript.message(message)?.problem?.code).toBe('SESSION_NOT_FOUND');
  });

  test('do not bring back what was given up while the storage was being read', async () => {
    const server = await fakeServer();
    const storage = memoryStorage();
    const [begun, reading] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    async function load() {
      const entries = await storage.load();
      if (entries.length === 0) return entries;
      begun.resolve();
      await reading.promise;
      return entries;
    }
    const client = connect({ url: server.url, storage: { ...storage, load } });
    const session = client.session();
    session.send('hello');
    const connection = await server.accept();
    await connection.next('session_create');
    connection.send(status(session.id));
    const message = await connection.next('chat_message');
    await begun.promise;
    connection.send(refusal(message, { code: 'AGENT_NOT_FOUND', retryable: false }));
    await shown(session, ({ items }) => items[0]?.status === 'failed');
    session.discard(message.message_id ?? '');
    reading.resolve();
    await vi.waitFor(async () => expect(await storage.load()).toEqual([]), PATIENCE);
    await connection.settled();
    expect(connection.unread).toBe(0);
    expect(session.transcript.snapshot().items).toEqual([]);
  });

  test('leave what one has just written to that one, and send it where it does not', async () => {
    const { server, online, tab, stored } = await browser();
    const at = Date.now();
    const now = vi.spyOn(Date, 'now').mockReturnValue(at);
    online();
    const id = randomUUID();
    const writer = tab();
    const session = writer.session(id);
    const writing = await server.accept();
    await empty(writing, id);
    tab();
    const watching = await server.accept();
    session.send('hello');
    const sent = await writing.next('chat_message');
    await stored((ids) => ids.length === 1);
    await watching.settled();
    expect(watching.unread).toBe(0);
    now.mockReturnValue(at + 1_000);
    // It is not answered there: a second later the other tab brings the same message.
    await empty(watching, id);
    expect(await watching.next('chat_message')).toEqual(sent);
  });
});

test('[R3] what becomes due while the rest is being sent is sent too', async () => {
  const storage = memoryStorage();
  const now = vi.spyOn(Date, 'now').mockReturnValue(0);
  const entry = { kind: 'message', id: 'm-1', sessionId: 's', timestamp: 0, text: 'hi' } as const;
  await storage.add(entry);
  const { promise, resolve } = Promise.withResolvers<void>();
  const outbox = new Outbox(storage, {
    merged() {
      if (outbox.due('s').length > 0) resolve();
      now.mockReturnValue(1_000);
    },
    takenBack: () => {},
    failed: () => {},
  });
  await promise;
  outbox.close();
});

describe('[R9] a storage that fails', () => {
  const fails = () => Promise.reject(new Error('QuotaExceededError'));

  test.each([
    ['at everything', { load: fails, add: fails, replace: fails, remove: fails }],
    ['when something is added', { add: fails }],
    [
      'when it is listened to',
      {
        subscribe() {
          throw new Error('no');
        },
      },
    ],
  ])('%s is told once, and what is written is sent all the same', async (_, faults) => {
    const server = await fakeServer();
    const client = connect({ url: server.url, storage: { ...memoryStorage(), ...faults } });
    const warnings: Warning[] = [];
    const warned = new Promise((resolve) => {
      client.on('warning', (warning) => {
        warnings.push(warning);
        resolve(undefined);
      });
    });
    const session = client.session();
    session.send('one');
    session.send('two');
    const connection = await server.accept();
    await connection.next('session_create');
    connection.send(status(session.id));
    connection.send(ack(await connection.next('chat_message'), 1));
    connection.send(ack(await connection.next('chat_message'), 2));
    await shown(
      session,
      ({ items }) => items.filter((item) => item.status === 'sent').length === 2,
    );
    if (!('subscribe' in faults)) {
      await warned;
      expect(warnings).toMatchObject([{ code: 'STORAGE_FAILED' }]);
    }
  });

  test('because the person has cleared it takes no word with it', async () => {
    const { server, name, online, tab, stored } = await browser();
    const client = tab();
    const warned = new Promise((resolve) => client.on('warning', resolve));
    const session = client.session(randomUUID());
    session.send('hello');
    await stored((ids) => ids.length === 1);
    await new Promise((resolve) => {
      indexedDB.deleteDatabase(name).onsuccess = resolve;
    });
    online();
    const connection = await server.accept();
    await empty(connection, session.id);
    expect((await connection.next('chat_message')).data.content).toBe('hello');
    expect(await warned).toMatchObject({ code: 'STORAGE_FAILED' });
  });

  test('is told before a draft is let go of', async () => {
    const server = await fakeServer();
    const add = Promise.withResolvers<void>();
    const storage = { ...memoryStorage(), add: () => add.promise };
    const session = connect({ url: server.url, storage }).session();
    session.send('hello');
    let isKept = false;
    const kept = session.kept().then(() => {
      isKept = true;
    });
    // The server has it by then.
    const connection = await server.accept();
    await connection.next('session_create');
    await connection.settled();
    expect(isKept).toBe(false);
    add.resolve();
    await kept;
  });

  test('that never answers holds nothing up for longer than 3 s', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    try {
      const server = await fakeServer();
      const never = () => new Promise<never>(() => {});
      const storage = { load: never, add: never, replace: never, remove: never };
      const client = connect({ url: server.url, storage });
      const session = client.session();
      session.send('one');
      const connection = await server.accept();
      await connection.settled();
      expect(connection.unread).toBe(0);
      const warned = new Promise((resolve) => client.on('warning', resolve));
      vi.advanceTimersByTime(3_000);
      await connection.next('session_create');
      connection.send(status(session.id));
      await connection.next('chat_message');
      expect(await warned).toMatchObject({ code: 'STORAGE_FAILED' });
    } finally {
      vi.useRealTimers();
    }
  });
});
