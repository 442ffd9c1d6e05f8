import { connect } from 'node:net';
import type { ServerMessage } from '@parley/protocol';
import { expect, test } from 'vitest';
import { LOCAL } from '../../packages/gateway/src/auth/principal.ts';
import { defineAgent, echoAgent } from '../../packages/gateway/src/index.ts';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import { StoreError } from '../../packages/gateway/src/stores/store.ts';
import { startComposed } from '../helpers/composed.ts';
import { diskFull, gated } from '../helpers/gated-store.ts';
import { startGateway } from '../helpers/gateway.ts';
import { type PuppetRun, puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';

/** An agent, and how often it has begun. */
function counting() {
  let count = 0;
  const agent = defineAgent({
    name: 'counting',
    run: () => {
      count += 1;
      return 'said';
    },
  });
  return { agent, begun: () => count };
}

/** A store that keeps its first message and fails before it can say so. */
function doubtfulStore(): MemoryStore {
  const store = new MemoryStore();
  const appendMessage = store.appendMessage.bind(store);
  store.appendMessage = async (append) => {
    store.appendMessage = appendMessage;
    await appendMessage(append);
    throw new StoreError('The worker thread of the store ended.');
  };
  return store;
}

test('[R4] an agent that must not act twice does not begin after a stop', async () => {
  const keptIn = new MemoryStore();
  const noted = Promise.withResolvers<void>();
  const reply = Promise.withResolvers<void>();
  const markStarted = keptIn.markStarted.bind(keptIn);
  // Noted on disk, but the reply is still on its way when the stop comes.
  keptIn.markStarted = async (...args) => {
    const result = await markStarted(...args);
    noted.resolve();
    await reply.promise;
    return result;
  };
  let acted = 0;
  const agent = defineAgent({
    name: 'mailer',
    tools: ['mail'],
    run: () => {
      acted += 1;
      return 'sent';
    },
  });
  const { ws } = await startComposed({ agents: [agent], keptIn });
  const client = await TestSocket.open(ws);
  await client.create();
  client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
  await noted.promise;
  client.send({ type: 'run_cancel', message_id: 'stop' });
  await client.find(({ type, reply_to }) => type === 'message_ack' && reply_to === 'stop');
  reply.resolve();
  await client.settled();
  expect(acted).toBe(0);
  expect(client.received.filter(({ type }) => type === 'agent_response')).toHaveLength(1);
});

test('[R4] what runs is stopped at once, while a message sent before is on its way to a slow disk', async () => {
  const gate = gated(new MemoryStore());
  const { agent, next } = puppet();
  const { ws } = await startComposed({ agents: [agent], keptIn: gate.store });
  const client = await TestSocket.open(ws);
  await client.create();
  client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'one' } });
  const run = await next();
  await run.say('text');
  gate.hold('appendMessage');
  client.send({ type: 'chat_message', message_id: 'm-2', data: { content: 'two' } });
  await gate.held(1);
  client.send({ type: 'run_cancel', message_id: 'stop' });
  await run.aborted;
  gate.release();
  const ack = await client.find(
    ({ type, reply_to }) => type === 'message_ack' && reply_to === 'stop',
  );
  expect(ack.data).toMatchObject({ cancelled: [expect.any(String), expect.any(String)] });
  const ends = client.received.filter(({ type }) => type === 'agent_response');
  expect(ends.map(({ reply_to }) => reply_to)).toEqual(['m-1', 'm-2']);
});

test('[R4] a message that is on its way when another connection stops the session is not answered', async () => {
  const gate = gated(new MemoryStore());
  const { agent, begun } = counting();
  const { ws } = await startComposed({ agents: [agent], keptIn: gate.store });
  const client = await TestSocket.open(ws);
  const sessionId = await client.create();
  const other = await TestSocket.open(ws);
  other.send({ type: 'session_join', session_id: sessionId });
  await other.next('session_status');
  gate.hold('appendMessage');
  client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'one' } });
  await gate.held(1);
  other.send({ type: 'run_cancel', message_id: 'stop' });
  await other.settled();
  gate.release();
  const ack = await other.find(({ reply_to }) => reply_to === 'stop');
  expect(ack).toMatchObject({ type: 'message_ack', data: { cancelled: [expect.any(String)] } });
  expect((await client.next('agent_response')).data).toMatchObject({
    status: 'cancelled',
    content: '',
  });
  expect(begun()).toBe(0);
});

