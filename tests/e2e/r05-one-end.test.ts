import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import { startComposed } from '../helpers/composed.ts';
import { gated } from '../helpers/gated-store.ts';
import { startGateway } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';

const ACTIONS = ['say', 'finish', 'fail', 'stop', 'stop all', 'call', 'tick', 'cut'] as const;

test('[R5] a run ends once, whichever of stop, finish, failure and time-out come in whatever order', async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent], messageRate: 0, runTimeout: 15 });
  const watcher = await TestSocket.open(ws);
  let tries = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...ACTIONS), { minLength: 1, maxLength: 8 }),
      async (actions) => {
        tries += 1;
        const sessionId = await watcher.create();
        const client = await TestSocket.open(ws);
        client.send({ type: 'session_join', session_id: sessionId });
        await client.next('session_status');
        const id = `m-${tries}`;
        client.send({ type: 'chat_message', message_id: id, data: { content: 'go' } });
        const { run_id } = await client.next('message_ack');
        const run = await next();
        for (const action of actions) {
          if (action === 'say') void run.say('x');
          if (action === 'finish') void run.finish();
          if (action === 'fail') void run.fail(new Error('boom'));
          if (action === 'call') {
            void run.say({ type: 'tool_call', id: 't', name: 'n', arguments: {} });
          }
          if (action === 'stop') client.send({ type: 'run_cancel', data: { run_id } });
          if (action === 'stop all') watcher.send({ type: 'run_cancel', session_id: sessionId });
          if (action === 'tick') await watcher.settled();
          if (action === 'cut') client.cut();
        }
        const end = await watcher.find(
          (message) => message.type === 'agent_response' && message.run_id === run_id,
        );
        await run.aborted;
        await watcher.settled();
        const late = await TestSocket.open(ws);
        late.send({ type: 'session_join', session_id: sessionId });
        const { history = [] } = (await late.next('session_status')).data;
        const ends = history.filter(({ type }) => type === 'agent_response');
        expect(ends).toEqual([expect.objectContaining({ seq: end.seq, run_id })]);
        expect(history.at(-1)?.type).toBe('agent_response');
        late.cut();
        client.cut();
        watcher.send({ type: 'session_leave', session_id: sessionId });
      },
    ),
    { numRuns: 300 },
  );
  const ends = watcher.received.filter(({ type }) => type === 'agent_response');
  expect(new Set(ends.map(({ run_id }) => run_id)).size).toBe(ends.length);
}, 60_000);

describe('[R5] an attempt that another process has taken over', () => {
  async function fenced() {
    const gate = gated(new MemoryStore());
    const { agent, next } = puppet();
    const composed = await startComposed({ agents: [agent], keptIn: gate.store });
    const client = await TestSocket.open(composed.ws);
    const sessionId = await client.create();
    client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
    const { run_id = '' } = await client.next('message_ack');
    const run = await next();
    await run.say('stale');
    await client.next('agent_chunk');
    // Somewhere else somebody believes that this run is theirs, and is right from now on.
    await gate.store.keepAlive(composed.runs.node, 0);
    expect(await gate.store.claimRuns(sessionId, 'another')).toMatchObject([{ attempt: 2 }]);
    return { ...composed, client, run, run_id, sessionId, gate };
  }

  test.each([
    ['finishes', (run: Awaited<ReturnType<typeof fenced>>['run']) => run.finish()],
    ['fails', (run: Awaited<ReturnType<typeof fenced>>['run']) => run.fail(new Error('boom'))],
    [
      'calls a tool',
      (run: Awaited<ReturnType<typeof fenced>>['run']) =>
        void run.say({ type: 'tool_call', id: 't', name: 'n', arguments: {} }),
    ],
  ])('writes nothing when it %s, and is told to stop', async (_, act) => {
    const { client, run, sessionId, gate, runs } = await fenced();
    void act(run);
    await run.aborted;
    await expect.poll(() => runs.size, { interval: 1 }).toBe(0);
    await client.settled();
    const types = client.received.map(({ type }) => type);
    expect(types).not.toContain('agent_response');
    expect(types).not.toContain('tool_call');
    expect((await gate.store.getSession(sessionId))?.lastSeq).toBe(1);
  });

  test('writes nothing when it is stopped here, and the stop does not claim it', async () => {
    const { client, gate, sessionId } = await fenced();
    client.send({ type: 'run_cancel', message_id: 'stop' });
    const ack = await client.find(({ reply_to }) => reply_to === 'stop');
    expect(ack.data).toEqual({ status: 'accepted', cancelled: [] });
    expect(client.received.map(({ type }) => type)).not.toContain('agent_response');
    expect((await gate.store.getSession(sessionId))?.lastSeq).toBe(1);
  });
});

test('[R5] what an agent says while its end is on the way to the disk is not said', async () => {
  const gate = gated(new MemoryStore());
  const { agent, next } = puppet();
  const { ws } = await startComposed({ agents: [agent], keptIn: gate.store });
  const client = await TestSocket.open(ws);
  await client.create();
  client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
  const run = await next();
  await run.say('before');
  gate.hold('finishRun');
  client.send({ type: 'run_cancel', message_id: 'stop' });
  await gate.held(1);
  void run.say('after');
  void run.fail(new Error('too late'));
  // The connection that stops waits for its stop; another one sees that nothing is said meanwhile.
  const other = await TestSocket.open(ws);
  await other.settled();
  expect(client.received.at(-1)?.type).toBe('agent_chunk');
  gate.release();
  expect((await client.next('agent_response')).data).toMatchObject({
    status: 'cancelled',
    content: 'before',
  });
  await client.find(({ reply_to }) => reply_to === 'stop');
});

test('[R5] while one end is on its way to the disk every other one comes too late', async () => {
  const gate = gated(new MemoryStore());
  const { agent, next } = puppet();
  const { ws } = await startComposed({ agents: [agent], keptIn: gate.store, runTimeout: 50 });
  const client = await TestSocket.open(ws);
  const sessionId = await client.create();
  const other = await TestSocket.open(ws);
  other.send({ type: 'session_join', session_id: sessionId });
  await other.next('session_status');
  client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
  const run = await next();
  await run.say('whole');
  gate.hold('finishRun');
  await run.finish();
  await gate.held(1);
  client.send({ type: 'run_cancel', message_id: 'stop' });
  other.send({ type: 'run_cancel', message_id: 'stop', session_id: sessionId });
  await run.aborted;
  // Beyond the time-out too, which is the only thing here that time brings.
  await new Promise((resolve) => setTimeout(resolve, 80));
  gate.release();
  for (const socket of [client, other]) {
    expect((await socket.next('agent_response')).data).toMatchObject({
      status: 'complete',
      content: 'whole',
    });
    const ack = await socket.find(({ reply_to }) => reply_to === 'stop');
    expect(ack.data).toEqual({ status: 'accepted', cancelled: [] });
    await socket.settled();
    expect(socket.received.filter(({ type }) => type === 'agent_response')).toHaveLength(1);
  }
});
