/** Who has a token is somebody: how it is shown, and when it is no longer good. */
import { hash } from 'node:crypto';
import { CLIENT_MESSAGE_TYPES } from '@parley/protocol';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { startGateway } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { RawSocket } from '../helpers/raw.ts';
import { TestSocket } from '../helpers/socket.ts';
import { bearer, connectAs, startGuarded } from './people.ts';

/** Expiry, rotation and revocation close what is open within so many milliseconds. */
const CLOSED_WITHIN = 5_000;

const expiresAt = new Date(Date.now() + 3_600_000);

/** From now on it is when that expires: what comes before may take as long as it does. */
function expire(): void {
  vi.useFakeTimers({ toFake: ['Date'], now: expiresAt });
  onTestFinished(() => void vi.useRealTimers());
}

async function whoAmI(http: string, token: string): Promise<{ id: string; is_admin: boolean }> {
  const response = await fetch(`${http}/api/me`, bearer(token));
  return ((await response.json()) as { data: { id: string; is_admin: boolean } }).data;
}

describe('a token is shown', () => {
  test('in Authorization, as a subprotocol, in the first message, or by a ticket: it is the same person', async () => {
    const { http, ws, tokens } = await startGuarded(['alice', 'bob']);
    const token = tokens.alice ?? '';
    const sessionId = await (await connectAs(ws, token)).create();
    const join = async (client: TestSocket) => {
      client.send({ type: 'session_join', session_id: sessionId });
      const { data } = await client.next('session_status');
      expect(data.session_id).toBe(sessionId);
    };
    await join(await TestSocket.open(ws, { protocols: ['parley.v1', `parley.bearer.${token}`] }));
    const first = await TestSocket.open(ws);
    first.send({ type: 'auth', message_id: 'a', data: { token } });
    // Nothing has to wait for the acknowledgement.
    await join(first);
    expect(first.received[0]).toMatchObject({ type: 'message_ack', reply_to: 'a' });
    const asked = await fetch(`${http}/api/tickets`, { method: 'POST', ...bearer(token) });
    const { ticket, expires_in_ms } = ((await asked.json()) as { data: Record<string, unknown> })
      .data;
    expect(expires_in_ms).toBeLessThanOrEqual(30_000);
    const protocols = ['parley.v1', `parley.ticket.${ticket}`];
    // It opens a connection, and nothing else: what can be read on its way is not worth a cookie.
    for (const [method, path] of [
      ['GET', '/api/me'],
      ['POST', '/api/sign-in'],
      ['POST', '/api/tickets'],
    ] as const) {
      const headers = { 'Sec-WebSocket-Protocol': protocols.join(', ') };
      expect((await fetch(`${http}${path}`, { method, headers })).status).toBe(401);
    }
    await join(await TestSocket.open(ws, { protocols }));
    await expect(TestSocket.open(ws, { protocols })).rejects.toThrow('401');
    expect(await whoAmI(http, token)).toMatchObject({ id: 'alice', is_admin: false });
  });

  test('and never told to the other side: the chosen subprotocol is parley.v1', async () => {
    const { ws, tokens } = await startGuarded(['alice']);
    const socket = new WebSocket(ws, [`parley.bearer.${tokens.alice}`, 'parley.v1']);
    await new Promise((resolve) => socket.once('open', resolve));
    expect(socket.protocol).toBe('parley.v1');
    socket.terminate();
  });

  test.each(['token', 'access_token', 'ticket'])('never as ?%s=', async (name) => {
    const { http, port, tokens } = await startGuarded(['alice']);
    const query = `${name}=${tokens.alice}`;
    expect((await fetch(`${http}/api/sessions?${query}`)).status).toBe(401);
    const raw = await RawSocket.open(port, { path: `/ws?${query}` });
    expect(raw.status).toContain('401');
    expect(raw.body).not.toContain(tokens.alice);
  });

  test('[R11] by a plain client in Authorization; without it there is none', async () => {
    const { ws, tokens } = await startGuarded(['alice']);
    const client = await connectAs(ws, tokens.alice ?? '', { plain: true });
    expect((await client.ask('hello')).data.content).toContain('hello');
    await expect(TestSocket.open(ws, { plain: true })).rejects.toThrow('401');
  });
});

