import { expect, onTestFinished, test, vi } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startComposed } from '../helpers/composed.ts';
import { startGateway } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';
import { View } from '../helpers/view.ts';

/** Cleaned up by hand, so that nothing goes before the test says so. */
async function kept(options: Parameters<typeof startComposed>[0]) {
  const composed = await startComposed({ agents: [echoAgent], ...options });
  return { ...composed, client: await TestSocket.open(composed.ws) };
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('a session without a message goes by itself after its time, and who is in it is told', async () => {
  // It is later when the test says so: before that the one is to be spoken in and the other joined.
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const { ws } = await startGateway({
    agents: [echoAgent],
    emptySessionTtl: 400,
    cleanupInterval: 50,
  });
  const client = await TestSocket.open(ws);
  const plain = await TestSocket.open(ws, { plain: true });
  const spoken = await client.create();
  await client.ask('hello');
  const empty = await client.create();
  plain.send({ type: 'session_join', session_id: empty });
  await plain.next('session_status');
  vi.setSystemTime(Date.now() + 401);
  const told = await client.find((m) => m.type === 'session_status' && m.data.status === 'expired');
  expect(told.session_id).toBe(empty);
  expect((await plain.next('session_status')).data.status).toBe('expired');
  client.send({ type: 'session_join', session_id: empty });
  expect((await client.next('error')).data.code).toBe('SESSION_NOT_FOUND');
  // A conversation stays, for ever by default.
  client.send({ type: 'session_join', session_id: spoken });
  expect((await client.next('session_status')).data.last_seq).toBe(2);
});

/** Time enough for what is spoken in meanwhile not to be idle so long itself, on a busy machine too. */
const TTL = 2_000;

test('an idle conversation goes after its time; one that is spoken in, or being answered in, stays', async () => {
  const { agent, next } = puppet();
  const { client, cleaner } = await kept({ agents: [echoAgent, agent], sessionTtl: TTL });
  const idle = await client.create();
  await client.ask('hello');
  const answering = await client.create({ agent_name: 'puppet' });
  client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
  const run = await next();
  await wait(TTL + 100);
  const active = await client.create();
  await client.ask('hello');
  await cleaner.clean();
  const gone = await client.find((m) => m.type === 'session_status' && m.data.status === 'expired');
  expect(gone.session_id).toBe(idle);
  await run.say('still here');
  await run.finish();
  expect((await client.next('agent_response')).session_id).toBe(answering);
  expect((await client.ask('here', { session_id: active })).data.content).toBe('here');
});

test('of too many sessions the ones that are longest idle go', async () => {
  const { client, cleaner, ws } = await kept({ maxSessions: 2 });
  const ids: string[] = [];
  for (let i = 0; i < 4; i += 1) {
    ids.push(await client.create());
    await client.ask(`${i}`);
    await wait(2);
  }
  await client.ask('again', { session_id: ids[0] as string });
  await cleaner.clean();
  const there = await Promise.all(
    ids.map(async (session_id) => {
      const socket = await TestSocket.open(ws);
      socket.send({ type: 'session_join', session_id });
      return (await socket.next()).type === 'session_status';
    }),
  );
  expect(there).toEqual([true, false, false, true]);
});

test('[R1] [R6] a trimmed log goes on counting, says where it begins, and leaves nobody a silent hole', async () => {
  const { client, cleaner, ws } = await kept({ maxEvents: 4 });
  const sessionId = await client.create();
  const away = new View(ws, sessionId);
  await away.join();
  await client.ask('one');
  await away.ended(1);
  away.cut();
  for (const text of ['two', 'three', 'four']) await client.ask(text);
  await cleaner.clean();
  const told = await client.find((m) => m.type === 'session_status' && m.data.first_seq === 5);
  expect(told.data).toMatchObject({ last_seq: 8, message_count: 8 });
  // It had the first two; the next two are no longer kept.
  await away.join();
  expect(away.resets).toBe(1);
  expect(away.log().map(({ seq }) => seq)).toEqual([5, 6, 7, 8]);
  await client.ask('five');
  await away.until(({ lastSeq }) => lastSeq === 10);
  const late = await TestSocket.open(ws);
  late.send({ type: 'session_join', session_id: sessionId });
  expect((await late.next('session_status')).data).toMatchObject({
    first_seq: 5,
    last_seq: 10,
    has_more: false,
  });
});

test('[R6] trimmed while somebody is being told of the log: reset instead of a hole', async () => {
  const { client, cleaner, ws } = await kept({ maxEvents: 2, agents: [echoAgent] });
  const sessionId = await client.create();
  for (let i = 0; i < 60; i += 1) await client.ask(`text ${i}`);
  const joins = Array.from({ length: 20 }, async (_, i) => {
    const view = new View(ws, sessionId);
    await view.join();
    if (i === 10) await cleaner.clean();
    await view.until(({ lastSeq }) => lastSeq === 120);
    return view;
  });
  for (const view of await Promise.all(joins)) {
    const seqs = view.log().map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, i) => (seqs[0] ?? 0) + i));
  }
});

test('[R3] a message whose event was trimmed is still acknowledged the same', async () => {
  const { client, cleaner } = await kept({ maxEvents: 2 });
  await client.create();
  await client.ask('one', { message_id: 'm-1' });
  const [accepted] = client.received.filter(({ type }) => type === 'message_ack');
  await client.ask('two');
  await cleaner.clean();
  client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'one' } });
  expect(await client.find(({ reply_to }) => reply_to === 'm-1')).toEqual(accepted);
  client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'other' } });
  expect((await client.next('error')).data.code).toBe('MESSAGE_CONFLICT');
});
