/** Messages of one session on several nodes: they are answered in the order of the log, whoever took them. */
import type { ServerMessageOf } from '@parley/protocol';
import { expect, test, vi } from 'vitest';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import { startComposed } from '../helpers/composed.ts';
import { silence, twoNodes } from '../helpers/nodes.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';

/** Short, so that a test need not wait for long. */
const LEASE_MS = 1_000;

const acknowledged = (client: TestSocket, id: string) =>
  client.find(({ type, reply_to }) => type === 'message_ack' && reply_to === id);

/** Which places were told of messages that wait. */
const places = ({ received }: TestSocket) =>
  received
    .filter((message): message is ServerMessageOf<'run_status'> => message.type === 'run_status')
    .flatMap(({ reply_to, data }) => (data.status === 'queued' ? [[reply_to, data.position]] : []));

test('[R7] [R10] a message waits for those before it, of which its node was not told', async () => {
  const { alice, bob, next, post } = await twoNodes({ loses: ({ kind }) => kind === 'wake' });
  post(bob, 'm-0');
  const first = await next();
  post(alice, 'm-1');
  await acknowledged(alice, 'm-1');
  for (const id of ['m-2', 'm-3']) post(bob, id);
  await bob.find(({ type, reply_to }) => type === 'run_status' && reply_to === 'm-3');
  expect(places(bob)).toEqual([
    ['m-1', 1],
    ['m-2', 2],
    ['m-3', 3],
  ]);
  await first.finish();
  for (const id of ['m-1', 'm-2', 'm-3']) {
    const run = await next();
    expect(run.input.message).toBe(id);
    await run.finish();
  }
  await bob.collect('agent_response', 4);
});

test('[R4] [R10] no agent is called for a message that was replaced before its node knew of it', async () => {
  const { store, two, alice, bob, next, post } = await twoNodes();
  post(bob, 'm-0');
  const first = await next();
  const read = Promise.withResolvers<void>();
  const unfinishedRuns = store.unfinishedRuns.bind(store);
  vi.spyOn(store, 'unfinishedRuns').mockImplementation(async (node) => {
    if (node === two.runs.node) await read.promise;
    return unfinishedRuns(node);
  });
  post(alice, 'm-1');
  await acknowledged(alice, 'm-1');
  await first.finish();
  await bob.next('agent_response');
  post(bob, 'm-2', { replaces: 'm-1' });
  await acknowledged(bob, 'm-2');
  read.resolve();
  const run = await next();
  expect(run.input.message).toBe('m-2');
  await run.finish();
  await bob.collect('agent_response', 2);
  const ends = bob.received.flatMap((message) =>
    message.type === 'agent_response' ? [[message.reply_to, message.data.status]] : [],
  );
  expect(ends).toEqual([
    ['m-0', 'complete'],
    ['m-1', 'cancelled'],
    ['m-2', 'complete'],
  ]);
});

test('[R5] [R10] what is posted on a node that takes others over is answered after what they have left', async () => {
  const { store, one, two, alice, bob, next, post } = await twoNodes({ leaseMs: LEASE_MS });
  for (const id of ['m-1', 'm-2']) post(alice, id);
  await next();
  await acknowledged(alice, 'm-2');
  const [asked, read] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const getEvent = store.getEvent.bind(store);
  vi.spyOn(store, 'getEvent').mockImplementation(async (...which) => {
    asked.resolve();
    await read.promise;
    return getEvent(...which);
  });
  silence(store, one.runs.node);
  await asked.promise;
  expect(await store.unfinishedRuns(two.runs.node)).toHaveLength(2);
  post(bob, 'm-3');
  await acknowledged(bob, 'm-3');
  read.resolve();
  for (const id of ['m-1', 'm-2', 'm-3']) {
    const run = await next();
    expect(run.input.message).toBe(id);
    await run.finish();
  }
});

test('[R8] [R10] a message on the node that has those before it costs no reading of the store', async () => {
  const keptIn = new MemoryStore();
  const { agent, next } = puppet();
  const { ws } = await startComposed({ agents: [agent], keptIn });
  const client = await TestSocket.open(ws);
  const sessionId = await client.create();
  const reads = vi.spyOn(keptIn, 'unfinishedRuns');
  for (const id of ['m-1', 'm-2', 'm-3']) {
    client.send({
      type: 'chat_message',
      message_id: id,
      session_id: sessionId,
      data: { content: id },
    });
  }
  await client.find(({ type, reply_to }) => type === 'run_status' && reply_to === 'm-3');
  for (let left = 3; left > 0; left -= 1) await (await next()).finish();
  await client.collect('agent_response', 3);
  expect(reads).not.toHaveBeenCalled();
});

test.for(['when the store has said that it is kept', 'before the store has said that it is kept'])(
  '[R4] [R7] [R10] a message that is stopped on its way does not begin, and what is behind it overtakes nothing that other nodes took: it is found %s',
  async (found) => {
    const { one, store, alice, bob, next, sessionId, post } = await twoNodes({
      loses: ({ kind }) => kind === 'wake',
    });
    post(alice, 'm-1');
    await next();
    post(bob, 'm-2');
    await acknowledged(bob, 'm-2');
    // What the store says to the node of the answers comes late, all at once, and a stop reaches it later.
    const [appends, stops] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { appendMessage, stopRuns } = {
      appendMessage: store.appendMessage.bind(store),
      stopRuns: store.stopRuns.bind(store),
    };
    const arrived: string[] = [];
    vi.spyOn(store, 'appendMessage').mockImplementation(async (append) => {
      const outcome = await appendMessage(append);
      arrived.push(append.event.message_id);
      await appends.promise;
      return outcome;
    });
    vi.spyOn(store, 'stopRuns').mockImplementation(async (...which) => {
      arrived.push('stop');
      await stops.promise;
      return stopRuns(...which);
    });
    post(alice, 'm-3');
    await expect.poll(() => arrived).toEqual(['m-3']);
    alice.send({ type: 'run_cancel', message_id: 'stop', session_id: sessionId, data: {} });
    await expect.poll(() => arrived).toEqual(['m-3', 'stop']);
    post(alice, 'm-4');
    await expect.poll(() => arrived).toEqual(['m-3', 'stop', 'm-4']);
    const isBefore = found.startsWith('before');
    if (isBefore) await one.runs.takeUpOwn();
    else appends.resolve();
    for (const id of ['m-2', 'm-4']) {
      const run = await next();
      expect(run.input.message).toBe(id);
      await run.finish();
    }
    if (isBefore) appends.resolve();
    stops.resolve();
    const { data } = await acknowledged(alice, 'stop');
    const stopped = alice.received.filter(
      ({ type, reply_to = '' }) => type === 'message_ack' && ['m-1', 'm-3'].includes(reply_to),
    );
    expect((data as { cancelled: string[] }).cancelled.toSorted()).toEqual(
      stopped.map(({ run_id }) => run_id).toSorted(),
    );
  },
);
