/** Several nodes over one store: who is where makes no difference. */
import { createMessage, type ServerMessage, type ServerMessageOf } from '@parley/protocol';
import { expect, onTestFinished, test, vi } from 'vitest';
import { LOCAL } from '../../packages/gateway/src/auth/principal.ts';
import { defineAgent } from '../../packages/gateway/src/index.ts';
import type { Delivery } from '../../packages/gateway/src/sessions/delivery.ts';
import { STORE_LIMITS, type Store, StoreError } from '../../packages/gateway/src/stores/store.ts';
import { newMessage, newSession } from '../contract/store-records.ts';
import { type RunNode, runNode, SharedStore, silence, twoNodes } from '../helpers/nodes.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';

/** Short, so that a test need not wait for long. */
const LEASE_MS = 1_000;

/** The next readings of the log for the ends of runs are held before they begin. */
function holdEnds(store: Store) {
  const [held, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const read = store.readSession.bind(store);
  store.readSession = async (id, which) => {
    if (which.limit === STORE_LIMITS.page) {
      held.resolve();
      await gate.promise;
    }
    return read(id, which);
  };
  return { held: held.promise, letGo: gate.resolve };
}

const said = <Type extends ServerMessage['type']>({ received }: TestSocket, type: Type) =>
  received.filter((message): message is ServerMessageOf<Type> => message.type === type);

test('[R7] [R10] who is on another node hears the message, the text and the end, and who else is there', async () => {
  const { alice, bob, next, post } = await twoNodes();
  await alice.find(({ type, data }) => type === 'presence' && data.connections === 2);
  await bob.find(({ type, data }) => type === 'presence' && data.connections === 2);
  post(alice, 'm-1');
  const run = await next();
  await run.say('one ');
  await bob.find(({ type }) => type === 'agent_chunk');
  await run.say('two');
  await bob.find(({ type, data }) => type === 'agent_chunk' && data.offset === 4);
  await run.finish();
  const end = await bob.next('agent_response');
  expect(end.data.content).toBe('one two');
  expect(said(bob, 'chat_message')).toHaveLength(1);
  expect(said(bob, 'agent_chunk').map(({ data }) => data)).toEqual([
    expect.objectContaining({ offset: 0, content: 'one ' }),
    expect.objectContaining({ offset: 4, content: 'two' }),
  ]);
  await alice.close();
  await bob.find(({ type, data }) => type === 'presence' && data.connections === 1);
});

test('[R7] [R10] who comes to another node is told which messages wait, and for how many', async () => {
  const { alice, two, sessionId, next, post } = await twoNodes();
  for (const id of ['m-1', 'm-2', 'm-3']) post(alice, id);
  const first = await next();
  await alice.find(({ type, reply_to }) => type === 'run_status' && reply_to === 'm-3');
  const carol = await TestSocket.open(two.ws);
  carol.send({ type: 'session_join', session_id: sessionId });
  await carol.settled();
  const told = said(carol, 'run_status').map(({ reply_to, data }) => [reply_to, data.position]);
  expect(told).toEqual([
    ['m-2', 1],
    ['m-3', 2],
  ]);
  await first.finish();
  await (await next()).finish();
  await (await next()).finish();
});

test('[R7] [R10] a change of the title and the end of a session are told on every node', async () => {
  const { alice, bob, sessionId } = await twoNodes();
  bob.send({ type: 'sessions_watch', message_id: 'w' });
  await bob.settled();
  alice.send({ type: 'session_update', session_id: sessionId, data: { title: 'renamed' } });
  await bob.find(({ type, data }) => type === 'session_status' && data.title === 'renamed');
  bob.send({ type: 'typing', session_id: sessionId, data: { is_typing: true } });
  expect((await alice.next('typing')).data.is_typing).toBe(true);
});

test('[R2] [R10] who was taken out says nothing more on a node that was not told of it', async () => {
  const { store, one, bob, sessionId, post } = await twoNodes({ invited: true, loses: () => true });
  await one.sessions.members.expel({ id: 'alice' }, sessionId, 'bob');
  post(bob, 'm-1');
  const refused = await bob.find(({ reply_to }) => reply_to === 'm-1');
  expect(refused.data).toMatchObject({ code: 'SESSION_NOT_FOUND' });
  expect((await store.getSession(sessionId))?.lastSeq).toBe(0);
});

test('[R4] [R10] who was taken out stops nothing that another node writes, and decides nothing', async () => {
  const { store, one, alice, bob, sessionId, next, post } = await twoNodes({
    invited: true,
    loses: () => true,
  });
  post(alice, 'm-1');
  const run = await next();
  await one.sessions.members.expel({ id: 'alice' }, sessionId, 'bob');
  bob.send({ type: 'run_cancel', message_id: 'stop', session_id: sessionId, data: {} });
  const decision = { approval_id: 'a-1', approved: true };
  bob.send({ type: 'approval_response', message_id: 'yes', session_id: sessionId, data: decision });
  const refused = [await bob.next('error'), await bob.next('error')];
  expect(refused.map(({ reply_to }) => reply_to).sort()).toEqual(['stop', 'yes']);
  for (const { data: reason } of refused) expect(reason.code).toBe('SESSION_NOT_FOUND');
  expect((await store.unfinishedRuns()).map(({ stopped }) => stopped)).toEqual([false]);
  await run.finish();
});

test('[R7] [R10] who was taken out hears nothing more on a node that was not told of it, after 2 s at the latest', async () => {
  const { one, two, alice, bob, sessionId, next, post } = await twoNodes({
    invited: true,
    loses: () => true,
  });
  post(alice, 'm-1');
  const run = await next();
  await bob.find(({ message_id }) => message_id === 'm-1');
  await one.sessions.members.expel({ id: 'alice' }, sessionId, 'bob');
  const began = performance.now();
  await bob.find(({ type, data }) => type === 'session_status' && data.status === 'deleted');
  expect(performance.now() - began).toBeLessThan(2_000);
  const heard = bob.received.length;
  await run.say('a secret');
  await run.finish();
  post(alice, 'm-2');
  await (await next()).finish();
  await alice.find(({ type, reply_to }) => type === 'agent_response' && reply_to === 'm-2');
  bob.send({ type: 'run_cancel', message_id: 'stop', session_id: sessionId, data: {} });
  const refused = await bob.find(({ reply_to }) => reply_to === 'stop');
  expect(refused.data).toMatchObject({ code: 'SESSION_NOT_FOUND' });
  expect(bob.received.slice(heard)).toEqual([refused]);
  expect(two.hub.get(sessionId)).toBeUndefined();
});

test('[R7] [R10] another title and another agent are known on a node that was not told of them, after 2 s at the latest', async () => {
  const other = puppet({ name: 'other' });
  const { alice, bob, sessionId, post } = await twoNodes({
    agents: [other.agent],
    loses: ({ kind }) => kind === 'said',
  });
  const data = { title: 'renamed', agent_name: 'other' };
  alice.send({ type: 'session_update', message_id: 'u', session_id: sessionId, data });
  await alice.find(({ reply_to }) => reply_to === 'u');
  const began = performance.now();
  const told = await bob.find(
    ({ type, data: now }) => type === 'session_status' && now.title === 'renamed',
  );
  expect(performance.now() - began).toBeLessThan(2_000);
  expect(told.data).toMatchObject({ agent_name: 'other' });
  post(bob, 'm-1');
  await (await other.next()).finish();
  // Each is told of it once, whichever way it came.
  for (const client of [alice, bob])
    expect(
      said(client, 'session_status').filter(({ data: now }) => now.title === 'renamed'),
    ).toHaveLength(1);
});

test('[R6] [R10] what the bus loses is read from the store within 2 s', async () => {
  const { alice, bob, next, post } = await twoNodes({ loses: ({ kind }) => kind === 'said' });
  post(alice, 'm-1');
  const run = await next();
  await run.say('lost on the way');
  await run.finish();
  const began = performance.now();
  const end = await bob.next('agent_response');
  expect(performance.now() - began).toBeLessThan(2_500);
  expect(end.data.content).toBe('lost on the way');
  expect(said(bob, 'chat_message').map(({ seq }) => seq)).toEqual([1]);
});

test('[R6] [R10] what the bus loses is told to those who are there, also where somebody who comes has read further', async () => {
  const { alice, bob, sessionId, two, next, post } = await twoNodes({
    loses: ({ kind }) => kind === 'said',
  });
  post(alice, 'm-1');
  await (await next()).finish();
  await alice.find(({ type }) => type === 'agent_response');
  const late = await TestSocket.open(two.ws);
  late.send({ type: 'session_join', session_id: sessionId, data: { after_seq: 0 } });
  await late.find(({ type }) => type === 'agent_response');
  const began = performance.now();
  await bob.find(({ type }) => type === 'agent_response');
  expect(performance.now() - began).toBeLessThan(2_500);
});

test('[R6] [R7] [R10] who comes late to another node has the whole text, and goes on with it', async () => {
  const { alice, sessionId, next, two, post } = await twoNodes();
  post(alice, 'm-1');
  const run = await next();
  await run.say('one ');
  await run.say('two ');
  const late = await TestSocket.open(two.ws);
  late.send({ type: 'session_join', session_id: sessionId });
  const { data } = await late.next('session_status');
  expect(data.answer).toMatchObject({ offset: 0, content: 'one two ' });
  await run.say('three');
  expect((await late.next('agent_chunk')).data).toMatchObject({ offset: 8, content: 'three' });
  await run.finish();
  expect((await late.next('agent_response')).data.content).toBe('one two three');
});

test('[R6] [R10] text that the bus loses is made good by the next, without a repeat or a hole', async () => {
  let isLosing = false;
  const { alice, bob, next, post } = await twoNodes({
    loses: ({ kind }) => kind === 'said' && isLosing,
  });
  post(alice, 'm-1');
  const run = await next();
  await run.say('one ');
  await bob.next('agent_chunk');
  isLosing = true;
  await run.say('two ');
  await run.say('three ');
  isLosing = false;
  await run.say('four');
  const { data } = await bob.next('agent_chunk');
  expect(data).toMatchObject({ offset: 4, content: 'two three four' });
  await run.finish();
  expect((await bob.next('agent_response')).data.content).toBe('one two three four');
});

test('[R3] [R10] messages of one session are answered one after the other, wherever they were posted', async () => {
  const { alice, bob, next, post } = await twoNodes();
  post(alice, 'm-1');
  const first = await next();
  post(bob, 'm-2');
  await bob.find(({ reply_to, type }) => type === 'message_ack' && reply_to === 'm-2');
  await first.say('of the first');
  await first.finish();
  const second = await next();
  expect(second.input.message).toBe('m-2');
  await second.say('of the second');
  await second.finish();
  for (const client of [alice, bob]) {
    for (const content of ['of the first', 'of the second']) {
      expect((await client.next('agent_response')).data.content).toBe(content);
    }
  }
});

test('[R5] [R10] what a node that is gone has left is taken over by another, and ends once', async () => {
  const { alice, bob, next, store, one, post } = await twoNodes();
  post(alice, 'm-1');
  const lost = await next();
  await lost.say('begun and ');
  await bob.next('agent_chunk');
  silence(store, one.runs.node);
  const taken = await next();
  expect(taken.input.attempt).toBe(2);
  await taken.say('done anew');
  void lost.say('stale');
  void lost.finish();
  await taken.finish();
  const end = await bob.next('agent_response');
  expect([end.attempt, end.data.content]).toEqual([2, 'done anew']);
  expect((await alice.next('agent_response')).data.content).toBe('done anew');
  await bob.settled();
  expect(said(bob, 'agent_response')).toHaveLength(1);
});

test('[R4] [R10] a stop on one node stops what another is writing, and no text follows it', async () => {
  const { alice, bob, sessionId, next, post } = await twoNodes();
  post(alice, 'm-1');
  post(alice, 'm-2');
  const run = await next();
  await run.say('one ');
  await bob.next('agent_chunk');
  await alice.collect('message_ack', 2);
  bob.send({ type: 'run_cancel', message_id: 'stop', session_id: sessionId });
  const ack = await bob.find(({ reply_to }) => reply_to === 'stop');
  expect(ack.type).toBe('message_ack');
  await run.aborted;
  const ends = said(bob, 'agent_response').map(({ data }) => [data.status, data.content]);
  expect(ends).toEqual([
    ['cancelled', 'one '],
    ['cancelled', ''],
  ]);
  const at = bob.received.indexOf(ack);
  void run.say('too late');
  await bob.settled();
  expect(bob.received.slice(at).some(({ type }) => type === 'agent_chunk')).toBe(false);
});

test('[R4] [R10] a stop is acknowledged when what it stops has ended, whatever else ends meanwhile', async () => {
  const { store, alice, bob, sessionId, next, post } = await twoNodes();
  post(alice, 'm-1');
  post(alice, 'm-2');
  const first = await next();
  await alice.collect('message_ack', 2);
  const [asked, marks, reads] = [1, 2, 3].map(() => Promise.withResolvers<void>()) as [
    PromiseWithResolvers<void>,
    PromiseWithResolvers<void>,
    PromiseWithResolvers<void>,
  ];
  const stopRuns = vi.spyOn(store, 'stopRuns').mockImplementationOnce(async (...which) => {
    asked.resolve();
    await marks.promise;
    return SharedStore.prototype.stopRuns.call(store, ...which);
  });
  bob.send({ type: 'run_cancel', message_id: 'stop', session_id: sessionId });
  await asked.promise;
  await first.finish();
  await bob.next('agent_response');
  const second = await next();
  // Its node does not see yet that it is to stop.
  vi.spyOn(store, 'unfinishedRuns').mockImplementation(async (node) => {
    await reads.promise;
    return SharedStore.prototype.unfinishedRuns.call(store, node);
  });
  marks.resolve();
  await stopRuns.mock.results[0]?.value;
  await second.say('not stopped yet');
  await bob.next('agent_chunk');
  expect(bob.received.some(({ reply_to }) => reply_to === 'stop')).toBe(false);
  reads.resolve();
  await bob.find(({ reply_to }) => reply_to === 'stop');
  const ends = said(bob, 'agent_response').map(({ data }) => data.status);
  expect(ends).toEqual(['complete', 'cancelled']);
});

test('[R1] [R6] [R10] an acknowledgement stands in its place in the log, behind what another node has not said yet', async () => {
  const { alice, bob, post } = await twoNodes({ loses: ({ kind }) => kind === 'said' });
  post(alice, 'm-1');
  await alice.next('message_ack');
  post(bob, 'm-2');
  await bob.next('message_ack');
  const seen = bob.received.flatMap(({ type, seq }) => (seq === undefined ? [] : [[type, seq]]));
  expect(seen).toEqual([
    ['chat_message', 1],
    ['message_ack', 2],
  ]);
});

test('[R5] [R10] an answer whose end the bus has lost is not shown as being written to who comes then', async () => {
  const { alice, bob, sessionId, next, two, post } = await twoNodes({
    loses: ({ kind, delivery }) =>
      kind === 'said' && (delivery as Delivery).message.type === 'agent_response',
  });
  post(alice, 'm-1');
  const run = await next();
  await run.say('all of it');
  await bob.next('agent_chunk');
  await run.finish();
  await alice.next('agent_response');
  const late = await TestSocket.open(two.ws);
  late.send({ type: 'session_join', session_id: sessionId, data: { after_seq: 2 } });
  expect((await late.next('session_status')).data.answer).toBeUndefined();
});

test('[R6] [R10] who has more of an answer than the node that they come to keeps it, and hears no word twice', async () => {
  let isLosing = false;
  const { alice, bob, sessionId, next, two, post } = await twoNodes({
    loses: ({ kind }) => kind === 'said' && isLosing,
  });
  post(alice, 'm-1');
  const run = await next();
  await run.say('one ');
  await bob.next('agent_chunk');
  isLosing = true;
  await run.say('two ');
  const { run_id = '' } = await alice.next('agent_chunk');
  const back = await TestSocket.open(two.ws);
  back.send({
    type: 'session_join',
    session_id: sessionId,
    data: { after_seq: 1, answer: { run_id, attempt: 1, offset: 8 } },
  });
  const { data } = await back.next('session_status');
  expect(data.answer).toMatchObject({ offset: 8, content: '' });
  isLosing = false;
  await run.say('three');
  expect((await back.next('agent_chunk')).data).toMatchObject({ offset: 8, content: 'three' });
});

test('[R4] [R5] a run that was ended in the store by another way is told to have ended in that way', async () => {
  const { alice, bob, sessionId, next, store, post } = await twoNodes();
  post(alice, 'm-1');
  const run = await next();
  await run.say('one ');
  const { run_id = '', message_id = '', timestamp } = await alice.next('agent_chunk');
  await store.finishRun({
    type: 'agent_response',
    session_id: sessionId,
    message_id,
    timestamp,
    run_id,
    reply_to: 'm-1',
    attempt: 1,
    data: {
      role: 'assistant',
      agent_name: 'puppet',
      content: 'one ',
      status: 'cancelled',
      message_type: 'text',
    },
  });
  await run.finish();
  for (const client of [alice, bob]) {
    expect((await client.next('agent_response')).data.status).toBe('cancelled');
  }
});

test('[R10] who waits for an answer has it, also where it ends elsewhere while the store is asked for it', async () => {
  const { store, alice, sessionId, next, two, post } = await twoNodes();
  const ask = () =>
    two.sessions.posting.ask(
      LOCAL,
      sessionId,
      { message_id: 'm-2', data: { content: 'over HTTP', message_type: 'text' } },
      new AbortController().signal,
    );
  post(alice, 'm-1');
  const first = await next();
  const asked = ask();
  await alice.find(({ type, message_id }) => type === 'chat_message' && message_id === 'm-2');
  const { held, letGo } = holdEnds(store);
  const repeated = ask();
  await held;
  await first.finish();
  const second = await next();
  await second.finish();
  await alice.find(({ type, reply_to }) => type === 'agent_response' && reply_to === 'm-2');
  letGo();
  for (const end of [await asked, await repeated]) expect(end.data.status).toBe('complete');
});

test('[R4] [R9] [R10] who waits for an end that the bus has lost has it, also where the log cannot be read at once', async () => {
  const { store, two, alice, sessionId, next, post } = await twoNodes({
    loses: ({ kind }) => kind === 'said',
  });
  let [isAway, reads, failures] = [false, 0, 0];
  const read = store.readSession.bind(store);
  store.readSession = async (id, which) => {
    if (which.limit !== STORE_LIMITS.page) return read(id, which);
    if (isAway) failures += 1;
    else reads += 1;
    if (isAway) throw new StoreError('The store is not reached.');
    return read(id, which);
  };
  /** The log fails more than once, and then no more. */
  const fail = async () => {
    failures = 0;
    isAway = true;
    await expect.poll(() => failures, { timeout: 10_000 }).toBeGreaterThan(1);
    isAway = false;
  };
  post(alice, 'm-1');
  const first = await next();
  const asked = two.sessions.posting.ask(
    LOCAL,
    sessionId,
    { message_id: 'm-2', data: { content: 'over HTTP', message_type: 'text' } },
    new AbortController().signal,
  );
  await expect.poll(() => reads).toBeGreaterThan(0);
  await first.finish();
  const second = await next();
  await Promise.all([fail(), second.finish()]);
  expect((await asked).data.status).toBe('complete');
  post(alice, 'm-3');
  const third = await next();
  const stopped = two.sessions.cancel(LOCAL, sessionId);
  await Promise.all([fail(), third.aborted]);
  expect(await stopped).toHaveLength(1);
});

/** A bus that loses the end of the answer to one message, and nothing else. */
const losingEndOf = (id: string) => ({
  loses: ({ kind, delivery }: { kind?: unknown; delivery?: unknown }) => {
    if (kind !== 'said') return false;
    const { message } = delivery as Delivery;
    return message.type === 'agent_response' && message.reply_to === id;
  },
});

test('[R9] [R10] who waits for an end that the bus has lost has it, also where what came after was heard', async () => {
  const { two, alice, sessionId, next, post } = await twoNodes(losingEndOf('m-2'));
  post(alice, 'm-1');
  const first = await next();
  const question = { message_id: 'm-2', data: { content: 'asked', message_type: 'text' as const } };
  const { signal } = new AbortController();
  const asked = two.sessions.posting.ask(LOCAL, sessionId, question, signal);
  await alice.find(({ message_id }) => message_id === 'm-2');
  post(alice, 'm-3');
  await first.finish();
  for (const _ of ['m-2', 'm-3']) await (await next()).finish();
  await alice.find(({ type, reply_to }) => type === 'agent_response' && reply_to === 'm-3');
  expect((await asked).data.status).toBe('complete');
});

test('[R4] [R10] a stop whose end the bus has lost is acknowledged, also where what came after was heard', async () => {
  const { alice, bob, sessionId, next, post } = await twoNodes(losingEndOf('m-1'));
  post(alice, 'm-1');
  await (await next()).say('one');
  await bob.next('agent_chunk');
  bob.send({ type: 'run_cancel', message_id: 'stop', session_id: sessionId, data: {} });
  const began = performance.now();
  await alice.find(({ type, reply_to }) => type === 'agent_response' && reply_to === 'm-1');
  post(alice, 'm-2');
  const answer = await bob.find(({ reply_to }) => reply_to === 'stop');
  expect(answer.type).toBe('message_ack');
  expect(performance.now() - began).toBeLessThan(2_500);
});

test.each([
  ['one', 'alice'],
  ['two', 'bob'],
] as const)(
  '[R4] [R10] a stop leaves alone what its connection says after it, on node %s',
  async (_, name) => {
    const { next, post, sessionId, ...people } = await twoNodes();
    const person = people[name];
    post(people.alice, 'm-1');
    await (await next()).say('one');
    await person.next('agent_chunk');
    person.send({ type: 'run_cancel', message_id: 'stop', session_id: sessionId, data: {} });
    post(person, 'm-2');
    const second = await next();
    expect(second.input.message).toBe('m-2');
    await person.find(({ reply_to }) => reply_to === 'stop');
    await second.finish();
    await person.find(({ type, reply_to }) => type === 'agent_response' && reply_to === 'm-2');
    const ends = said(person, 'agent_response').map(({ data }) => data.status);
    expect(ends).toEqual(['cancelled', 'complete']);
  },
);

test.each(['session_leave', 'session_join'])(
  '[R2] [R10] a message is acknowledged before its connection does %s, though its place in the log was not come to',
  async (type) => {
    const { alice, bob, sessionId, store, post } = await twoNodes({
      loses: ({ kind }) => kind === 'said',
    });
    post(alice, 'm-1');
    await alice.next('message_ack');
    const gate = Promise.withResolvers<void>();
    const read = store.readSession.bind(store);
    vi.spyOn(store, 'readSession').mockImplementation(async (...which) => {
      await gate.promise;
      return read(...which);
    });
    post(bob, 'm-2');
    bob.send({ type, message_id: 'next', session_id: sessionId, data: {} });
    const acknowledged = await bob.find(
      ({ reply_to }) => reply_to === 'm-2' || reply_to === 'next',
    );
    expect(acknowledged).toMatchObject({ type: 'message_ack', reply_to: 'm-2', seq: 2 });
    gate.resolve();
    await bob.find(({ reply_to }) => reply_to === 'next');
  },
);

test('[R4] [R10] a message that replaces another stops its answer on whichever node that is written', async () => {
  const { alice, bob, next, post } = await twoNodes();
  post(alice, 'm-1');
  const replaced = await next();
  await replaced.say('not asked for any more');
  await bob.next('agent_chunk');
  post(bob, 'm-2', { replaces: 'm-1' });
  await replaced.aborted;
  const run = await next();
  expect(run.input.message).toBe('m-2');
  await run.finish();
  for (const status of ['cancelled', 'complete']) {
    expect((await bob.next('agent_response')).data.status).toBe(status);
  }
});

test('[R10] [R12] a run that there is not is not stopped, on however many nodes', async () => {
  const { bob, sessionId } = await twoNodes();
  const data = { run_id: 'none' };
  bob.send({ type: 'run_cancel', message_id: 'stop', session_id: sessionId, data });
  expect((await bob.next('error')).data.code).toBe('RUN_NOT_FOUND');
});

test('[R5] [R6] [R10] text that comes late to a node is not told to who came to it after the end', async () => {
  const late: Delivery['message'][] = [];
  let isLosing = true;
  const { alice, bob, sessionId, next, one, two, post } = await twoNodes({
    loses: (notice) => {
      if (notice.kind !== 'said' || !isLosing) return false;
      late.push((notice.delivery as Delivery).message);
      return true;
    },
  });
  await bob.close();
  post(alice, 'm-1');
  const run = await next();
  await run.say('too late');
  await run.finish();
  await alice.next('agent_response');
  const carol = await TestSocket.open(two.ws);
  carol.send({ type: 'session_join', session_id: sessionId, data: { after_seq: 2 } });
  await carol.next('session_status');
  isLosing = false;
  const { incarnation = '' } = one.hub.get(sessionId)?.record ?? {};
  for (const message of late)
    if (message.type === 'agent_chunk') one.hub.publish(incarnation, message);
  one.hub.publish(
    incarnation,
    createMessage('typing', { sender: 'x', is_typing: true }, { session_id: sessionId }),
  );
  await carol.next('typing');
  await carol.settled();
  expect(said(carol, 'agent_chunk')).toEqual([]);
});

test('[R5] [R10] a run that ends while its node looks for its own in the store is not begun again', async () => {
  const store = new SharedStore();
  const { agent, next } = puppet();
  const node = await runNode(store, defineAgent(agent));
  await store.createSession(newSession('s'));
  await node.runs.start();
  onTestFinished(() => node.runs.drain(AbortSignal.abort()));
  await node.post(newMessage('s', 'm-1'));
  const run = await next();
  const read = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  vi.spyOn(store, 'unfinishedRuns').mockImplementationOnce(async (id) => {
    const found = await SharedStore.prototype.unfinishedRuns.call(store, id);
    asked.resolve();
    await read.promise;
    return found;
  });
  const looking = node.runs.takeUpOwn();
  await asked.promise;
  await run.finish();
  await expect.poll(() => node.runs.size).toBe(0);
  read.resolve();
  await looking;
  expect(node.runs.size).toBe(0);
});

test('[R6] [R10] where the end of an answer and the beginning of the next are lost, the first is not told again', async () => {
  let isLosing = false;
  const { alice, bob, sessionId, next } = await twoNodes({
    loses: ({ kind }) => kind === 'said' && isLosing,
  });
  for (const id of ['m-1', 'm-2']) {
    alice.send({
      type: 'chat_message',
      message_id: id,
      session_id: sessionId,
      data: { content: id },
    });
  }
  const first = await next();
  await first.say('the first');
  await bob.next('agent_chunk');
  isLosing = true;
  await first.finish();
  const second = await next();
  await second.say('the ');
  isLosing = false;
  await second.say('second');
  expect((await bob.next('agent_chunk')).data.content).toBe('the second');
  await second.finish();
  await bob.collect('agent_response', 2);
  expect(said(bob, 'agent_chunk').map(({ data }) => data.content)).toEqual([
    'the first',
    'the second',
  ]);
});

test('[R5] [R10] nodes that the store was away from for longer than a lease begin no answers of each other anew', async () => {
  const store = new SharedStore();
  const { agent, next } = puppet();
  const nodes = await Promise.all([1, 2].map(() => runNode(store, defineAgent(agent), LEASE_MS)));
  const [one, two] = nodes as [RunNode, RunNode];
  await store.createSession(newSession('s'));
  for (const { runs } of nodes) {
    await runs.start();
    onTestFinished(() => runs.drain(AbortSignal.abort()));
  }
  await one.post(newMessage('s', 'm-1'));
  const run = await next();
  const heals = nodes.map(({ runs }) => silence(store, runs.node));
  const lost = () => store.unfinishedRuns(null);
  const silent = performance.now();
  // Neither holds its lease any more, whenever it was that it last said so.
  await expect.poll(() => performance.now() - silent, { timeout: 5_000 }).toBeGreaterThan(LEASE_MS);
  expect(await lost()).toHaveLength(1);
  const claim = vi.spyOn(store, 'claimRuns');
  // The one that has none of them comes back first, and looks at once.
  heals[1]?.();
  const looked = vi.spyOn(store, 'unfinishedRuns');
  await expect.poll(() => looked.mock.calls.some(([id]) => id === two.runs.node)).toBe(true);
  heals[0]?.();
  await expect.poll(lost).toEqual([]);
  expect(claim).not.toHaveBeenCalled();
  await run.finish();
  await expect.poll(() => one.runs.size).toBe(0);
  expect(one.said.filter(({ type }) => type === 'agent_response')).toMatchObject([{ attempt: 1 }]);
});

test('[R9] [R10] a node that is woken while the store is away goes on', async () => {
  const { bob, one, two, store, sessionId } = await twoNodes();
  vi.spyOn(store, 'unfinishedRuns').mockRejectedValueOnce(new StoreError('It is not reached.'));
  // A rejection that nobody handles would end the process, and fail this test.
  two.hub.calls.wake(one.runs.node);
  bob.send({
    type: 'chat_message',
    message_id: 'm',
    session_id: sessionId,
    data: { content: 'hi' },
  });
  expect((await bob.next('message_ack')).reply_to).toBe('m');
});
