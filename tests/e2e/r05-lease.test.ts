/** A node that was silent for longer than its lease: it may not know that its runs are others' by now. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { Lease } from '../../packages/gateway/src/runs/lease.ts';
import { keptLog } from '../helpers/log-lines.ts';
import { SharedStore, silence, twoNodes } from '../helpers/nodes.ts';
import type { TestSocket } from '../helpers/socket.ts';
import { expectNoUncaught } from '../helpers/watch-process.ts';

expectNoUncaught();

const LEASE_MS = 500;

/** Two nodes that hear each other only as far as the test lets them; the session's runs are the first one's. */
async function twoLeases() {
  const net = { isDown: false };
  return { net, ...(await twoNodes({ loses: () => net.isDown, leaseMs: LEASE_MS })) };
}

const texts = ({ received }: TestSocket) =>
  received.flatMap((message) => (message.type === 'agent_chunk' ? [message.data.content] : []));

test('[R4] [R5] who was silent past the lease says nothing more until it knows what it has lost, and serves on', async () => {
  const { store, net, one, alice, bob, sessionId, next, post } = await twoLeases();
  post(alice, 'm-1');
  const lost = await next();
  await lost.say('begun');
  await alice.next('agent_chunk');
  net.isDown = true;
  const heal = silence(store, one.runs.node);
  const taken = await next();
  expect(taken.input.attempt).toBe(2);
  bob.send({ type: 'run_cancel', message_id: 'stop', session_id: sessionId });
  expect((await bob.find(({ reply_to }) => reply_to === 'stop')).type).toBe('message_ack');
  void lost.say(' and too late');
  heal();
  await lost.aborted;
  net.isDown = false;
  expect((await alice.next('agent_response')).attempt).toBe(2);
  expect(texts(alice)).toEqual(['begun']);
  post(alice, 'm-2');
  const after = await next();
  await after.say('served on');
  await after.finish();
  for (const client of [alice, bob])
    await client.find(
      ({ type, data }) => type === 'agent_response' && data.content === 'served on',
    );
});

test('[R5] who was silent past the lease, and whose runs nobody took, goes on where it was', async () => {
  const { store, one, two, alice, next, post } = await twoLeases();
  await two.runs.drain(AbortSignal.abort());
  post(alice, 'm-1');
  const run = await next();
  await run.say('one ');
  const heal = silence(store, one.runs.node);
  await expect.poll(async () => (await store.unfinishedRuns(null)).length).toBe(1);
  const said = run.say('two');
  heal();
  await said;
  await run.finish();
  const end = await alice.next('agent_response');
  expect([end.attempt, end.data.content]).toEqual([1, 'one two']);
});

test('[R5] what comes back to a node that still has an earlier attempt of it is begun anew, in its order', async () => {
  const { store, one, two, alice, next, post } = await twoLeases();
  for (const id of ['m-1', 'm-2']) post(alice, id);
  await alice.collect('message_ack', 2);
  const lost = await next();
  const heal = silence(store, one.runs.node);
  const taken = await next();
  expect([taken.input.message, taken.input.attempt]).toEqual(['m-1', 2]);
  const goesDown = silence(store, two.runs.node);
  onTestFinished(goesDown);
  await expect.poll(async () => (await store.unfinishedRuns(null)).length).toBe(2);
  heal();
  for (const message of ['m-1', 'm-2']) {
    const run = await next();
    expect([run.input.message, run.input.attempt]).toEqual([message, 3]);
    await run.finish();
  }
  await lost.aborted;
  const ends = [await alice.next('agent_response'), await alice.next('agent_response')];
  expect(ends.map(({ reply_to, attempt }) => [reply_to, attempt])).toEqual([
    ['m-1', 3],
    ['m-2', 3],
  ]);
});

test('[R5] an answer that a node finishes while it stops is its own for longer than a lease', async () => {
  const { one, alice, next, post } = await twoLeases();
  post(alice, 'm-1');
  const run = await next();
  await run.say('unhurried');
  const drained = one.runs.drain(AbortSignal.timeout(20_000));
  const began = performance.now();
  await expect
    .poll(() => performance.now() - began, { timeout: 20 * LEASE_MS })
    .toBeGreaterThan(2 * LEASE_MS);
  await run.finish();
  await drained;
  const end = await alice.next('agent_response');
  expect([end.attempt, end.data.content]).toEqual([1, 'unhurried']);
});

test('[R5] [R9] a stop that a node finds in the store, and cannot carry out before it stops itself, is no fault', async () => {
  const { store, one, alice, sessionId, next, post } = await twoLeases();
  post(alice, 'm-1');
  await next();
  const { incarnation = '' } = (await store.getSession(sessionId)) ?? {};
  vi.spyOn(store, 'finishRun').mockReturnValue(new Promise(() => {}));
  await store.stopRuns({ id: sessionId, incarnation }, { sender: '', asAdmin: true });
  await one.runs.takeUpOwn();
  await one.runs.drain(AbortSignal.abort());
  expect((await store.unfinishedRuns()).map(({ stopped }) => stopped)).toEqual([true]);
});

test('[R4] a stop of a run that was taken over is not acknowledged before it holds', async () => {
  const { store, one, alice, sessionId, next, post } = await twoLeases();
  post(alice, 'm-1');
  const lost = await next();
  silence(store, one.runs.node);
  const taken = await next();
  await taken.say('elsewhere');
  // The node still has the attempt that was taken from it, and does not know.
  const run_id = taken.input.runId;
  alice.send({ type: 'run_cancel', message_id: 'stop', session_id: sessionId, data: { run_id } });
  expect((await alice.find(({ reply_to }) => reply_to === 'stop')).type).toBe('message_ack');
  await taken.aborted;
  await lost.aborted;
  expect(await store.unfinishedRuns()).toEqual([]);
});

test('[R12] a node counts others when its log has said so, however late the store answers', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const store = new SharedStore();
  await store.keepAlive('other', 10 * LEASE_MS);
  const { logger, lines } = keptLog();
  const giveUpLost = async () => {};
  const lease = new Lease({ store, node: 'one', log: logger, leaseMs: LEASE_MS, giveUpLost });
  const answer = Promise.withResolvers<number>();
  await lease.begin(() => {});
  const counted = () => lines.map(({ fields }) => fields.nodes);
  await vi.advanceTimersByTimeAsync(LEASE_MS - 1);
  const late = vi.spyOn(store, 'keepAlive').mockReturnValue(answer.promise);
  await vi.advanceTimersByTimeAsync(LEASE_MS);
  expect(late).toHaveBeenCalledOnce();
  expect([lease.others, counted()]).toEqual([0, []]);
  answer.resolve(1);
  late.mockRestore();
  await vi.advanceTimersByTimeAsync(LEASE_MS);
  expect([lease.others, counted()]).toEqual([1, [2]]);
  await lease.end();
});
