import type { ServerMessageOf } from '@parley/protocol';
import { expect, test } from 'vitest';
import { defineAgent } from '../../packages/gateway/src/index.ts';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import { startComposed } from '../helpers/composed.ts';
import { diskFull, gated } from '../helpers/gated-store.ts';
import { startGateway } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';
import { expectNoUncaught } from '../helpers/watch-process.ts';

expectNoUncaught();

async function asked() {
  const { agent, next } = puppet();
  const gate = gated(new MemoryStore());
  const { ws } = await startComposed({ agents: [agent], keptIn: gate.store });
  const one = await TestSocket.open(ws);
  const sessionId = await one.create();
  const other = await TestSocket.open(ws);
  other.send({ type: 'session_join', session_id: sessionId });
  await other.next('session_status');
  one.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
  const run = await next();
  const decision = run.context.approve({ tool: 'rm', arguments: { path: '/tmp/x' } });
  decision.catch(() => {});
  const request = await other.next('approval_request');
  await one.next('approval_request');
  const decide = (data: Record<string, unknown>, message_id = 'd') => ({
    type: 'approval_response',
    message_id,
    session_id: sessionId,
    data: { approval_id: request.data.approval_id, ...data },
  });
  return { gate, ws, one, other, sessionId, run, decision, request, decide };
}

const is = (id: string) => (message: { reply_to?: string | undefined }) => message.reply_to === id;

test('the question is a durable event that everyone sees; who is asked is told what and by whom', async () => {
  const { request, run } = await asked();
  expect(request).toMatchObject({
    seq: 2,
    reply_to: 'm-1',
    data: {
      agent_name: 'puppet',
      tool_name: 'rm',
      arguments: { path: '/tmp/x' },
      offset: 0,
      status: 'pending',
      approval_id: expect.stringMatching(/./),
    },
  });
  await run.finish();
});

test.each([
  ['approved', true, undefined],
  ['denied', false, 'too dangerous'],
] as const)(
  '%s from another connection: the agent hears it, and everyone sees who and why',
  async (status, approved, reason) => {
    const { one, other, run, decision, decide } = await asked();
    other.send(decide({ approved, ...(reason === undefined ? {} : { reason }) }));
    expect((await other.find(is('d'))).type).toBe('message_ack');
    expect(await decision).toEqual({ approved, ...(reason === undefined ? {} : { reason }) });
    const told = await one.next('approval_request');
    expect(told).toMatchObject({ seq: 3, data: { status, decided_by: 'local', tool_name: 'rm' } });
    expect(told.data.reason).toBe(reason);
    await run.say('done');
    await run.finish();
    expect((await one.next('agent_response')).data.status).toBe('complete');
  },
);

test('two decide at once: the first one counts, the second is told that it is too late', async () => {
  const { one, other, run, decision, decide } = await asked();
  one.send(decide({ approved: true }, 'd-1'));
  other.send(decide({ approved: false }, 'd-2'));
  const answers = [await one.find(is('d-1')), await other.find(is('d-2'))];
  expect(answers.map(({ type }) => type).sort()).toEqual(['error', 'message_ack']);
  const { data } = answers.find(({ type }) => type === 'error') as ServerMessageOf<'error'>;
  expect(data).toMatchObject({ code: 'APPROVAL_NOT_FOUND', retryable: false });
  const { approved } = await decision;
  expect(approved).toBe(answers[0]?.type === 'message_ack');
  await run.finish();
  await one.next('agent_response');
  const decided = one.received.filter(
    (message) => message.type === 'approval_request' && message.data.status !== 'pending',
  );
  expect(decided).toHaveLength(1);
});

test('while the first decision is on its way to the disk, another one is too late already', async () => {
  const { gate, one, other, run, decision, decide } = await asked();
  gate.hold('appendRunEvent');
  one.send(decide({ approved: true }, 'd-1'));
  await gate.held(1);
  other.send(decide({ approved: false }, 'd-2'));
  expect(await other.find(is('d-2'))).toMatchObject({ data: { code: 'APPROVAL_NOT_FOUND' } });
  gate.release();
  expect((await one.find(is('d-1'))).type).toBe('message_ack');
  expect(await decision).toEqual({ approved: true });
  await run.finish();
});