describe('[R12] who shows none', () => {
  test('and is silent is ended at the deadline', async () => {
    const { ws } = await startGuarded([], { authTimeout: '2s' });
    const began = performance.now();
    const { code } = await (await TestSocket.open(ws)).closed;
    expect(code).toBe(4401);
    expect(performance.now() - began).toBeLessThan(CLOSED_WITHIN);
  });

  test.each(CLIENT_MESSAGE_TYPES['parley.v1'].filter((type) => type !== 'auth'))(
    'is not heard: %s is refused and the connection ended',
    async (type) => {
      const { ws } = await startGuarded([]);
      const client = await TestSocket.open(ws);
      const data = { content: 'x', is_typing: true, approval_id: 'a', approved: true, title: 't' };
      client.send({ type, message_id: 'm', session_id: 's', data });
      expect(await client.next('error')).toMatchObject({
        reply_to: 'm',
        data: { code: 'UNAUTHORIZED', retryable: false },
      });
      expect((await client.closed).code).toBe(4401);
    },
  );

  test('is told so over HTTP on every route that is not for everyone', async () => {
    const { http } = await startGuarded([]);
    for (const path of ['/api/sessions', '/api/agents', '/api/me', '/metrics', '/api/search?q=x']) {
      const response = await fetch(`${http}${path}`);
      const { error } = (await response.json()) as { error: { code: string } };
      expect([path, response.status, error.code]).toEqual([path, 401, 'UNAUTHORIZED']);
    }
    for (const path of ['/api/health', '/readyz', '/api/config', '/openapi.json']) {
      expect([path, (await fetch(`${http}${path}`)).status]).toEqual([path, 200]);
    }
  });

  test('[R8] sends no more than a token and a little', async () => {
    const { ws } = await startGuarded([]);
    const client = await TestSocket.open(ws);
    client.raw('x'.repeat(300_000));
    expect((await client.closed).code).toBe(4401);
  });

  test('a wrong token is refused before there is a connection, and in an auth message ends it', async () => {
    const { ws, tokens } = await startGuarded(['alice']);
    const wrong = `${tokens.alice?.slice(0, -1)}${tokens.alice?.endsWith('A') ? 'B' : 'A'}`;
    await expect(connectAs(ws, wrong)).rejects.toThrow('401');
    const client = await TestSocket.open(ws);
    client.send({ type: 'auth', message_id: 'a', data: { token: wrong } });
    client.send({ type: 'session_create' });
    expect((await client.next('error')).data.code).toBe('UNAUTHORIZED');
    expect((await client.closed).code).toBe(4401);
    expect(client.received).toHaveLength(1);
  });
});