test('[R4] [R9] while the store takes no end, a stopped run says nothing and the connection answers', async () => {
  const gate = gated(new MemoryStore());
  const { agent, next } = puppet();
  const { ws } = await startComposed({ agents: [agent], keptIn: gate.store });
  const client = await TestSocket.open(ws);
  await client.create();
  client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
  const run = await next();
  await run.say('text');
  gate.breakDown(diskFull(), 'finishRun');
  client.send({ type: 'run_cancel', message_id: 'stop' });
  client.send({ type: 'ping', message_id: 'p-1' });
  await client.find(({ type, reply_to }) => type === 'pong' && reply_to === 'p-1');
  expect(client.received.filter(({ reply_to }) => reply_to === 'stop')).toEqual([]);
  gate.repair();
  const ack = await client.find(({ reply_to }) => reply_to === 'stop');
  expect(ack).toMatchObject({ type: 'message_ack', data: { cancelled: [expect.any(String)] } });
});

test('[R4] a stop does not wait until everything that a join announced is read', async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent], byteRate: 0 });
  const first = await TestSocket.open(ws);
  const sessionId = await first.create();
  // More than the sockets between hold, so that the reply to the join waits for its reader.
  for (let i = 0; i < 100; i += 1) {
    first.send({ type: 'chat_message', data: { content: `${i} ${'x'.repeat(60_000)}` } });
    const answering = await next();
    void answering.finish();
    await first.next('agent_response');
  }
  first.send({ type: 'chat_message', message_id: 'last', data: { content: 'go' } });
  const run = await next();
  const slow = await TestSocket.open(ws);
  slow.socket.pause();
  slow.send({ type: 'session_join', session_id: sessionId, data: { after_seq: 0 } });
  slow.send({ type: 'typing', session_id: sessionId });
  slow.send({ type: 'run_cancel', session_id: sessionId, message_id: 'stop' });
  await run.aborted;
  expect((await first.next('agent_response')).data.status).toBe('cancelled');
  slow.socket.resume();
  const ack = await slow.find(({ reply_to }) => reply_to === 'stop');
  expect(ack).toMatchObject({ type: 'message_ack', data: { cancelled: [run.input.runId] } });
  expect(slow.received.filter(({ seq }) => seq === 202)).toMatchObject([
    { type: 'agent_response', data: { status: 'cancelled' } },
  ]);
});

test('[R5] a deletion that fails leaves the answer running, and it ends', async () => {
  const gate = gated(new MemoryStore());
  const { agent, next } = puppet();
  const { ws, sessions } = await startComposed({
    agents: [agent],
    keptIn: gate.store,
  });
  const client = await TestSocket.open(ws);
  const sessionId = await client.create();
  client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
  const run = await next();
  gate.breakDown(diskFull(), 'deleteSession');
  await expect(sessions.delete(LOCAL, sessionId)).rejects.toThrow('full');
  await run.say('whole');
  void run.finish();
  expect((await client.next('agent_response')).data).toMatchObject({
    status: 'complete',
    content: 'whole',
  });
});

test.each([
  ['leaves', { type: 'session_leave' }],
  ['makes a session', { type: 'session_create' }],
  ['asks again', { type: 'chat_message', data: { content: 'again', replaces: 'm-1' } }],
])(
  '[R9] while the store takes no end, a client that stops and %s is answered',
  async (_, message) => {
    const gate = gated(new MemoryStore());
    const { agent, next } = puppet();
    const { ws } = await startComposed({ agents: [agent], keptIn: gate.store });
    const client = await TestSocket.open(ws);
    await client.create();
    client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
    await next();
    gate.breakDown(diskFull(), 'finishRun');
    client.send({ type: 'run_cancel', message_id: 'stop' });
    client.send({ ...message, message_id: 'then' });
    await client.find(({ reply_to }) => reply_to === 'then');
    await client.settled();
    gate.repair();
  },
);

