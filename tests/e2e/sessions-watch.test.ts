import { expect, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import { startComposed } from '../helpers/composed.ts';
import { gated } from '../helpers/gated-store.ts';
import { startGateway } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';

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

test('[R8] much that happens at once is told once for each session', async () => {
  const { ws } = await startGateway({ agents: [echoAgent] });
  const sidebar = await watching(ws);
  const other = await TestSocket.open(ws);
  const ids = [];
  for (let i = 0; i < 3; i += 1) {
    const session_id = await other.create();
    ids.push(session_id);
    for (let j = 0; j < 5; j += 1) await other.ask('again', { session_id });
  }
  const told = await sidebar.collect('session_status', 3);
  expect(told.map(({ data }) => [data.session_id, data.last_seq])).toEqual(
    ids.map((id) => [id, 10]),
  );
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