describe('[R4] a token that is no longer good ends its connections and nothing else', () => {
  test('when it expires', async () => {
    const { agent, next } = puppet();
    const authenticate = ({ token }: { token?: string }) =>
      token === 'short' ? { id: 'me', expiresAt } : { id: 'me' };
    const { ws } = await startGateway({ agents: [agent], authenticate });
    const [short, long] = [await connectAs(ws, 'short'), await connectAs(ws, 'long')];
    const session_id = await short.create();
    short.send({ type: 'chat_message', session_id, data: { content: 'go' } });
    const run = await next();
    const expired = performance.now();
    expire();
    expect((await short.closed).code).toBe(4401);
    expect(performance.now() - expired).toBeLessThan(CLOSED_WITHIN);
    await expect(connectAs(ws, 'short')).rejects.toThrow('401');
    long.send({ type: 'session_join', session_id });
    await long.next('session_status');
    await run.say('still here');
    await run.finish();
    expect((await long.next('agent_response')).data.content).toBe('still here');
  });

  test('when its line is taken out of the file or ends now, or its person is revoked', async () => {
    const { ws, tokens, rewrite } = await startGuarded(['alice', 'bob', 'carol', 'dave']);
    const open = async (name: string) => connectAs(ws, tokens[name] ?? '');
    const [alice, bob] = [await open('alice'), await open('bob')];
    const [carol, dave] = [await open('carol'), await open('dave')];
    const began = performance.now();
    const digest = hash('sha256', tokens.dave ?? '');
    await rewrite(['alice', 'carol'], 'revoked carol', `sha256:${digest} dave until=2020-01-01`);
    for (const { closed } of [bob, carol, dave]) expect((await closed).code).toBe(4401);
    expect(performance.now() - began).toBeLessThan(CLOSED_WITHIN);
    await expect(open('bob')).rejects.toThrow('401');
    await expect(open('carol')).rejects.toThrow('401');
    expect((await alice.ask('still here')).data.status).toBe('complete');
  });

  test('a file that has become wrong changes nothing, until it is right again', async () => {
    const { ws, tokens, rewrite } = await startGuarded(['alice', 'bob']);
    const [alice, bob] = [
      await connectAs(ws, tokens.alice ?? ''),
      await connectAs(ws, tokens.bob ?? ''),
    ];
    await rewrite([], 'alice: let me in');
    await rewrite(['alice']);
    expect((await bob.closed).code).toBe(4401);
    expect((await alice.ask('still here')).data.status).toBe('complete');
  });

  test('a new token of the same person renews in place, one of somebody else does not', async () => {
    const authenticate = ({ token }: { token?: string }) => {
      if (token === 'first') return { id: 'me', expiresAt };
      return token === 'second' ? { id: 'me' } : token === 'other' ? { id: 'you' } : undefined;
    };
    const { ws } = await startGateway({ authenticate });
    const [client, witness] = [await connectAs(ws, 'first'), await connectAs(ws, 'first')];
    client.send({ type: 'auth', message_id: 'a-1', data: { token: 'other' } });
    client.send({ type: 'auth', message_id: 'a-2', data: { token: 'nobody' } });
    const refusals = await client.collect('error', 2);
    expect(refusals.map(({ data }) => data.code)).toEqual(['UNAUTHORIZED', 'UNAUTHORIZED']);
    client.send({ type: 'auth', message_id: 'a-3', data: { token: 'second' } });
    expect((await client.next('message_ack')).reply_to).toBe('a-3');
    await witness.settled();
    expire();
    expect((await witness.closed).code).toBe(4401);
    await client.settled();
  });

  test('[R7] and one that says less of them takes away what they saw by that', async () => {
    const people: Record<string, { id: string; isAdmin?: boolean }> = {
      alice: { id: 'alice' },
      admin: { id: 'root', isAdmin: true },
      root: { id: 'root' },
    };
    const authenticate = ({ token = '' }: { token?: string }) => people[token];
    const { ws } = await startGateway({ authenticate });
    const [alice, root] = [await connectAs(ws, 'alice'), await connectAs(ws, 'admin')];
    const [hers, own] = [await alice.create(), await root.create()];
    root.send({ type: 'session_join', session_id: hers });
    await root.next('session_status');
    root.send({ type: 'auth', message_id: 'less', data: { token: 'root' } });
    const end = await root.next('session_status');
    expect(end.data).toMatchObject({ session_id: hers, status: 'deleted' });
    expect((await root.next('message_ack')).reply_to).toBe('less');
    await alice.ask('a secret');
    const heard = root.received.length;
    expect((await root.ask('still here', { session_id: own })).session_id).toBe(own);
    expect(root.received.slice(heard).filter(({ session_id }) => session_id === hers)).toEqual([]);
    root.send({ type: 'session_join', session_id: hers });
    expect((await root.next('error')).data.code).toBe('SESSION_NOT_FOUND');
  });
});

test('administrators may do in every session what its owner may, and see the metrics', async () => {
  const { http, ws, tokens } = await startGuarded(['alice', 'root'], { admins: ['root'] });
  const id = await (await connectAs(ws, tokens.alice ?? '')).create();
  const path = `${http}/api/sessions/${id}`;
  expect((await fetch(path, bearer(tokens.root ?? ''))).status).toBe(200);
  expect((await fetch(`${http}/metrics`, bearer(tokens.root ?? ''))).status).toBe(200);
  expect((await fetch(`${http}/metrics`, bearer(tokens.alice ?? ''))).status).toBe(403);
  expect(await whoAmI(http, tokens.root ?? '')).toMatchObject({ id: 'root', is_admin: true });
});
