import { expect, test } from 'vitest';
import { simulatorAgent } from '../../packages/gateway/src/index.ts';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import { startComposed } from '../helpers/composed.ts';
import { gated } from '../helpers/gated-store.ts';
import { startGateway } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';

const say = (message_id: string) => ({
  type: 'chat_message',
  message_id,
  data: { content: message_id },
});

async function join(ws: string, sessionId: string): Promise<TestSocket> {
  const socket = await TestSocket.open(ws);
  socket.send({ type: 'session_join', session_id: sessionId });
  await socket.next('session_status');
  return socket;
}

/** Everything of runs that came after the acknowledgement of the message `stop`. */
function afterStop(socket: TestSocket, stop: string): string[] {
  const place = socket.received.findIndex(
    ({ type, reply_to }) => type === 'message_ack' && reply_to === stop,
  );
  expect(place).not.toBe(-1);
  return socket.received
    .slice(place + 1)
    .filter(({ run_id }) => run_id !== undefined)
    .map(({ type }) => type);
}

test('[R4] a stop leaves alone what its connection says after it', async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent] });
  const socket = await TestSocket.open(ws);
  const session_id = await socket.create();
  socket.send({ ...say('m-1'), session_id });
  await (await next()).say('one');
  await socket.next('agent_chunk');
  socket.send({ type: 'run_cancel', message_id: 'stop', session_id, data: {} });
  socket.send({ ...say('m-2'), session_id });
  const second = await next();
  expect(second.input.message).toBe('m-2');
  await socket.find(({ reply_to }) => reply_to === 'stop');
  await second.finish();
  const end = await socket.find(
    ({ type, reply_to }) => type === 'agent_response' && reply_to === 'm-2',
  );
  expect(end.data).toMatchObject({ status: 'complete' });
});

test('[R4] losing every connection does not stop a run', async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent] });
  const first = await TestSocket.open(ws);
  const sessionId = await first.create();
  const second = await join(ws, sessionId);
  first.send(say('m-1'));
  const run = await next();
  await run.say('before ');
  await second.next('agent_chunk');
  first.cut();
  await second.close();
  await run.say('between ');
  expect(run.context.signal.aborted).toBe(false);
  const back = await TestSocket.open(ws);
  back.send({ type: 'session_join', session_id: sessionId });
  expect((await back.next('session_status')).data.answer?.content).toBe('before between ');
  await run.say('after');
  await run.finish();
  expect((await back.next('agent_response')).data).toMatchObject({
    status: 'complete',
    content: 'before between after',
  });
});

test('[R4] a run ends and its answer is kept with nobody there at all', async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent] });
  const client = await TestSocket.open(ws, { plain: true });
  const sessionId = await client.create();
  client.send(say('m-1'));
  const run = await next();
  client.cut();
  await client.closed;
  await run.say('alone');
  await run.finish();
  const back = await join(ws, sessionId);
  const status = back.received[0] as { data: { history: { content: string }[] } };
  expect(status.data.history.map(({ content }) => content)).toEqual(['m-1', 'alone']);
});

test.each([
  ['by its id', (run_id: string) => ({ run_id })],
  ['with all of the session', () => ({})],
])(
  '[R4] a stop from another connection, %s: no text follows it, from an agent that goes on',
  async (_, data) => {
    const { agent, next } = puppet();
    const { ws } = await startGateway({ agents: [agent] });
    const author = await TestSocket.open(ws);
    const sessionId = await author.create();
    const other = await join(ws, sessionId);
    author.send(say('m-1'));
    const run = await next();
    await run.say('some');
    const { run_id = '' } = await other.next('agent_chunk');
    other.send({
      type: 'run_cancel',
      message_id: 'stop',
      session_id: sessionId,
      data: data(run_id),
    });
    const ack = await other.find(({ reply_to }) => reply_to === 'stop');
    expect(ack).toMatchObject({ type: 'message_ack', data: { cancelled: [run_id] } });
    await run.aborted;
    // The agent does not care that it was stopped.
    void run.say(' more');
    void run.say({ type: 'tool_call', id: 't', name: 'rm', arguments: {} });
    void run.say({ type: 'progress', agents: [], overallProgress: 1 });
    void run.finish();
    await Promise.all([author.settled(), other.settled()]);
    expect(afterStop(other, 'stop')).toEqual([]);
    for (const socket of [author, other]) {
      const end = socket.received.filter(({ type }) => type === 'agent_response');
      expect(end).toMatchObject([{ run_id, data: { status: 'cancelled', content: 'some' } }]);
    }
    // What was stopped does not stand in the way.
    other.send({ ...say('m-2'), session_id: sessionId });
    await (await next()).finish();
    expect((await author.next('agent_response')).data.status).toBe('cancelled');
    expect((await author.next('agent_response')).data.status).toBe('complete');
  },
);

test('[R4] a stop sent right after the message on the same connection stops that message', async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent, simulatorAgent] });
  const client = await TestSocket.open(ws);
  const sessionId = await client.create();
  for (let i = 0; i < 20; i += 1) {
    client.send({ ...say(`m-${i}`), data: { content: 'tokens=1000', agent_name: 'simulator' } });
    client.send({ type: 'run_cancel', message_id: `stop-${i}` });
    const accepted = await client.find(({ reply_to }) => reply_to === `m-${i}`);
    expect(accepted.type).toBe('message_ack');
    const stopped = await client.find(({ reply_to }) => reply_to === `stop-${i}`);
    expect(stopped).toMatchObject({ data: { cancelled: [accepted.run_id] } });
    expect(afterStop(client, `stop-${i}`)).toEqual([]);
  }
  // The session is not stuck.
  client.send({ ...say('last'), session_id: sessionId });
  await (await next()).finish();
  expect(
    (await client.find(({ data }) => 'status' in data && data.status === 'complete')).type,
  ).toBe('agent_response');
});

