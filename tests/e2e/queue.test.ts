import { expect, test } from 'vitest';
import { defineAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';

const say = (message_id: string, session_id?: string) => ({
  type: 'chat_message',
  message_id,
  ...(session_id === undefined ? {} : { session_id }),
  data: { content: message_id },
});

test('one run of a session at a time; those that wait say their place, also to who comes later', async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent] });
  const client = await TestSocket.open(ws);
  const sessionId = await client.create();
  for (const id of ['m-1', 'm-2', 'm-3']) client.send(say(id));
  const first = await next();
  const places = async (socket: TestSocket) => {
    const found: (readonly [string | undefined, number | undefined])[] = [];
    while (found.length < 2) {
      const { reply_to, data } = await socket.next('run_status');
      if (data.status === 'queued') found.push([reply_to, data.position]);
    }
    return found;
  };
  const expected = [
    ['m-2', 1],
    ['m-3', 2],
  ];
  expect(await places(client)).toEqual(expected);
  const late = await TestSocket.open(ws);
  late.send({ type: 'session_join', session_id: sessionId });
  expect(await places(late)).toEqual(expected);

  // The second does not start before the first has ended, and then it does.
  await first.say('one');
  await client.settled();
  expect(client.received.filter(({ type }) => type === 'agent_response')).toHaveLength(0);
  await first.finish();
  expect((await client.next('agent_response')).reply_to).toBe('m-1');
  const second = await next();
  expect(second.input.message).toBe('m-2');
  await second.finish();
  expect((await client.next('agent_response')).reply_to).toBe('m-2');
  await (await next()).finish();
  expect((await client.next('agent_response')).reply_to).toBe('m-3');
});

test('[R8] no more than maxRuns run at once, and every session has its turn', async () => {
  let running = 0;
  let most = 0;
  const steps: (() => void)[] = [];
  const agent = defineAgent({
    name: 'counted',
    async *run() {
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => steps.push(resolve));
      running -= 1;
      yield 'done';
    },
  });
  const { ws } = await startGateway({ agents: [agent], maxRuns: 3 });
  const clients = await Promise.all(Array.from({ length: 8 }, () => TestSocket.open(ws)));
  const answers = clients.map((client) => client.ask('go'));
  let ended = 0;
  for (const answer of answers) void answer.then(() => (ended += 1));
  await expect.poll(() => steps.length, { interval: 1 }).toBe(3);
  while (ended < 8) {
    steps.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(most).toBe(3);
});

test('[R8] [R12] no more messages wait than may, however fast they come, and each refusal says the limit', async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent], maxQueuedRuns: 3 });
  const client = await TestSocket.open(ws);
  const sessionId = await client.create();
  const other = await TestSocket.open(ws);
  other.send({ type: 'session_join', session_id: sessionId });
  await other.next('session_status');
  // In one piece, so that all are under way before the first is on disk.
  for (let i = 0; i < 25; i += 1) {
    client.send(say(`a-${i}`));
    other.send(say(`b-${i}`));
  }
  const heard = (type: string) =>
    [...client.received, ...other.received].filter((message) => message.type === type);
  await expect
    .poll(() => heard('message_ack').length + heard('error').length, { interval: 5 })
    .toBe(50);
  const errors = heard('error');
  // One runs and three wait.
  expect(heard('message_ack').length).toBe(4);
  for (const error of errors) {
    expect(error).toMatchObject({
      reply_to: expect.stringMatching(/^[ab]-\d+$/),
      data: { code: 'QUEUE_FULL', retryable: true, limit: 3, retry_after_ms: expect.any(Number) },
    });
  }
  // When one has ended there is room for one.
  await (await next()).finish();
  await client.next('agent_response');
  client.send(say('again-1'));
  await client.find(({ type, reply_to }) => type === 'message_ack' && reply_to === 'again-1');
  client.send(say('again-2'));
  await client.find(({ type, reply_to }) => type === 'error' && reply_to === 'again-2');
  for (let i = 0; i < 4; i += 1) await (await next()).finish();
});

test('[R5] a run that takes too long ends as an error with what it wrote, and the next one starts', async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent], runTimeout: 50 });
  const client = await TestSocket.open(ws);
  client.send(say('m-1'));
  client.send(say('m-2'));
  const run = await next();
  await run.say('so far');
  // It has no more time than the first: it says all of it as it starts, and waits for nothing of the test.
  const second = next().then((started) => {
    void started.say('in time');
    return started.finish();
  });
  expect((await client.next('agent_response')).data).toMatchObject({
    status: 'error',
    code: 'TIMEOUT',
    content: 'so far',
    error: expect.stringContaining('0.05 s'),
  });
  await run.aborted;
  await second;
  expect((await client.next('agent_response')).data).toMatchObject({
    status: 'complete',
    content: 'in time',
  });
});

test('a run that waits because others run in other sessions can be stopped before it starts', async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent], maxRuns: 1 });
  const busy = await TestSocket.open(ws);
  busy.send(say('m-1'));
  const run = await next();
  const client = await TestSocket.open(ws);
  const sessionId = await client.create();
  client.send(say('m-2'));
  const { run_id } = await client.next('message_ack');
  client.send({ type: 'run_cancel', session_id: sessionId, data: {} });
  expect((await client.next('message_ack')).data.cancelled).toEqual([run_id]);
  await run.finish();
  await busy.next('agent_response');
  client.send(say('m-3'));
  const third = await next();
  expect(third.input.message).toBe('m-3');
  await third.finish();
});
