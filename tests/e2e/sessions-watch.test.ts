import { expect, onTestFinished, test, vi } from 'vitest';
import { LOCAL } from '../../packages/gateway/src/auth/principal.ts';
import { MemoryBus } from '../../packages/gateway/src/buses/memory.ts';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { Watchers } from '../../packages/gateway/src/sessions/watchers.ts';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import { startComposed } from '../helpers/composed.ts';
import { diskFull, gated } from '../helpers/gated-store.ts';
import { startGateway } from '../helpers/gateway.ts';
import { keptLog } from '../helpers/log-lines.ts';
import { lossy } from '../helpers/nodes.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';

/** From now on these wait until the test says how much time has passed. */
function fakeTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
}

async function watching(ws: string): Promise<TestSocket> {
  const client = await TestSocket.open(ws);
  client.send({ type: 'sessions_watch', message_id: 'watch' });
  await client.find(({ type, reply_to }) => type === 'message_ack' && reply_to === 'watch');
  return client;
}

test('[R7] who watches is told of sessions that are made, talked in, renamed and deleted elsewhere', async () => {
  const { ws, http } = await startGateway({ agents: [echoAgent] });
  const sidebar = await watching(ws);
  const other = await TestSocket.open(ws);
  const sessionId = await other.create();
  expect((await sidebar.next('session_status')).data).toMatchObject({
    session_id: sessionId,
    status: 'active',
    title: null,
    last_seq: 0,
  });
  await other.ask('Where is the harbour?');
  expect((await sidebar.next('session_status')).data).toMatchObject({
    title: 'Where is the harbour?',
    message_count: 2,
    last_seq: 2,
  });
  await fetch(`${http}/api/sessions/${sessionId}`, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ title: 'Harbours' }),
  });
  expect((await sidebar.next('session_status')).data.title).toBe('Harbours');
  await fetch(`${http}/api/sessions/${sessionId}`, { method: 'DELETE' });
  expect((await sidebar.next('session_status')).data).toMatchObject({
    session_id: sessionId,
    status: 'deleted',
    title: 'Harbours',
  });
  expect(sidebar.received.filter(({ type }) => type !== 'session_status')).toHaveLength(1);
});

test('[R7] where changes may have been missed the last sessions_watch is acknowledged again, by its name', async () => {
  const bus = lossy(new MemoryBus(), () => false);
  const { ws } = await startComposed({ bus });
  const [sidebar, nameless, other] = [await watching(ws), await watching(ws), await watching(ws)];
  sidebar.send({ type: 'sessions_watch', message_id: 'anew' });
  nameless.send({ type: 'sessions_watch' });
  for (const client of [sidebar, nameless]) await client.settled();
  bus.tellLoss();
  bus.tellLoss();
  const acks = ({ received }: TestSocket) =>
    received.flatMap(({ type, reply_to }) => (type === 'message_ack' ? [reply_to] : []));
  await other.find(({ reply_to }) => reply_to === 'watch');
  await sidebar.settled();
  await nameless.settled();
  expect(acks(sidebar)).toEqual(['watch', 'anew', 'anew']);
  expect(acks(nameless)).toEqual(['watch', undefined]);
  // A change is told once, and as before.
  const sessionId = await other.create();
  await sidebar.next('session_status');
  await sidebar.settled();
  const told = sidebar.received.filter(({ session_id }) => session_id === sessionId);
  expect(told).toHaveLength(1);
});

test('[R7] [R8] whom the bus has failed read their lists again spread over 800 ms', () => {
  fakeTimers();
  const random = vi.spyOn(Math, 'random');
  onTestFinished(() => random.mockRestore());
  const bus = lossy(new MemoryBus(), () => false);
  const watchers = new Watchers(new MemoryStore(), bus, keptLog().logger);
  const missed = vi.fn();
  watchers.watch('alice', { tell: () => {}, missed });
  for (const [jitter, after] of [
    [0.25, 200],
    [1, 800],
  ] as const) {
    random.mockReturnValue(jitter);
    missed.mockClear();
    bus.tellLoss();
    vi.advanceTimersByTime(after - 1);
    expect(missed).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(missed).toHaveBeenCalledOnce();
  }
});

test('[R8] much that happens at once is told once for each session', async () => {
  const { ws } = await startGateway({ agents: [echoAgent] });
  const sidebar = await watching(ws);
  const other = await TestSocket.open(ws);
  fakeTimers();
  const ids = [];
  for (let i = 0; i < 3; i += 1) {
    const session_id = await other.create();
    ids.push(session_id);
    for (let j = 0; j < 5; j += 1) await other.ask('again', { session_id });
  }
  await vi.advanceTimersByTimeAsync(999);
  await sidebar.settled();
  expect(sidebar.received.filter(({ type }) => type === 'session_status')).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  const told = await sidebar.collect('session_status', 3);
  expect(told.map(({ data }) => [data.session_id, data.last_seq])).toEqual(
    ids.map((id) => [id, 10]),
  );
  // Had any been told twice, it would come before this.
  await other.ask('once more', { session_id: ids[0] ?? '' });
  await vi.advanceTimersByTimeAsync(1_000);
  expect((await sidebar.next('session_status')).data.last_seq).toBe(12);
});

