/** A session is deleted, and somebody else creates one of the same id: another one, in everything. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LOCAL } from '../../packages/gateway/src/auth/principal.ts';
import { bearer, connectAs, startGuarded } from '../auth/people.ts';
import { startGateway } from '../helpers/gateway.ts';
import { SIGNING_KEYS, twoNodes } from '../helpers/nodes.ts';
import { type Postgres, startPostgres } from '../helpers/postgres.ts';
import { puppet } from '../helpers/puppet.ts';
import { type Redis, startRedis } from '../helpers/redis.ts';
import { TestSocket } from '../helpers/socket.ts';
import { ask } from '../http/request.ts';

let postgres: Postgres;
let redis: Redis;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
});
afterAll(() => Promise.all([postgres.stop(), redis.stop()]));

/** Everything is as it should be so long after Redis is back, milliseconds. */
const RECOVERY = 4_000;

async function startNodes() {
  const { agent, next } = puppet();
  const bus = redis.newUrl();
  const store = await postgres.newDatabase();
  const settings = { agents: [agent], store, bus, signingKeys: SIGNING_KEYS };
  const one = await startGuarded(['alice', 'bob', 'mallory'], settings);
  const { tokensFile, tokens } = one;
  const two = await startGateway({ ...settings, auth: 'token', tokensFile });
  const { alice = '', bob = '', mallory = '' } = tokens;
  return { one, two, next, bus, alice, bob, mallory };
}

async function create(client: TestSocket, id: string) {
  const data = { title: 'of mine' };
  client.send({ type: 'session_create', message_id: 'create', session_id: id, data });
  await client.find(({ type }) => type === 'session_status');
}

const post = (client: TestSocket, session_id: string, message_id: string) =>
  client.send({
    type: 'chat_message',
    message_id,
    session_id,
    data: { content: `words of ${message_id}` },
  });

const remove = (http: string, id: string, token: string) =>
  ask(`${http}/api/sessions/${id}`, { method: 'DELETE', ...bearer(token) });

/** All that it was told, as text to look for words in. */
const toldTo = ({ received }: TestSocket) => JSON.stringify(received);

test('[R6] [R8] [R10] text of a deleted session is kept for nobody, and shown to nobody in the next one of its id', async () => {
  const { one, two, next, bus, ...tokens } = await startNodes();
  const texts = async () => (await redis.keys(bus)).filter((key) => key.includes('text'));
  // Deleted where the answer is written, and where it is not.
  for (const [id, { http }] of [
    ['x', one],
    ['y', two],
  ] as const) {
    const alice = await connectAs(one.ws, tokens.alice);
    await create(alice, id);
    post(alice, id, 'm-1');
    const run = await next();
    await run.say('a secret of alice');
    await alice.next('agent_chunk');
    await expect.poll(texts, { timeout: 2_000 }).toHaveLength(1);
    expect((await remove(http, id, tokens.alice)).status).toBe(200);
    const mallory = await connectAs(two.ws, tokens.mallory);
    await create(mallory, id);
    await run.aborted;
    await expect.poll(texts, { timeout: 2_000 }).toEqual([]);
    post(mallory, id, 'm-1');
    const own = await next();
    expect(own.input.message).toBe('words of m-1');
    expect(await own.input.history()).toEqual([]);
    await own.finish();
    expect((await mallory.next('agent_response')).seq).toBe(2);
    expect(toldTo(mallory)).not.toContain('secret');
  }
});

test('[R4] [R7] [R10] until its node has heard of it, what a deleted session says and is told is not of the next one', async () => {
  const { one, two, alice, sessionId, next, post } = await twoNodes({
    loses: ({ kind }) => kind === 'wake',
    // Nor does it look by itself before the test has it look.
    leaseMs: 60_000,
  });
  post(alice, 'm-1');
  const run = await next();
  const approval = run.context.approve({ tool: 'delete_all', arguments: {} });
  approval.catch(() => {});
  const { data } = await alice.next('approval_request');
  await two.sessions.delete(LOCAL, sessionId);
  const carol = await TestSocket.open(one.ws);
  await create(carol, sessionId);
  await run.say('a secret');
  carol.send({ type: 'run_cancel', message_id: 'stop', session_id: sessionId });
  const stopped = await carol.find(({ reply_to }) => reply_to === 'stop');
  expect(stopped).toMatchObject({ type: 'message_ack', data: { cancelled: [] } });
  expect(run.context.signal.aborted).toBe(false);
  const decision = { approval_id: data.approval_id, approved: true };
  carol.send({
    type: 'approval_response',
    message_id: 'decide',
    session_id: sessionId,
    data: decision,
  });
  const decided = await carol.find(({ reply_to }) => reply_to === 'decide');
  expect(decided).toMatchObject({ type: 'error', data: { code: 'APPROVAL_NOT_FOUND' } });
  // Its own does not wait for the one that is still there.
  carol.send({
    type: 'chat_message',
    message_id: 'm-1',
    session_id: sessionId,
    data: { content: 'own' },
  });
  const own = await next();
  await own.say('for carol');
  await carol.next('agent_chunk');
  await own.finish();
  await carol.next('agent_response');
  await one.runs.takeUpOwn();
  await run.aborted;
  expect(toldTo(carol)).not.toContain('secret');
  await expect(approval).rejects.toThrow();
});

test('[R7] [R10] who was in a session that was deleted while nodes heard nothing is not in the next one of its id', async () => {
  const { one, two, next, ...tokens } = await startNodes();
  const alice = await connectAs(one.ws, tokens.alice);
  await create(alice, 'x');
  const invited = await ask(`${one.http}/api/sessions/x/invitations`, {
    body: { access: 'write' },
    ...bearer(tokens.alice),
  });
  const { invitation } = invited.body.data;
  await ask(`${two.http}/api/invitations`, { body: { invitation }, ...bearer(tokens.bob) });
  const bob = await connectAs(two.ws, tokens.bob);
  bob.send({ type: 'session_join', session_id: 'x' });
  await bob.next('session_status');
  await redis.kill();
  expect((await remove(one.http, 'x', tokens.alice)).status).toBe(200);
  const mallory = await connectAs(one.ws, tokens.mallory);
  await create(mallory, 'x');
  // Neither what he writes nor what he changes by what his node knows is done to another session.
  post(bob, 'x', 'm-bob');
  const refused = await bob.find(({ reply_to }) => reply_to === 'm-bob');
  expect(refused).toMatchObject({ type: 'error', data: { code: 'SESSION_NOT_FOUND' } });
  await redis.start();
  const isGone = ({ type, data }: { type: string; data: object }) =>
    type === 'session_status' && 'status' in data && data.status === 'deleted';
  await expect.poll(() => bob.received.some(isGone), { timeout: RECOVERY }).toBe(true);
  for (const { http } of [one, two]) {
    const isReady = async () => (await fetch(`${http}/readyz`)).status;
    await expect.poll(isReady, { timeout: RECOVERY }).toBe(200);
  }
  const also = await connectAs(two.ws, tokens.mallory);
  also.send({ type: 'session_join', session_id: 'x' });
  await also.next('session_status');
  post(mallory, 'x', 'm-1');
  const run = await next();
  await run.say('for mallory');
  await also.find(({ type }) => type === 'agent_chunk');
  await run.finish();
  await also.find(({ type }) => type === 'agent_response');
  await bob.settled();
  expect(toldTo(bob)).not.toContain('mallory');
  expect(toldTo(mallory)).not.toContain('m-bob');
});
