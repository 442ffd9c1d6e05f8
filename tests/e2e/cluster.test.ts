/** Real nodes over a real PostgreSQL and a real Redis. */

import type { ServerMessage } from '@parley/protocol';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { bearer, connectAs, startGuarded } from '../auth/people.ts';
import { startGateway } from '../helpers/gateway.ts';
import { keptLog } from '../helpers/log-lines.ts';
import { meet, SIGNING_KEYS } from '../helpers/nodes.ts';
import { type Postgres, startPostgres } from '../helpers/postgres.ts';
import { puppet } from '../helpers/puppet.ts';
import { type Redis, startRedis } from '../helpers/redis.ts';
import { TestSocket } from '../helpers/socket.ts';

let postgres: Postgres;
let redis: Redis;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
});
afterAll(() => Promise.all([postgres.stop(), redis.stop()]));

/** What makes one of several nodes. */
async function together() {
  return { store: await postgres.newDatabase(), bus: redis.newUrl(), signingKeys: SIGNING_KEYS };
}

async function startNodes() {
  const settings = await together();
  const { agent, next } = puppet();
  const [one, two] = await Promise.all([
    startGateway({ agents: [agent], ...settings }),
    startGateway({ agents: [agent], ...settings }),
  ]);
  return { one, two, next, ...(await meet(one, two)) };
}

test('[R3] [R4] [R7] [R10] two nodes: text, order, late comers, presence, and a stop', async () => {
  const { two, alice, bob, sessionId, next, post } = await startNodes();
  await alice.find(({ type, data }) => type === 'presence' && data.connections === 2);
  post(alice, 'm-1');
  const first = await next();
  await first.say('one ');
  await bob.find(({ type }) => type === 'agent_chunk');
  const late = await TestSocket.open(two.ws);
  late.send({ type: 'session_join', session_id: sessionId });
  const { data } = await late.next('session_status');
  expect(data.answer).toMatchObject({ content: 'one ' });
  post(bob, 'm-2');
  await bob.find(({ reply_to, type }) => type === 'message_ack' && reply_to === 'm-2');
  await first.finish();
  const second = await next();
  expect(second.input.message).toBe('m-2');
  await second.say('two');
  bob.send({ type: 'run_cancel', message_id: 'stop', session_id: sessionId });
  await bob.find(({ reply_to }) => reply_to === 'stop');
  const ends = ({ received }: TestSocket) =>
    received.flatMap((message: ServerMessage) =>
      message.type === 'agent_response' ? [[message.data.status, message.data.content]] : [],
    );
  await expect
    .poll(() => [alice, bob, late].map(ends))
    .toEqual(
      [1, 2, 3].map(() => [
        ['complete', 'one '],
        ['cancelled', 'two'],
      ]),
    );
});

test('[R10] without Redis what is said is heard all the same, from the store, and readiness tells', async () => {
  const { one, alice, bob, next, post } = await startNodes();
  const ready = async () => (await fetch(`${one.http}/readyz`)).status;
  expect(await ready()).toBe(200);
  await redis.kill();
  onTestFinished(() => redis.start());
  await expect.poll(ready).toBe(503);
  post(alice, 'm-1');
  const run = await next();
  await run.say('heard late');
  await run.finish();
  expect((await bob.next('agent_response')).data.content).toBe('heard late');
});

test('[R3] [R10] a question over HTTP is answered, whichever node has the session, and a repeated one the same', async () => {
  const { two, alice, sessionId, next, post } = await startNodes();
  post(alice, 'm-1');
  const first = await next();
  const ask = async () => {
    const body = JSON.stringify({ session_id: sessionId, message: 'over HTTP', message_id: 'm-2' });
    const headers = { 'Content-Type': 'application/json' };
    const response = await fetch(`${two.http}/api/chat`, { method: 'POST', headers, body });
    return ((await response.json()) as { data: { response: string } }).data.response;
  };
  const asked = ask();
  await alice.find(({ type, message_id }) => type === 'chat_message' && message_id === 'm-2');
  const repeated = ask();
  await first.finish();
  const second = await next();
  await second.say('answered elsewhere');
  await second.finish();
  expect(await Promise.all([asked, repeated])).toEqual([
    'answered elsewhere',
    'answered elsewhere',
  ]);
});

test('[R4] [R10] an approval is given on another node than the one that asks for it', async () => {
  const { alice, bob, sessionId, next, post } = await startNodes();
  post(alice, 'm-1');
  const run = await next();
  const decision = run.context.approve({ tool: 'book', arguments: { berth: 12 } });
  const request = await bob.next('approval_request');
  const approval_id = request.data.approval_id;
  bob.send({
    type: 'approval_response',
    message_id: 'yes',
    session_id: sessionId,
    data: { approval_id, approved: true },
  });
  expect(await decision).toMatchObject({ approved: true });
  expect((await bob.find(({ reply_to }) => reply_to === 'yes')).type).toBe('message_ack');
  await run.finish();
  await alice.next('agent_response');
});