test('[R7] what came without a number while a reader caught up is told when it has', async () => {
  const gate = gated(new MemoryStore());
  const { agent, next } = puppet();
  const { ws } = await startComposed({ agents: [agent], keptIn: gate.store });
  const client = await TestSocket.open(ws);
  const sessionId = await client.create();
  const late = await TestSocket.open(ws);
  gate.hold('readSession');
  late.send({ type: 'session_join', session_id: sessionId, message_id: 'join' });
  await gate.held(1);
  client.send({ type: 'session_update', message_id: 'rename', data: { title: 'New' } });
  await client.find(({ reply_to }) => reply_to === 'rename');
  client.send({ type: 'chat_message', data: { content: 'go' } });
  const run = await next();
  await client.find(
    (message) => message.type === 'run_status' && message.data.status === 'running',
  );
  gate.release();
  await late.find(({ type, reply_to }) => type === 'session_status' && reply_to === 'join');
  await late.find((message) => message.type === 'run_status' && message.data.status === 'running');
  await late.settled();
  const titles = late.received.flatMap((message) =>
    message.type === 'session_status' ? [message.data.title] : [],
  );
  expect(titles.at(-1)).toBe('New');
  void run.finish();
  await late.next('agent_response');
});

test('[R7] a session that was given another agent while somebody came in asks that one', async () => {
  const keptIn = new MemoryStore();
  const { agent } = puppet();
  const { ws } = await startComposed({ agents: [agent, echoAgent], keptIn });
  const maker = await TestSocket.open(ws);
  const sessionId = await maker.create();
  maker.send({ type: 'session_leave', message_id: 'left' });
  await maker.find(({ reply_to }) => reply_to === 'left');
  // The record is read before the change, and the session followed after it.
  const getSession = keptIn.getSession.bind(keptIn);
  const read = Promise.withResolvers<void>();
  const reply = Promise.withResolvers<void>();
  let reads = 0;
  keptIn.getSession = async (id) => {
    const record = await getSession(id);
    reads += 1;
    // The first look is for whether the client may join at all.
    if (reads !== 2) return record;
    read.resolve();
    await reply.promise;
    return record;
  };
  const client = await TestSocket.open(ws);
  client.send({ type: 'session_join', session_id: sessionId });
  await read.promise;
  maker.send({
    type: 'session_update',
    session_id: sessionId,
    message_id: 'changed',
    data: { agent_name: 'echo' },
  });
  await maker.find(({ reply_to }) => reply_to === 'changed');
  reply.resolve();
  await client.next('session_status');
  expect((await client.ask('hello')).data.agent_name).toBe('echo');
});

test('[R7] a session that is deleted while it is read for those who watch stays deleted', async () => {
  const keptIn = new MemoryStore();
  const { ws, sessions } = await startComposed({
    agents: [echoAgent],
    keptIn,
  });
  const sidebar = await watching(ws);
  const getSession = keptIn.getSession.bind(keptIn);
  const read = Promise.withResolvers<void>();
  const reply = Promise.withResolvers<void>();
  const { id } = await sessions.create(LOCAL, {});
  keptIn.getSession = async (asked) => {
    keptIn.getSession = getSession;
    const record = await getSession(asked);
    read.resolve();
    await reply.promise;
    return record;
  };
  await read.promise;
  await sessions.delete(LOCAL, id);
  reply.resolve();
  const { id: next } = await sessions.create(LOCAL, {});
  await sidebar.find((message) => message.type === 'session_status' && message.session_id === next);
  const told = sidebar.received.filter(({ session_id }) => session_id === id);
  expect(told).toMatchObject([{ data: { status: 'deleted' } }]);
});

test('[R7] a change that could not be read is told when the store is back', async () => {
  const keptIn = new MemoryStore();
  const { ws } = await startComposed({ agents: [echoAgent], keptIn });
  const sidebar = await watching(ws);
  const other = await TestSocket.open(ws);
  const sessionId = await other.create();
  const getSession = keptIn.getSession.bind(keptIn);
  keptIn.getSession = async () => {
    keptIn.getSession = getSession;
    throw diskFull();
  };
  expect((await sidebar.next('session_status')).data.session_id).toBe(sessionId);
  expect(keptIn.getSession).toBe(getSession);
});

test('[R7] a join during which the session is deleted hears of no session that is there', async () => {
  const keptIn = new MemoryStore();
  const { ws, sessions } = await startComposed({
    agents: [echoAgent],
    keptIn,
  });
  const { id } = await sessions.create(LOCAL, {});
  const readSession = keptIn.readSession.bind(keptIn);
  const read = Promise.withResolvers<void>();
  const reply = Promise.withResolvers<void>();
  keptIn.readSession = async (...args) => {
    const page = await readSession(...args);
    read.resolve();
    await reply.promise;
    return page;
  };
  const client = await TestSocket.open(ws);
  client.send({ type: 'session_join', session_id: id, message_id: 'join' });
  await read.promise;
  await sessions.delete(LOCAL, id);
  reply.resolve();
  expect((await client.next('error')).data.code).toBe('SESSION_NOT_FOUND');
  const states = client.received.flatMap(({ type, data }) =>
    type === 'session_status' ? [data.status] : [],
  );
  expect(states).toEqual(['deleted']);
});

test('[R5] a report of a run that has ended while a reader caught up is not told', async () => {
  for (const plain of [false, true]) {
    const gate = gated(new MemoryStore());
    const { agent, next } = puppet();
    const { ws } = await startComposed({ agents: [agent], keptIn: gate.store });
    const client = await TestSocket.open(ws);
    const sessionId = await client.create();
    const late = await TestSocket.open(ws, { plain });
    gate.hold('readSession');
    late.send({ type: 'session_join', session_id: sessionId, message_id: 'join' });
    await gate.held(1);
    client.send({ type: 'chat_message', data: { content: 'go' } });
    const run = await next();
    await run.say({
      type: 'progress',
      agents: [{ name: 'a', status: 'processing', progress: 0.5 }],
      overallProgress: 0.5,
    });
    void run.finish();
    await client.next('agent_response');
    gate.release();
    await late.settled();
    const types = late.received.map(({ type }) => type);
    expect(types).not.toContain('agent_progress');
  }
});
