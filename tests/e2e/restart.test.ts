import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { RunManager } from '../../packages/gateway/src/runs/run-manager.ts';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import { startComposed } from '../helpers/composed.ts';
import { diskFull, gated } from '../helpers/gated-store.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { type Puppet, puppet } from '../helpers/puppet.ts';
import { RawSocket } from '../helpers/raw.ts';
import { TestSocket } from '../helpers/socket.ts';
import { View } from '../helpers/view.ts';

/** Gateways one after the other on one disk. */
async function house(...puppets: Puppet[]) {
  const dataDir = await temporaryDirectory();
  const agents = [...puppets.map(({ agent }) => agent), echoAgent];
  return (options = {}) => startGateway({ agents, store: 'sqlite:', dataDir, ...options });
}

const say = (message_id: string, more = {}) => ({
  type: 'chat_message',
  message_id,
  data: { content: message_id, ...more },
});

test('[R4] [R5] what was replaced just before the process died is not asked again', async () => {
  const disk = new MemoryStore();
  const agent = puppet();
  const gate = gated(disk);
  const first = await startComposed({ agents: [agent.agent], keptIn: gate.store });
  const client = await TestSocket.open(first.ws);
  const sessionId = await client.create();
  client.send(say('m-0'));
  await (await agent.next()).finish();
  client.send(say('m-1'));
  await agent.next();
  client.send(say('m-2'));
  // The end of the replaced answer is still on its way when the process dies.
  gate.hold('finishRun');
  client.send(say('m-3', { replaces: 'm-1' }));
  await client.find(({ type, reply_to }) => type === 'message_ack' && reply_to === 'm-3');
  await gate.held(1);
  await disk.keepAlive(first.runs.node, 0);

  const second = await startComposed({ agents: [agent.agent], keptIn: disk });
  const next = await agent.next();
  expect(next.input).toMatchObject({ message: 'm-3', attempt: 2 });
  const back = new View(second.ws, sessionId);
  await back.join();
  await next.finish();
  await back.ended(4);
  const ends = back.log().flatMap((event) => (event.type === 'agent_response' ? [event] : []));
  expect(ends.map(({ reply_to, data }) => [reply_to, data.status])).toEqual([
    ['m-0', 'complete'],
    ['m-1', 'cancelled'],
    ['m-2', 'cancelled'],
    ['m-3', 'complete'],
  ]);
  expect(agent.calls).toBe(3);
});

test('[R9] a start that fails gives back what it holds', async () => {
  const dataDir = await temporaryDirectory();
  const recover = vi.spyOn(RunManager.prototype, 'start').mockRejectedValueOnce(diskFull());
  onTestFinished(() => recover.mockRestore());
  await expect(startGateway({ store: 'sqlite:', dataDir })).rejects.toThrow('full');
  const { ws } = await startGateway({ store: 'sqlite:', dataDir });
  await (await TestSocket.open(ws)).create();
});