test('[R10] gateways have the connections and workers run the agents, also those that come later', async () => {
  const settings = await together();
  const { agent, next } = puppet();
  const { logger, shown } = keptLog();
  const door = await startGateway({ agents: [agent], role: 'gateway', logger, ...settings });
  const alice = await TestSocket.open(door.ws);
  const sessionId = await alice.create();
  const say = (id: string, data = {}) =>
    alice.send({
      type: 'chat_message',
      message_id: id,
      session_id: sessionId,
      data: { content: id, ...data },
    });
  say('m-1');
  await alice.next('message_ack');
  const readiness = async () => {
    const response = await fetch(`${door.http}/readyz`);
    const { data } = (await response.json()) as { data: { parts: Record<string, string> } };
    return [response.status, data.parts.bus, data.parts.worker];
  };
  const noWorker = 'none lives: messages are kept for the first one that starts';
  expect(await readiness()).toEqual([200, 'ready', noWorker]);
  const worker = await startGateway({ agents: [agent], role: 'worker', ...settings });
  const first = await next();
  expect(await readiness()).toEqual([200, 'ready', 'ready']);
  await first.say('here I ');
  expect((await alice.next('agent_chunk')).attempt).toBe(1);
  await first.finish();
  expect((await alice.next('agent_response')).data.status).toBe('complete');
  say('m-2');
  const second = await next();
  await second.say('not yet');
  await alice.next('agent_chunk');
  say('m-3', { replaces: 'm-2' });
  await second.aborted;
  expect((await alice.next('agent_response')).data.status).toBe('cancelled');
  await second.finish();
  const third = await next();
  await third.finish();
  expect((await alice.next('agent_response')).data.status).toBe('complete');
  expect(shown()).toEqual([
    'no worker lives: messages are kept for the first one that starts',
    'a worker lives again',
  ]);

  const statuses = ['/readyz', '/metrics', '/api/health', '/api/sessions', '/', '/ws'].map(
    async (path) => (await fetch(`${worker.http}${path}`)).status,
  );
  expect(await Promise.all(statuses)).toEqual([200, 200, 200, 404, 404, 404]);
  await expect(TestSocket.open(worker.ws)).rejects.toThrow('404');
});

test('[R10] a ticket of one node opens one connection on any, and none where it was revoked meanwhile', async () => {
  const settings = await together();
  const one = await startGuarded(['alice'], settings);
  const { tokensFile } = one;
  const two = await startGateway({ auth: 'token', tokensFile, ...settings });
  const token = one.tokens.alice ?? '';
  const issue = async () => {
    const response = await fetch(`${one.http}/api/tickets`, { method: 'POST', ...bearer(token) });
    return ((await response.json()) as { data: { ticket: string } }).data.ticket;
  };
  const open = (ticket: string) =>
    TestSocket.open(two.ws, { protocols: ['parley.v1', `parley.ticket.${ticket}`] });
  const ticket = await issue();
  const tries = await Promise.allSettled(Array.from({ length: 5 }, () => open(ticket)));
  expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  await expect(open(`${ticket}x`)).rejects.toThrow('401');
  const alice = await open(await issue());
  const late = await issue();
  await one.rewrite([], 'revoked alice');
  expect((await alice.closed).code).toBe(4401);
  await expect(open(late)).rejects.toThrow('401');
});

test('[R8] [R10] [R12] a ticket that cannot be asked for, or was used, is no wrong one, and nobody waits for a node that is gone', async () => {
  const settings = { ...(await together()), auth: 'token', maxFailedAttempts: 2 } as const;
  const one = await startGuarded(['alice', 'bob', 'carol'], settings);
  const { tokensFile } = one;
  const two = await startGateway({ tokensFile, ...settings });
  const gone = await startGateway({ tokensFile, ...settings });
  const { alice = '', bob = '', carol = '' } = one.tokens;
  const issue = async ({ http }: { readonly http: string }) => {
    const response = await fetch(`${http}/api/tickets`, { method: 'POST', ...bearer(alice) });
    return ((await response.json()) as { data: { ticket: string } }).data.ticket;
  };
  const open = (ticket: string) =>
    TestSocket.open(two.ws, { protocols: ['parley.v1', `parley.ticket.${ticket}`] });
  const refused = async (tickets: readonly string[], status: string) => {
    for (const ticket of tickets) await expect(open(ticket)).rejects.toThrow(status);
  };
  const three = async (node: { readonly http: string }) => [
    await issue(node),
    await issue(node),
    await issue(node),
  ];
  const left = await three(gone);
  await gone.gateway.close();
  const began = performance.now();
  await refused(left, '503');
  expect(performance.now() - began).toBeLessThan(3_000);
  const [used = ''] = await three(one);
  await open(used);
  await refused([used, used, used], '401');
  // Who comes from there for the first time is looked at.
  expect((await fetch(`${two.http}/api/me`, bearer(bob))).status).toBe(200);
  await redis.kill();
  onTestFinished(() => redis.start());
  await refused(await three(one), '503');
  expect((await fetch(`${two.http}/api/me`, bearer(carol))).status).toBe(200);
});

