/**
 * Every message and every route × everybody who may not. Made of the protocol and of the routes, so that a
 * new one is tried, or the table is found to lack it.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CLIENT_MESSAGE_TYPES, type ClientMessageType } from '@parley/protocol';
import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newToken } from '../../packages/gateway/src/auth/token-file.ts';
import { ROUTES } from '../../packages/gateway/src/http/routes.ts';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { clientFrame, OPCODE, RawSocket } from '../helpers/raw.ts';
import { TestSocket } from '../helpers/socket.ts';

const SECRET = 's'.repeat(32);
const WORD = 'herring';
/** What nobody is for saying so. */
const CLAIMS = { role: 'admin', roles: ['admin'], admin: true, isAdmin: true, is_admin: true };
const CLAIMED = { ...CLAIMS, owner: 'alice', user: 'alice', sender: 'alice', principal: 'alice' };
const CLAIMING = {
  'X-Role': 'admin',
  'X-User': 'alice',
  'X-Forwarded-User': 'alice',
  'X-Remote-User': 'alice',
  Cookie: 'parley_signed_in=alice; parley_id=alice; role=admin',
};

/** Of each message, what makes it a good one. */
const DATA: Readonly<Record<ClientMessageType, object>> = {
  session_create: {},
  session_join: {},
  chat_message: { content: 'x' },
  ping: {},
  typing: { is_typing: true },
  session_update: { title: 'mine now' },
  session_leave: {},
  run_cancel: {},
  approval_response: { approval_id: 'a', approved: true },
  auth: { token: 'none' },
  sessions_watch: {},
};
const TYPES = CLIENT_MESSAGE_TYPES['parley.v1'];
/** These are about no session that is there; what they do to somebody else's is tried in access.test.ts. */
const OF_NO_SESSION: readonly ClientMessageType[] = [
  'session_create',
  'ping',
  'auth',
  'sessions_watch',
];

const disposals: (() => unknown)[] = [];
const onFinished = (dispose: () => unknown) => void disposals.push(dispose);
let http: string;
let ws: string;
let sessionId: string;
let before: string;
const tokens = { alice: '', bob: '', expired: '', revoked: '' };

beforeAll(async () => {
  const tokensFile = join(await temporaryDirectory(onFinished), 'tokens.txt');
  const line = (who: keyof typeof tokens, name: string) => {
    const made = newToken(name);
    tokens[who] = made.token;
    return made.line;
  };
  const lines = [
    line('alice', 'alice'),
    line('bob', 'bob'),
    `${line('expired', 'alice')} until=2020-01-01`,
    line('revoked', 'carol'),
    'revoked carol',
  ];
  await writeFile(tokensFile, lines.join('\n'));
  const options = { tokensFile, jwtSecret: SECRET, maxFailedAttempts: 0, admins: ['root'] };
  const agents = [echoAgent];
  ({ http, ws } = await startGateway({ auth: 'token', agents, ...options }, onFinished));
  const alice = await open(bearer(tokens.alice));
  sessionId = await alice.create({ title: `of ${WORD}` });
  await alice.ask(WORD);
  before = await stateOf(sessionId);
});
afterAll(async () => {
  // All that there is of her session, after everybody has tried everything.
  expect(await stateOf(sessionId)).toBe(before);
  for (const dispose of disposals.reverse()) await dispose();
});

function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}

async function stateOf(id: string): Promise<string> {
  const texts = ['', '/members', '/export?format=json'].map(async (more) =>
    (await fetch(`${http}/api/sessions/${id}${more}`, { headers: bearer(tokens.alice) })).text(),
  );
  return (await Promise.all(texts)).join('\n').replaceAll(/"exported_at":[^,}]+/g, '');
}

function open(headers: Record<string, string> = {}): Promise<TestSocket> {
  return TestSocket.open(ws, { headers, onFinished });
}