describe('[R5] a run that the last process left unfinished', () => {
  test('is run again as its next attempt, and what the first one streamed is superseded', async () => {
    const agent = puppet();
    const open = await house(agent);
    const first = await open();
    const sessionId = await (await TestSocket.open(first.ws)).create();
    const before = new View(first.ws, sessionId);
    await before.join();
    before.say('m-1', 'm-1');
    const one = await agent.next();
    await one.say('half an ans');
    await before.until(({ answer }) => answer?.text === 'half an ans');
    before.say('m-2', 'm-2');
    await before.until(({ lastSeq }) => lastSeq === 2);
    await first.gateway.close();
    await one.aborted;

    const second = await open();
    const two = await agent.next();
    expect(two.input).toMatchObject({ attempt: 2, message: 'm-1', runId: one.input.runId });
    await two.say('another answer');
    // The one who was there comes back and says what it has of the first attempt.
    const back = new View(second.ws, sessionId);
    for (const event of before.log()) back.events.set(event.seq, event);
    back.answer = before.answer;
    await back.join();
    expect(back.answer).toMatchObject({ attempt: 2, text: 'another answer' });
    await two.finish();
    const three = await agent.next();
    expect(three.input).toMatchObject({ attempt: 2, message: 'm-2' });
    await three.finish();
    await back.ended(2);
    const late = new View(second.ws, sessionId);
    await late.join();
    expect(late.log()).toEqual(back.log());
    expect(late.log().map(({ type, attempt }) => [type, attempt])).toEqual([
      ['chat_message', undefined],
      ['chat_message', undefined],
      ['agent_response', 2],
      ['agent_response', 2],
    ]);
  });

  test('of an agent that must not act twice keeps what it has written, where the process stops in order', async () => {
    const agent = puppet({ tools: ['rm'] });
    const open = await house(agent);
    const first = await open();
    const client = await TestSocket.open(first.ws);
    const session_id = await client.create();
    client.send(say('m-1'));
    await (await agent.next()).say('half an answer');
    await first.gateway.close();
    const second = await open();
    const back = await TestSocket.open(second.ws);
    back.send({ type: 'session_join', session_id });
    const { history = [] } = (await back.next('session_status')).data;
    expect(history.map(({ content, status }) => [content, status])).toEqual([
      ['m-1', undefined],
      ['half an answer', 'interrupted'],
    ]);
    expect(agent.calls).toBe(1);
  });

  test('of an agent that must not act twice ends as interrupted, and one that had not begun begins', async () => {
    const agent = puppet({ tools: ['rm'] });
    const open = await house(agent);
    const first = await open();
    const client = await TestSocket.open(first.ws);
    const sessionId = await client.create();
    client.send(say('m-1'));
    client.send(say('m-2'));
    await client.collect('message_ack', 2);
    const one = await agent.next();
    await one.say({ type: 'tool_call', id: 't', name: 'rm', arguments: {} });
    await client.next('tool_call');
    await first.gateway.close();

    const second = await open();
    const two = await agent.next();
    expect(two.input).toMatchObject({ message: 'm-2', attempt: 2 });
    const view = new View(second.ws, sessionId);
    await view.join();
    await two.say('done');
    await two.finish();
    await view.ended(2);
    expect(
      view
        .log()
        .map(({ type, reply_to, data }) => [type, reply_to, 'status' in data && data.status]),
    ).toEqual([
      ['chat_message', undefined, false],
      ['chat_message', undefined, false],
      ['tool_call', 'm-1', false],
      ['agent_response', 'm-1', 'interrupted'],
      ['agent_response', 'm-2', 'complete'],
    ]);
    // The way to ask again is there.
    view.say('m-3', 'm-3', { replaces: 'm-1', agent_name: 'echo' });
    await view.ended(3);
  });

  test('of an agent that is no longer there ends as interrupted and says which', async () => {
    const agent = puppet();
    const open = await house(agent);
    const first = await open();
    const client = await TestSocket.open(first.ws);
    const sessionId = await client.create();
    client.send(say('m-1'));
    await agent.next();
    await first.gateway.close();
    const second = await open({ agents: [echoAgent] });
    const view = new View(second.ws, sessionId);
    await view.join();
    await view.ended(1);
    expect(view.log()[1]?.data).toMatchObject({
      status: 'interrupted',
      code: 'AGENT_NOT_FOUND',
      error: expect.stringContaining('puppet'),
    });
  });
});

test('[R2] everything that was acknowledged is there after a restart, in the same words', async () => {
  const open = await house();
  const first = await open();
  const client = await TestSocket.open(first.ws);
  const sessionId = await client.create({ title: 'Kept', agent_name: 'echo' });
  for (let i = 0; i < 20; i += 1) await client.ask(`text ${i} 🎉\u2028\u0000`);
  const before = new View(first.ws, sessionId);
  await before.join();
  await first.gateway.close();
  const second = await open();
  const after = new View(second.ws, sessionId);
  await after.join();
  expect(after.log()).toEqual(before.log());
});