test('[R4] a stop stops what was sent before it, also where that is not on disk yet', async () => {
  const gate = gated(new MemoryStore());
  const { agent } = puppet();
  const { ws } = await startComposed({ agents: [agent], keptIn: gate.store });
  const client = await TestSocket.open(ws);
  await client.create();
  gate.hold('appendMessage');
  client.send(say('m-1'));
  client.send(say('m-2'));
  client.send({ type: 'run_cancel', message_id: 'stop' });
  await gate.held(2);
  gate.release();
  const accepted = await client.collect('message_ack', 2);
  const ack = await client.find(({ reply_to }) => reply_to === 'stop');
  expect(ack.data).toEqual({ status: 'accepted', cancelled: accepted.map(({ run_id }) => run_id) });
  const ends = client.received.filter(({ type }) => type === 'agent_response');
  expect(ends.map(({ reply_to }) => reply_to)).toEqual(['m-1', 'm-2']);
});

test('[R4] stopping all ends those that wait too, in the log in the order of their messages', async () => {
  const { agent, next, calls } = puppet();
  const { ws } = await startGateway({ agents: [agent] });
  const client = await TestSocket.open(ws);
  const sessionId = await client.create();
  const ids = ['m-1', 'm-2', 'm-3', 'm-4'];
  for (const id of ids) client.send(say(id));
  const accepted = await client.collect('message_ack', 4);
  await (await next()).say('one');
  client.send({ type: 'run_cancel', message_id: 'stop' });
  const ack = await client.find(({ reply_to }) => reply_to === 'stop');
  expect(ack.data).toEqual({
    status: 'accepted',
    cancelled: accepted.map(({ run_id }) => run_id),
  });
  const ends = client.received.filter(({ type }) => type === 'agent_response');
  expect(ends.map(({ reply_to }) => reply_to)).toEqual(ids);
  expect(ends.map(({ seq }) => seq)).toEqual([5, 6, 7, 8]);
  expect(calls).toBe(0);
  const late = await join(ws, sessionId);
  expect(late.received[0]?.data).toMatchObject({ last_seq: 8 });
});

test('[R4] stopping one that waits leaves the others, and the one after it moves up', async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent] });
  const client = await TestSocket.open(ws);
  await client.create();
  for (const id of ['m-1', 'm-2', 'm-3']) client.send(say(id));
  const [, second] = await client.collect('message_ack', 3);
  const first = await next();
  client.send({ type: 'run_cancel', message_id: 'stop', data: { run_id: second?.run_id } });
  const ack = await client.find(({ reply_to }) => reply_to === 'stop');
  expect(ack.data).toMatchObject({ cancelled: [second?.run_id] });
  await first.finish();
  const third = await next();
  expect(third.input.message).toBe('m-3');
  await third.finish();
});

test('[R4] a stop with nothing to stop says so: an unknown run is an error, all of nothing is not', async () => {
  const { ws } = await startGateway({ agents: [simulatorAgent] });
  const client = await TestSocket.open(ws);
  const sessionId = await client.create();
  const { run_id } = await client.ask('tokens=1');
  client.send({ type: 'run_cancel', message_id: 'stop-1', data: {} });
  expect((await client.find(({ reply_to }) => reply_to === 'stop-1')).data).toEqual({
    status: 'accepted',
    cancelled: [],
  });
  for (const [n, id] of ['no-such-run', run_id].entries()) {
    client.send({ type: 'run_cancel', message_id: `e-${n}`, data: { run_id: id } });
    expect(await client.find(({ reply_to }) => reply_to === `e-${n}`)).toMatchObject({
      type: 'error',
      data: { code: 'RUN_NOT_FOUND', retryable: false },
    });
  }
  // A run of another session is not reached through this one.
  const { agent_name } = (await client.ask('tokens=1', { session_id: sessionId })).data;
  expect(agent_name).toBe('simulator');
});

test('[R4] a stop of a run in another session than the one named reaches nothing', async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent] });
  const client = await TestSocket.open(ws);
  const first = await client.create();
  client.send(say('m-1'));
  const { run_id } = await client.next('message_ack');
  const run = await next();
  const second = await client.create();
  client.send({
    type: 'run_cancel',
    session_id: second,
    message_id: 'stop',
    data: { run_id },
  });
  expect(await client.find(({ reply_to }) => reply_to === 'stop')).toMatchObject({
    data: { code: 'RUN_NOT_FOUND' },
  });
  await run.say('untouched');
  await run.finish();
  expect(await client.next('agent_response')).toMatchObject({
    session_id: first,
    data: { status: 'complete' },
  });
});

test('[R4] two stops at the same moment: one end, and both are acknowledged after it', async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent] });
  const client = await TestSocket.open(ws);
  const sessionId = await client.create();
  const other = await join(ws, sessionId);
  client.send(say('m-1'));
  await (await next()).say('x');
  client.send({ type: 'run_cancel', message_id: 'stop' });
  other.send({ type: 'run_cancel', message_id: 'stop', session_id: sessionId });
  for (const socket of [client, other]) {
    await socket.find(({ type, reply_to }) => type === 'message_ack' && reply_to === 'stop');
    await socket.settled();
    expect(afterStop(socket, 'stop')).toEqual([]);
    expect(socket.received.filter(({ type }) => type === 'agent_response')).toHaveLength(1);
  }
});