test('[R4] a stop does not wait for a message before it that replaces another, on a slow disk', async () => {
  const gate = gated(new MemoryStore());
  const { agent, next } = puppet();
  const { ws } = await startComposed({ agents: [agent], keptIn: gate.store });
  const client = await TestSocket.open(ws);
  const session_id = await client.create();
  client.send({ type: 'chat_message', message_id: 'm-0', data: { content: 'first' } });
  void (await next()).finish();
  await client.next('agent_response');
  client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
  const run = await next();
  gate.hold('appendMessage');
  client.send({
    type: 'chat_message',
    message_id: 'm-2',
    data: { content: 'x', replaces: 'm-0' },
  });
  await gate.held(1);
  client.send({ type: 'run_cancel', session_id, message_id: 'stop' });
  await run.aborted;
  gate.release();
  const ack = await client.find(({ reply_to }) => reply_to === 'stop');
  expect(ack).toMatchObject({ type: 'message_ack', data: { cancelled: expect.any(Array) } });
  expect(client.received.filter(({ type }) => type === 'agent_response')).toHaveLength(3);
});

/** A message whose answer is being written, and the store that is to keep its end. */
async function beingAnswered() {
  const gate = gated(new MemoryStore());
  const { agent, next } = puppet();
  const { ws, runs } = await startComposed({ agents: [agent], keptIn: gate.store });
  const client = await TestSocket.open(ws);
  await client.create();
  client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
  const run = await next();
  return { gate, client, run, runs };
}

test('[R4] a stop whose end is not on disk when the server stops is not acknowledged', async () => {
  const { gate, client, run, runs } = await beingAnswered();
  gate.breakDown(diskFull(), 'finishRun');
  client.send({ type: 'run_cancel', message_id: 'stop' });
  await run.aborted;
  await runs.drain(AbortSignal.abort());
  expect(await client.find(({ reply_to }) => reply_to === 'stop')).toMatchObject({
    type: 'error',
    data: { code: 'INTERRUPTED' },
  });
});

test('[R4] a stop whose end is being put on disk when the server stops is waited for', async () => {
  const { gate, client, run, runs } = await beingAnswered();
  gate.hold('finishRun');
  client.send({ type: 'run_cancel', message_id: 'stop' });
  await run.aborted;
  await gate.held(1);
  const drained = runs.drain(AbortSignal.abort());
  await new Promise(setImmediate);
  gate.release();
  expect(await client.find(({ reply_to }) => reply_to === 'stop')).toMatchObject({
    type: 'message_ack',
    data: { cancelled: [expect.any(String)] },
  });
  await drained;
});

test('[R2] [R3] a message whose commit was not confirmed is answered when it comes again', async () => {
  const keptIn = doubtfulStore();
  const { ws } = await startComposed({ agents: [echoAgent], keptIn });
  const client = await TestSocket.open(ws);
  await client.create();
  const message = { type: 'chat_message', message_id: 'm-1', data: { content: 'hello' } };
  client.send(message);
  expect((await client.next('error')).data.code).toBe('STORE_UNAVAILABLE');
  client.send(message);
  expect((await client.next('message_ack')).seq).toBe(1);
  expect((await client.next('agent_response')).data.content).toBe('hello');
});

test.for(['all of the session', 'its run'])(
  '[R3] [R4] a message that comes again does not begin where a stop of %s came while it was looked for',
  async (meant) => {
    const gate = gated(doubtfulStore());
    const { agent, begun } = counting();
    const { ws } = await startComposed({ agents: [agent], keptIn: gate.store });
    const client = await TestSocket.open(ws);
    await client.create();
    const message = { type: 'chat_message', message_id: 'm-1', data: { content: 'hello' } };
    client.send(message);
    await client.next('error');
    gate.hold('unfinishedRuns');
    client.send(message);
    const { run_id } = await client.next('message_ack');
    await gate.held(1);
    const data = meant === 'its run' ? { run_id } : {};
    client.send({ type: 'run_cancel', message_id: 'stop', data });
    client.send({ type: 'ping', message_id: 'behind' });
    await client.next('pong');
    gate.release();
    const isOf = ({ type, reply_to }: ServerMessage) =>
      type === 'message_ack' && reply_to === 'stop';
    expect((await client.find(isOf)).data).toEqual({ status: 'accepted', cancelled: [run_id] });
    const ends = client.received.filter(({ type }) => type === 'agent_response');
    expect(ends.map(({ data }) => data)).toMatchObject([{ status: 'cancelled' }]);
    expect(begun()).toBe(0);
  },
);

