import { expect, test } from 'vitest';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import { startComposed } from '../helpers/composed.ts';
import { diskFull, gated } from '../helpers/gated-store.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';

/** A session with its author and one who looks on, above a disk that a test may hold. */
async function scene() {
  const gate = gated(new MemoryStore());
  const { agent, next } = puppet();
  const { ws } = await startComposed({ agents: [agent], keptIn: gate.store });
  const author = await TestSocket.open(ws);
  const sessionId = await author.create();
  const witness = await TestSocket.open(ws);
  witness.send({ type: 'session_join', session_id: sessionId });
  await witness.next('presence');
  /** What has come to both since, after everything that the server had to say by now. */
  const heard = async () => {
    await Promise.all([author.settled(), witness.settled()]);
    return [author, witness].map((socket) =>
      socket.received.map(({ type }) => type).filter((type) => type !== 'pong'),
    );
  };
  return { gate, next, author, witness, heard };
}

test('[R2] a message is neither acknowledged nor shown nor answered before it is on disk', async () => {
  const { gate, next, author, witness, heard } = await scene();
  const before = await heard();
  gate.hold('appendMessage');
  author.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'hello' } });
  await gate.held(1);
  expect(await heard()).toEqual(before);
  gate.release();
  expect(await author.next('message_ack')).toMatchObject({ reply_to: 'm-1', seq: 1 });
  expect(await witness.next('chat_message')).toMatchObject({ message_id: 'm-1', seq: 1 });
  await (await next()).finish();
});

test('[R2] an end, a tool call and its result leave the process when they are on disk', async () => {
  const { gate, next, author, witness, heard } = await scene();
  author.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'hello' } });
  const run = await next();
  await run.say('text ');
  await witness.next('agent_chunk');
  gate.hold('appendRunEvent', 'finishRun');
  for (const step of [
    { type: 'tool_call', id: 't', name: 'search', arguments: {} },
    { type: 'tool_result', id: 't', name: 'search', result: 1 },
  ] as const) {
    const before = await heard();
    const taken = run.say(step);
    await gate.held(1);
    expect(await heard()).toEqual(before);
    gate.release();
    // Only now does the agent go on.
    await taken;
    await witness.next(step.type);
    gate.hold('appendRunEvent', 'finishRun');
  }
  const before = await heard();
  void run.finish();
  await gate.held(1);
  expect(await heard()).toEqual(before);
  gate.release();
  expect((await witness.next('agent_response')).data.status).toBe('complete');
});

test('[R2] a stop, a question for approval, a name and a deletion are told when they are on disk', async () => {
  const { gate, next, author, witness } = await scene();
  author.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'hello' } });
  const run = await next();
  await witness.next('run_status');
  const steps = [
    {
      method: 'appendRunEvent',
      act: () => void run.context.approve({ tool: 'rm', arguments: {} }).catch(() => {}),
      told: () => witness.next('approval_request'),
    },
    {
      method: 'updateSession',
      act: () => author.send({ type: 'session_update', data: { title: 'New name' } }),
      told: () => witness.find((m) => m.type === 'session_status' && m.data.title === 'New name'),
    },
    {
      method: 'finishRun',
      act: () => author.send({ type: 'run_cancel', message_id: 'stop' }),
      told: () => witness.next('agent_response'),
    },
  ] as const;
  for (const { method, act, told } of steps) {
    const before = await heardByWitness(witness);
    gate.hold(method);
    act();
    await gate.held(1);
    expect(await heardByWitness(witness)).toEqual(before);
    gate.release();
    await told();
  }
});

/** The author waits for its own request, so that only the one who looks on can be asked. */
async function heardByWitness(witness: TestSocket): Promise<string[]> {
  await witness.settled();
  return witness.received.map(({ type }) => type).filter((type) => type !== 'pong');
}

test('[R2] text streams while the disk is busy: chunks are not rows', async () => {
  const { gate, next, author, witness } = await scene();
  author.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'hello' } });
  const run = await next();
  gate.hold('appendMessage', 'appendRunEvent', 'finishRun');
  author.send({ type: 'chat_message', message_id: 'm-2', data: { content: 'waits' } });
  await gate.held(1);
  await run.say('still ');
  await run.say('streaming');
  // In one chunk or in two, as they come.
  let told = '';
  while (told.length < 'still streaming'.length) {
    told += (await witness.next('agent_chunk')).data.content;
  }
  expect(told).toBe('still streaming');
  gate.release();
  await run.finish();
  await (await next()).finish();
});

test('[R2] [R12] a disk that fails: nothing has changed, the client is told to send it again, and may', async () => {
  const { gate, next, author, witness } = await scene();
  gate.breakDown(diskFull(), 'appendMessage');
  author.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'hello' } });
  expect(await author.next('error')).toMatchObject({
    reply_to: 'm-1',
    data: { code: 'STORE_UNAVAILABLE', retryable: true, retry_after_ms: expect.any(Number) },
  });
  gate.repair();
  author.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'hello' } });
  expect(await author.next('message_ack')).toMatchObject({ reply_to: 'm-1', seq: 1 });
  expect((await witness.next('chat_message')).seq).toBe(1);
  await (await next()).finish();
});

test('[R2] [R5] an end that the disk does not take is offered again until it does, and told once', async () => {
  const { gate, next, author, witness } = await scene();
  author.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'hello' } });
  const run = await next();
  await run.say('text');
  gate.breakDown(diskFull(), 'finishRun');
  await run.finish();
  await witness.settled();
  expect(witness.received.filter(({ type }) => type === 'agent_response')).toHaveLength(0);
  gate.repair();
  expect(await witness.next('agent_response')).toMatchObject({
    seq: 2,
    data: { status: 'complete', content: 'text' },
  });
});

test('[R2] [R9] a tool call that the disk does not take ends its run, and the session goes on', async () => {
  const { gate, next, author } = await scene();
  author.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'hello' } });
  const run = await next();
  gate.breakDown(diskFull(), 'appendRunEvent');
  void run.say({ type: 'tool_call', id: 't', name: 'search', arguments: {} });
  expect((await author.next('agent_response')).data).toMatchObject({
    status: 'error',
    code: 'STORE_UNAVAILABLE',
  });
  gate.repair();
  author.send({ type: 'chat_message', message_id: 'm-2', data: { content: 'again' } });
  await (await next()).finish();
  expect((await author.next('agent_response')).data.status).toBe('complete');
});