/** Without what differs by chance, and with the id of a session as one word. */
function alike(text: string, id: string): string {
  return text.replaceAll(/"timestamp":(?:\d+|"[^"]+")/g, '').replaceAll(id, 'ID');
}

interface Answer {
  readonly status: number;
  readonly text: string;
  /** Status, headers and body, as far as they do not differ by chance. */
  readonly whole: string;
}

async function ask(
  { method, path }: { method: string; path: string },
  headers: Record<string, string>,
  { id = sessionId, claims = {} }: { id?: string; claims?: object } = {},
): Promise<Answer> {
  const target = path.replace('{id}', id).replace('{person}', 'bob');
  const hasBody = method === 'POST' || method === 'PATCH';
  const body = JSON.stringify({ title: 'mine now', message: 'x', session_id: id, ...claims });
  const query = path === '/api/search' ? `?q=${WORD}` : '';
  const response = await fetch(http + target + query, {
    method,
    headers: { ...headers, ...(hasBody ? { 'Content-Type': 'application/json' } : {}) },
    ...(hasBody ? { body } : {}),
  });
  const text = await response.text();
  const kept = [...response.headers].filter(
    ([name]) => name !== 'date' && name !== 'content-length',
  );
  const whole = `${response.status} ${JSON.stringify(kept)} ${alike(text, id)}`;
  return { status: response.status, text, whole };
}

const bob = () => bearer(tokens.bob);
const rows = ROUTES.map((route) => [`${route.method} ${route.path}`, route] as const);

describe.each(rows)('%s', (_, route) => {
  const isOpen = route.access === 'everyone';

  test('is for who it is for', async () => {
    // Nothing is deleted before the others have tried to.
    if (route.method !== 'GET') return;
    const { status } = await ask(route, bearer(tokens.alice));
    expect(status).toBe(route.access === 'admin' ? 403 : 200);
  });

  test('is not for who says nothing of themselves', async () => {
    expect((await ask(route, {})).status).toBe(isOpen ? 200 : 401);
  });

  test('is for nobody whose token has expired, was revoked or was signed by nobody', async () => {
    const admin = { sub: 'root', exp: Math.floor(Date.now() / 1_000) + 60, ...CLAIMS };
    const old = { ...admin, exp: Math.floor(Date.now() / 1_000) - 60 };
    const sign = (claims: object, secret: string) =>
      new SignJWT({ ...claims }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(secret));
    for (const token of [
      tokens.expired,
      tokens.revoked,
      new UnsecuredJWT(admin).encode(),
      await sign(admin, 'x'.repeat(32)),
      await sign(old, SECRET),
    ]) {
      const { status, text } = await ask(route, bearer(token));
      expect([token, status, text]).toEqual([token, 401, expect.stringContaining('UNAUTHORIZED')]);
    }
  });

  test('is for no page of a foreign origin, whoever is signed in there', async () => {
    const owner = bearer(tokens.alice);
    for (const Origin of ['http://evil.example', 'null']) {
      const { status, text } = await ask(route, { ...owner, Origin });
      expect([status, text]).toEqual([403, expect.stringContaining('ORIGIN_NOT_ALLOWED')]);
    }
  });

  test('says nothing of the session of somebody else, not even that it is there', async () => {
    const answer = await ask(route, bob());
    expect(answer.text).not.toContain(`of ${WORD}`);
    if (route.access === 'admin') expect(answer.status).toBe(403);
    if (!route.path.includes('{id}')) return;
    expect(answer.status).toBe(404);
    expect(answer.whole).toBe((await ask(route, bob(), { id: crypto.randomUUID() })).whole);
  });

  test('makes nobody more than they are for saying so', async () => {
    const claiming = { ...CLAIMING, ...bob() };
    // What a provider signs says who somebody is; what they may do here is for this server to say.
    const signed = await new SignJWT({ ...CLAIMS, sub: 'bob' })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('1m')
      .sign(Buffer.from(SECRET));
    const { status: usual } = await ask(route, bob());
    for (const headers of [claiming, { ...CLAIMING, ...bearer(signed) }]) {
      const { status, text } = await ask(route, headers, { claims: CLAIMED });
      expect(status).toBe(usual);
      expect(text).not.toContain(`of ${WORD}`);
    }
    if (!isOpen) expect((await ask(route, CLAIMING, { claims: CLAIMED })).status).toBe(401);
  });
});

test('every message of the protocol is among those that are tried', () => {
  expect(Object.keys(DATA).sort()).toEqual([...TYPES].sort());
});

describe.each(TYPES)('%s', (type) => {
  const message = (more: object = {}) => ({
    type,
    message_id: 'm',
    session_id: type === 'session_create' ? undefined : sessionId,
    data: DATA[type],
    ...more,
  });

  test('is not heard from who says nothing of themselves, or what is no longer good', async () => {
    for (const token of [undefined, tokens.expired, tokens.revoked]) {
      const client = await open();
      if (token !== undefined) client.send({ type: 'auth', message_id: 'a', data: { token } });
      client.send(message());
      expect((await client.closed).code).toBe(4401);
      expect(client.received).toMatchObject([{ type: 'error', data: { code: 'UNAUTHORIZED' } }]);
    }
  });

  test('is not heard from a page of a foreign origin, whose upgrade is refused', async () => {
    const headers = { ...bearer(tokens.alice), Origin: 'http://evil.example' };
    // With the request, in the hope that it is taken before somebody looks at where it is from.
    const ahead = clientFrame(OPCODE.text, Buffer.from(JSON.stringify(message())));
    const raw = await RawSocket.open(Number(new URL(http).port), { headers, ahead, onFinished });
    await raw.closed;
    expect(raw.status).toContain('403');
    expect(raw.frames).toEqual([]);
    const { text } = await ask({ method: 'GET', path: '/api/sessions/{id}' }, bearer(tokens.alice));
    expect(text).toContain('"message_count":2');
  });

  test('is answered the same whatever it says of its role, and whether the session is there', async () => {
    const client = await open({ ...CLAIMING, ...bob() });
    const told: string[] = [];
    const absent = crypto.randomUUID();
    for (const [index, more] of [
      {},
      { ...CLAIMED, data: { ...DATA[type], ...CLAIMED } },
      ...(OF_NO_SESSION.includes(type) ? [] : [{ session_id: absent }]),
    ].entries()) {
      client.send(message({ ...more, message_id: `m-${index}` }));
      const answer = await client.find(({ reply_to }) => reply_to === `m-${index}`);
      const text = alike(alike(JSON.stringify(answer), sessionId), absent);
      told.push(text.replace(`m-${index}`, 'm'));
    }
    expect(JSON.stringify(client.received)).not.toContain(WORD);
    if (type === 'session_create') expect(told.join()).toContain('"id":"bob","access":"manage"');
    else expect(new Set(told).size).toBe(1);
    if (!OF_NO_SESSION.includes(type)) expect(told[0]).toContain('"type":"error"');
  });
});
