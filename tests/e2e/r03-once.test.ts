import { describe, expect, test } from 'vitest';
import { defineAgent, simulatorAgent } from '../../packages/gateway/src/index.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';

const MESSAGE = { type: 'chat_message', message_id: 'm-1', data: { content: 'tokens=20' } };

/** The frames of the acknowledgements of `m-1`, as text. */
function acknowledgements(socket: TestSocket): string[] {
  return socket.received
    .filter(({ type, reply_to }) => type === 'message_ack' && reply_to === 'm-1')
    .map((message) => JSON.stringify(message));
}

async function joined(ws: string, sessionId: string): Promise<TestSocket> {
  const socket = await TestSocket.open(ws);
  socket.send({ type: 'session_join', session_id: sessionId });
  await socket.next('session_status');
  return socket;
}

describe.each(['memory:', 'sqlite:'] as const)('store %s', (store) => {
  test('[R3] an id sent 50 times on 5 connections starts one run and gets 50 equal acknowledgements', async () => {
    let runs = 0;
    const counting = defineAgent({
      name: 'counting',
      run(input, context) {
        runs += 1;
        return simulatorAgent.run(input, context);
      },
    });
    const dataDir = await temporaryDirectory();
    const { ws } = await startGateway({ agents: [counting], store, dataDir });
    const sessionId = await (await TestSocket.open(ws)).create();
    const sockets = await Promise.all(Array.from({ length: 5 }, () => joined(ws, sessionId)));
    for (let i = 0; i < 10; i += 1) for (const socket of sockets) socket.send(MESSAGE);
    await Promise.all(sockets.map((socket) => socket.collect('message_ack', 10)));
    const frames = sockets.flatMap(acknowledgements);
    expect(frames).toHaveLength(50);
    expect(new Set(frames).size).toBe(1);
    const status = await joined(ws, sessionId);
    await expect
      .poll(async () => {
        status.send({ type: 'session_join', session_id: sessionId });
        return (await status.next('session_status')).data.last_seq;
      })
      .toBe(2);
    // And after its end it is acknowledged the same, and nothing starts.
    sockets[0]?.send(MESSAGE);
    await sockets[0]?.next('message_ack');
    expect(acknowledgements(sockets[0] as TestSocket).at(-1)).toBe(frames[0]);
    expect(runs).toBe(1);
  });

  test.each([
    ['another text', { content: 'other' }],
    ['another agent', { content: 'tokens=20', agent_name: 'other' }],
    ['another message to replace', { content: 'tokens=20', replaces: 'm-0' }],
  ])('[R3] the same id with %s is refused, and the log is as before', async (_, data) => {
    const other = defineAgent({ name: 'other', run: () => 'other' });
    const dataDir = await temporaryDirectory();
    const { ws } = await startGateway({ agents: [simulatorAgent, other], store, dataDir });
    const client = await TestSocket.open(ws);
    await client.create();
    await client.ask('tokens=1', { message_id: 'm-0' });
    await client.ask('tokens=20', { message_id: 'm-1' });
    client.send({ ...MESSAGE, data });
    expect(await client.next('error')).toMatchObject({
      reply_to: 'm-1',
      data: { code: 'MESSAGE_CONFLICT', retryable: false },
    });
    client.send(MESSAGE);
    expect((await client.next('message_ack')).seq).toBe(3);
    expect((await client.ask('tokens=1')).seq).toBe(6);
  });

  test('[R3] the id of an answer is no id for a message', async () => {
    const dataDir = await temporaryDirectory();
    const { ws } = await startGateway({ agents: [simulatorAgent], store, dataDir });
    const client = await TestSocket.open(ws);
    await client.create();
    const { message_id } = await client.ask('tokens=1');
    client.send({ ...MESSAGE, message_id });
    expect((await client.next('error')).data.code).toBe('MESSAGE_CONFLICT');
  });
});

test('[R3] the same id in another session is another message', async () => {
  const { ws } = await startGateway({ agents: [simulatorAgent] });
  const client = await TestSocket.open(ws);
  const first = await client.create();
  const second = await client.create();
  const one = await client.ask('tokens=1', { session_id: first, message_id: 'm-1' });
  const two = await client.ask('tokens=2', { session_id: second, message_id: 'm-1' });
  expect([one.data.content, two.data.content]).toEqual(['t1 ', 't1 t2 ']);
});

test('[R3] the same acknowledgement, to the byte, after a restart on the same disk', async () => {
  const dataDir = await temporaryDirectory();
  const options = { agents: [simulatorAgent], store: 'sqlite:', dataDir } as const;
  const first = await startGateway(options);
  const client = await TestSocket.open(first.ws);
  const sessionId = await client.create();
  client.send(MESSAGE);
  await client.next('agent_response');
  await first.gateway.close();

  const second = await startGateway(options);
  const again = await joined(second.ws, sessionId);
  again.send(MESSAGE);
  again.send({ ...MESSAGE, data: { content: 'other' } });
  await again.next('message_ack');
  expect((await again.next('error')).data.code).toBe('MESSAGE_CONFLICT');
  expect(acknowledgements(again)).toEqual(acknowledgements(client));
  again.send({ type: 'session_join', session_id: sessionId });
  expect((await again.next('session_status')).data.last_seq).toBe(2);
});

test('[R3] what was accepted is acknowledged again, though it would not be accepted today', async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent], maxQueuedRuns: 1 });
  const client = await TestSocket.open(ws);
  await client.create();
  const send = (n: number) =>
    client.send({ type: 'chat_message', message_id: `m-${n}`, data: { content: `${n}` } });
  send(1);
  await client.next('message_ack');
  send(2);
  const second = await client.next('message_ack');
  send(3);
  expect((await client.next('error')).data.code).toBe('QUEUE_FULL');
  send(2);
  expect(await client.next('message_ack')).toEqual(second);
  await (await next()).finish();
  await (await next()).finish();
});

test('[R3] what replaces a message is acknowledged again, though that message is no longer kept', async () => {
  const { ws } = await startGateway({
    agents: [simulatorAgent],
    maxEvents: 2,
    cleanupInterval: 20,
  });
  const client = await TestSocket.open(ws);
  await client.create();
  await client.ask('tokens=1', { message_id: 'm-1' });
  const replacing = { message_id: 'm-2', data: { replaces: 'm-1' } };
  await client.ask('tokens=2', replacing);
  const [, accepted] = client.received.filter(({ type }) => type === 'message_ack');
  await client.find((message) => message.type === 'session_status' && message.data.first_seq === 3);
  client.send({
    type: 'chat_message',
    ...replacing,
    data: { content: 'tokens=2', replaces: 'm-1' },
  });
  expect(await client.find(({ reply_to }) => reply_to === 'm-2')).toEqual(accepted);
});