test('[R2] [R12] a decision that the disk does not take leaves the question open', async () => {
  const { gate, one, run, decision, decide } = await asked();
  gate.breakDown(diskFull(), 'appendRunEvent');
  one.send(decide({ approved: true }, 'd-1'));
  expect(await one.find(is('d-1'))).toMatchObject({ data: { code: 'STORE_UNAVAILABLE' } });
  gate.repair();
  one.send(decide({ approved: true }, 'd-2'));
  expect((await one.find(is('d-2'))).type).toBe('message_ack');
  expect(await decision).toEqual({ approved: true });
  await run.finish();
});

test('[R4] a stop while the question is open ends it; a decision after that is too late', async () => {
  const { one, other, run, decision, decide } = await asked();
  one.send({ type: 'run_cancel', message_id: 'stop' });
  await one.find(is('stop'));
  await expect(decision).rejects.toMatchObject({ name: 'AbortError' });
  other.send(decide({ approved: true }));
  expect(await other.find(is('d'))).toMatchObject({ data: { code: 'APPROVAL_NOT_FOUND' } });
  await run.aborted;
  const types = one.received.filter(({ type }) => type === 'approval_request');
  expect(types).toHaveLength(1);
});

test('the question is answered by the agent that ends: what comes then is too late', async () => {
  const { one, run, decide } = await asked();
  await run.finish();
  await one.next('agent_response');
  one.send(decide({ approved: true }));
  expect(await one.find(is('d'))).toMatchObject({ data: { code: 'APPROVAL_NOT_FOUND' } });
});

test('[R7] who joins while it is open sees the question and may decide', async () => {
  const { ws, sessionId, run, decision, decide } = await asked();
  const late = await TestSocket.open(ws);
  late.send({ type: 'session_join', session_id: sessionId });
  const { history } = (await late.next('session_status')).data;
  expect(history?.at(-1)).toMatchObject({ type: 'approval_request', status: 'pending' });
  late.send(decide({ approved: true }));
  expect(await decision).toEqual({ approved: true });
  await run.finish();
});

test('a decision on a question of another session is none', async () => {
  const { one, run, decision, decide } = await asked();
  const second = await one.create();
  one.send({ ...decide({ approved: true }), session_id: second });
  expect(await one.find(is('d'))).toMatchObject({ data: { code: 'APPROVAL_NOT_FOUND' } });
  one.send(decide({ approved: false }, 'd-2'));
  expect(await decision).toEqual({ approved: false });
  await run.finish();
});

test('two questions of one run are decided each for itself', async () => {
  const { one, run, decision, decide } = await asked();
  const second = run.context.approve({ tool: 'cp', arguments: null });
  const request = await one.next('approval_request');
  one.send(decide({ approval_id: request.data.approval_id, approved: false }));
  expect(await second).toEqual({ approved: false });
  one.send(decide({ approved: true }));
  expect(await decision).toEqual({ approved: true });
  await run.finish();
});

test('[R9] an agent that asked and did not come to wait for it may be stopped', async () => {
  const agent = defineAgent({
    name: 'asks',
    async *run(_, { approve, signal }) {
      const decision = approve({ tool: 'mail', arguments: {} });
      while (!signal.aborted) {
        yield '. ';
        await new Promise(setImmediate);
      }
      yield `${(await decision).approved}`;
    },
  });
  const { ws } = await startGateway({ agents: [agent], maxAnswerLength: 200_000_000 });
  const client = await TestSocket.open(ws);
  await client.create();
  client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
  await client.next('agent_chunk');
  client.send({ type: 'run_cancel', message_id: 'stop' });
  await client.find(({ reply_to }) => reply_to === 'stop');
  await client.settled();
});