test('[R8] [R10] answers of one session and of one person are counted on all nodes together', async () => {
  const settings = await together();
  const { agent } = puppet();
  const limits = { maxQueuedRuns: 1, maxRunsPerPerson: 4 };
  const one = await startGuarded(['alice'], { ...settings, ...limits, agents: [agent] });
  const { tokensFile } = one;
  const two = await startGateway({
    auth: 'token',
    tokensFile,
    ...settings,
    ...limits,
    agents: [agent],
  });
  const token = one.tokens.alice ?? '';
  const clients = [await connectAs(one.ws, token), await connectAs(two.ws, token)];
  const shared = await clients[0]?.create();
  const apart = await Promise.all(clients.map((client) => client.create()));
  /** Three messages on each node at once, each to the session of its node; how many were accepted. */
  const post = async (name: string, sessionOf: (index: number) => string | undefined) => {
    for (const [index, client] of clients.entries()) {
      for (let count = 0; count < 3; count += 1) {
        const message_id = `${name}-${index}-${count}`;
        const session_id = sessionOf(index);
        client.send({ type: 'chat_message', message_id, session_id, data: { content: name } });
      }
    }
    const decided = () =>
      clients.flatMap(({ received }) =>
        received.filter(
          ({ type, reply_to }) =>
            (type === 'message_ack' || type === 'error') && reply_to?.startsWith(`${name}-`),
        ),
      );
    await expect.poll(() => decided().length, { timeout: 10_000 }).toBe(6);
    const refusals = decided().filter(({ type }) => type === 'error');
    for (const { data } of refusals) expect(data).toMatchObject({ code: 'QUEUE_FULL' });
    return 6 - refusals.length;
  };
  expect(await post('together', () => shared)).toBe(2);
  expect(await post('apart', (index) => apart[index])).toBe(2);
});

test('[R8] [R10] what one person sends is counted on all nodes together, and so are wrong tokens', async () => {
  const settings = await together();
  const limits = { personRate: 5, maxFailedAttempts: 4 };
  const one = await startGuarded(['alice', 'bob'], { ...settings, ...limits });
  const { tokensFile } = one;
  const two = await startGateway({ auth: 'token', tokensFile, ...settings, ...limits });
  const [alice = '', bob = ''] = [one.tokens.alice, one.tokens.bob];
  const status = async (http: string, token: string) =>
    (await fetch(`${http}/api/me`, bearer(token))).status;
  // 50 in ten seconds.
  const asked: number[] = [];
  for (let n = 0; n < 60; n += 1) asked.push(await status(n % 2 ? one.http : two.http, alice));
  expect(asked.filter((code) => code === 200)).toHaveLength(50);
  expect(await status(two.http, bob)).toBe(200);
  const guesses: number[] = [];
  for (let n = 0; n < 6; n += 1) guesses.push(await status(n % 2 ? one.http : two.http, `${n}`));
  expect(guesses).toEqual([401, 401, 401, 401, 429, 429]);
});

test('[R8] [R10] of wrong tokens that come to all nodes at once no more are looked at than of one, and right ones all the same', async () => {
  const settings = { ...(await together()), maxFailedAttempts: 4 };
  const names = Array.from({ length: 24 }, (_, n) => `person-${n}`);
  const one = await startGuarded(names, settings);
  const two = await startGateway({ auth: 'token', tokensFile: one.tokensFile, ...settings });
  const atOnce = (tokens: readonly string[]) =>
    Promise.all(
      tokens.map(async (token, n) => {
        const { http } = n % 2 ? one : two;
        return (await fetch(`${http}/api/me`, bearer(token))).status;
      }),
    );
  const right = names.map((name) => one.tokens[name] ?? '');
  expect(await atOnce(right)).toEqual(right.map(() => 200));
  const guesses = await atOnce(Array.from({ length: 40 }, (_, n) => `wrong-${n}`));
  const counts = [401, 429].map((code) => guesses.filter((status) => status === code).length);
  expect(counts).toEqual([4, 36]);
});