describe('[R8] drain', () => {
  test('everyone is told when to come back, running answers finish, and then it is 1012', async () => {
    const agent = puppet();
    const { ws, gateway } = await startGateway({ agents: [agent.agent, echoAgent] });
    const client = await TestSocket.open(ws);
    const plain = await TestSocket.open(ws, { plain: true });
    await client.create();
    client.send(say('m-1'));
    const run = await agent.next();
    const drained = gateway.drain();
    const delays: number[] = [];
    for (const socket of [client, plain]) {
      const { data } = await socket.next('system_message');
      expect(data).toMatchObject({ level: 'warning', action: 'reconnect' });
      delays.push(data.retry_after_ms ?? -1);
    }
    for (const delay of delays) expect(delay).toBeGreaterThanOrEqual(0);
    // Nobody new is taken, and is told so in words.
    const refused = await RawSocket.open(Number(new URL(ws).port)).catch(() => undefined);
    if (refused) expect(refused.status).toBe('HTTP/1.1 503 CONNECTION_LIMIT');
    await run.say('the whole ');
    await run.say('answer');
    await run.finish();
    expect((await client.next('agent_response')).data).toMatchObject({
      status: 'complete',
      content: 'the whole answer',
    });
    await drained;
    expect((await client.closed).code).toBe(1012);
    expect((await plain.closed).code).toBe(1012);
    expect((await client.closed).reason).toMatch(/restarts/);
  });

  test('they come back spread over time', async () => {
    const { ws, gateway } = await startGateway({ agents: [echoAgent] });
    const sockets = await Promise.all(Array.from({ length: 40 }, () => TestSocket.open(ws)));
    await gateway.drain();
    const delays = sockets.map(({ received }) => {
      const [message] = received;
      return message?.type === 'system_message' ? (message.data.retry_after_ms ?? -1) : -1;
    });
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
    expect(new Set(delays).size).toBeGreaterThan(20);
    expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(500);
  });

  test('what does not finish in time is kept, and taken up at the next start', async () => {
    const agent = puppet();
    const open = await house(agent);
    const first = await open({ drainTimeout: 50 });
    // Its time is over when the test says so: what comes while it drains would be late on a busy machine.
    const time = new AbortController();
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(time.signal);
    onTestFinished(() => timeout.mockRestore());
    const client = await TestSocket.open(first.ws);
    const sessionId = await client.create();
    client.send(say('m-1'));
    client.send(say('m-2'));
    await client.collect('message_ack', 2);
    const one = await agent.next();
    await one.say('never finished');
    const drained = first.gateway.drain();
    await client.next('system_message');
    // A message that comes while it drains is kept too, and answered later.
    client.send(say('m-3'));
    await client.find(({ type, reply_to }) => type === 'message_ack' && reply_to === 'm-3');
    expect(timeout.mock.calls).toEqual([[50]]);
    time.abort();
    await drained;
    expect((await client.closed).code).toBe(1012);
    expect(client.received.some(({ type }) => type === 'agent_response')).toBe(false);

    const second = await open();
    const view = new View(second.ws, sessionId);
    await view.join();
    for (const message of ['m-1', 'm-2', 'm-3']) {
      const run = await agent.next();
      expect(run.input).toMatchObject({ message, attempt: 2 });
      await run.finish();
    }
    await view.ended(3);
  });

  test('a socket that does not answer the close does not hold it up', async () => {
    const { ws, gateway } = await startGateway({ agents: [echoAgent] });
    const raw = await RawSocket.open(Number(new URL(ws).port));
    raw.socket.pause();
    const started = performance.now();
    await gateway.close();
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('closing twice, and after a drain, is closing once', async () => {
    const { gateway } = await startGateway({ agents: [echoAgent] });
    await Promise.all([gateway.close(), gateway.close(), gateway.drain()]);
    await gateway.close();
  });
});