test('[R6] a connection that lost its place in a session by a join that failed has to come back', async () => {
  const gate = gated(new MemoryStore());
  const { ws } = await startComposed({ agents: [echoAgent], keptIn: gate.store });
  const client = await TestSocket.open(ws);
  const session_id = await client.create();
  gate.breakDown(diskFull(), 'readSession');
  client.send({ type: 'session_join', session_id, data: { after_seq: 0 } });
  expect((await client.closed).code).toBe(1011);
});

test('[R8] agents that ignore a stop take the places of others, once there are as many as may run', async () => {
  const stubborn = puppet({ name: 'stubborn' });
  const { ws } = await startGateway({ agents: [stubborn.agent, echoAgent], maxRuns: 1 });
  const client = await TestSocket.open(ws);
  await client.create();
  const lingering: PuppetRun[] = [];
  for (const id of ['m-1', 'm-2']) {
    client.send({ type: 'chat_message', message_id: id, data: { content: 'go' } });
    lingering.push(await stubborn.next());
    client.send({ type: 'run_cancel', message_id: `stop ${id}`.replace(' ', '-') });
    expect((await client.next('agent_response')).data.status).toBe('cancelled');
  }
  client.send({
    type: 'chat_message',
    message_id: 'm-3',
    data: { content: 'hello', agent_name: 'echo' },
  });
  await client.find(({ type, reply_to }) => type === 'message_ack' && reply_to === 'm-3');
  await client.settled();
  expect(client.received.filter(({ reply_to }) => reply_to === 'm-3')).toMatchObject([
    { type: 'message_ack' },
    { type: 'run_status', data: { status: 'queued' } },
  ]);
  for (const run of lingering) void run.finish();
  expect((await client.next('agent_response')).data.content).toBe('hello');
});

test('[R8] [R9] an agent that calls tools without end is ended', async () => {
  const agent = defineAgent({
    name: 'looping',
    async *run() {
      for (let i = 0; ; i += 1) {
        yield { type: 'tool_call', id: `t-${i}`, name: 'again', arguments: {} } as const;
      }
    },
  });
  const { ws } = await startGateway({ agents: [agent] });
  const client = await TestSocket.open(ws);
  await client.create();
  const end = await client.ask('go');
  expect(end.data).toMatchObject({ status: 'error', code: 'AGENT_ERROR' });
  expect(end.data.error).toContain('more than 2000 tool calls');
  expect(end.seq).toBe(2_002);
});

test('[R8] a refused upgrade leaves no socket, though the other side stays open', async () => {
  const { ws } = await startGateway();
  const { port, host } = new URL(ws);
  for (const [path, status] of [
    ['/ws', '403'],
    ['/elsewhere', '404'],
  ]) {
    const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
    socket.write(
      [
        `GET ${path} HTTP/1.1`,
        `Host: ${host}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Origin: http://elsewhere.example',
        '',
        '',
      ].join('\r\n'),
    );
    let answer = '';
    socket.on('data', (bytes) => {
      answer += bytes;
    });
    await new Promise((resolve) => socket.once('end', resolve));
    expect(answer).toContain(` ${status} `);
    // Writing to a socket that the server has let go of is answered with a reset.
    const gone = new Promise((resolve) => {
      socket.once('error', resolve);
      socket.once('close', resolve);
    });
    const writing = setInterval(() => socket.write('x'), 5);
    await gone;
    clearInterval(writing);
    socket.destroy();
  }
});

test('[R8] [R9] a tool result beyond the limit ends its run with words', async () => {
  const agent = defineAgent({
    name: 'large',
    async *run() {
      yield { type: 'tool_result', id: 't', name: 'n', result: 'x'.repeat(300_000) } as const;
    },
  });
  const { ws } = await startGateway({ agents: [agent] });
  const client = await TestSocket.open(ws);
  await client.create();
  expect((await client.ask('go')).data).toMatchObject({
    status: 'error',
    code: 'AGENT_ERROR',
    error: expect.stringContaining('262144 characters'),
  });
  expect(client.received.filter(({ type }) => type === 'tool_result')).toHaveLength(0);
});
