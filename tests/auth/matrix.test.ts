/**
 * Every message of the protocol and every route of the API, for everyone who is not to have it. The tables
 * are made of the protocol and of the routes: what is new there and not here fails.
 */
import { CLIENT_MESSAGE_TYPES } from '@parley/protocol';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Route } from '../../packages/gateway/src/http/route.ts';
import { ROUTES } from '../../packages/gateway/src/http/routes.ts';
import { clientFrame, OPCODE, RawSocket } from '../helpers/raw.ts';
import { TestSocket } from '../helpers/socket.ts';
import { type Guarded, startGuarded } from './people.ts';

const SECRET = 'a secret of more than thirty-two characters';
/** Of alice's session, where nobody else may see it. */
const WORD = 'herring';

/** What makes each message a good one; of those that name no session, what makes it reach for alice's. */
const MESSAGES: Readonly<Record<string, object>> = {
  session_create: { title: 'mine now' },
  session_join: {},
  session_update: { title: 'mine now' },
  session_leave: {},
  sessions_watch: {},
  chat_message: { content: 'x' },
  run_cancel: {},
  approval_response: { approval_id: 'a', approved: true },
  typing: { is_typing: true },
  ping: {},
  auth: { token: 'alice' },
};

/** The bodies of the routes that take one, with the id of alice's session. */
const BODIES: Readonly<Record<string, (id: string) => object>> = {
  'POST /api/sessions': () => ({ title: 'mine now' }),
  'PATCH /api/sessions/{id}': () => ({ title: 'mine now' }),
  'POST /api/sessions/{id}/invitations': () => ({ access: 'write' }),
  'POST /api/invitations': (id) => ({ invitation: id }),
  'POST /api/chat': (id) => ({ session_id: id, message: 'x' }),
};

/** What somebody might say of themselves, in the hope that it is believed. */
const CLAIMS = { role: 'admin', is_admin: true, owner: 'alice', principal: 'alice', sub: 'alice' };
const CLAIMING_HEADERS = {
  'X-Role': 'admin',
  'X-User': 'alice',
  'X-Forwarded-User': 'alice',
  'X-Remote-User': 'alice',
  'Remote-User': 'alice',
  'X-Parley-Principal': 'alice',
  Cookie: 'role=admin; user=alice; parley=alice',
};

/** Somebody whose credential is good for nothing, and how they are refused. */
interface Stranger {
  readonly headers: () => Readonly<Record<string, string>>;
  /** As it would be shown in the first message. */
  readonly token?: () => string;
  readonly status: number;
}

let house: Guarded;
let sessionId: string;
let alice: TestSocket;
let expired: string;
let unsigned: string;
let before: string;
/** How many messages alice had got before anybody tried. */
let toldBefore: number;

const disposals: (() => unknown)[] = [];
const onFinished = (dispose: () => unknown) => void disposals.push(dispose);
afterAll(async () => {
  for (const dispose of disposals.reverse()) await dispose();
});

const bearer = (token = '') => ({ Authorization: `Bearer ${token}` });

beforeAll(async () => {
  house = await startGuarded(
    ['alice', 'bob', 'dave'],
    { jwtSecret: SECRET, maxFailedAttempts: 1_000_000 },
    onFinished,
  );
  const { ws, http, tokens } = house;
  alice = await TestSocket.open(ws, { headers: bearer(tokens.alice), onFinished });
  sessionId = await alice.create({ title: `of ${WORD}` });
  await alice.ask(WORD, { session_id: sessionId });
  expired = await new SignJWT({ sub: 'alice' })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(Math.floor(Date.now() / 1_000) - 60)
    .sign(new TextEncoder().encode(SECRET));
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  unsigned = `${part({ alg: 'none' })}.${part({ ...CLAIMS, exp: 4_102_444_800 })}.`;
  const dave = await TestSocket.open(ws, { headers: bearer(tokens.dave), onFinished });
  await house.rewrite(['alice', 'bob']);
  // From then on it is revoked.
  expect((await dave.closed).code).toBe(4401);
  before = await stateOf(http);
  await alice.settled();
  toldBefore = alice.received.length;
});

/** All that there is of alice's session. */
async function stateOf(http: string): Promise<string> {
  const headers = bearer(house.tokens.alice);
  const path = `${http}/api/sessions/${sessionId}`;
  const texts = ['', '/members', '/export?format=json'].map(async (more) =>
    (await fetch(path + more, { headers })).text(),
  );
  return (await Promise.all(texts)).join('\n').replaceAll(/"exported_at":[^,}]+/g, '');
}

afterAll(async () => {
  expect(await stateOf(house.http)).toBe(before);
  await alice.settled();
  const told = alice.received.slice(toldBefore).filter(({ type }) => type !== 'pong');
  expect(told).toEqual([]);
});

const STRANGERS: Readonly<Record<string, Stranger>> = {
  'who shows nothing': { headers: () => ({}), status: 401 },
  'whose token has expired': {
    headers: () => bearer(expired),
    token: () => expired,
    status: 401,
  },
  'whose token was revoked': {
    headers: () => bearer(house.tokens.dave),
    token: () => house.tokens.dave ?? '',
    status: 401,
  },
  'whose token is signed by nobody and says that they are an administrator': {
    headers: () => ({ ...bearer(unsigned), ...CLAIMING_HEADERS }),
    token: () => unsigned,
    status: 401,
  },
  'who comes from a foreign origin, with a good token': {
    headers: () => ({ ...bearer(house.tokens.alice), Origin: 'https://evil.example' }),
    status: 403,
  },
};

const frame = (message: object) => clientFrame(OPCODE.text, Buffer.from(JSON.stringify(message)));

test('every message and every route is among those that are tried here', () => {
  expect(Object.keys(MESSAGES).sort()).toEqual([...CLIENT_MESSAGE_TYPES['parley.v1']].sort());
  const takeBodies = ROUTES.filter(({ body }) => body).map((route) => nameOf(route));
  expect(Object.keys(BODIES).sort()).toEqual(takeBodies.sort());
});

const nameOf = ({ method, path }: Route) => `${method} ${path}`;

describe.each(Object.entries(STRANGERS))('%s', (_, { headers, token, status }) => {
  test.each(Object.entries(MESSAGES))('may not send %s', async (type, data) => {
    const { port } = house;
    const message = frame({ type, message_id: 'm', session_id: sessionId, data });
    // With the request, in the hope that it is taken before somebody looks at who it is from.
    const shown = headers();
    const raw = await RawSocket.open(port, { headers: shown, ahead: message });
    if ('Authorization' in shown) {
      expect(raw.status).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(raw.body).not.toContain(WORD);
    } else await expectUnauthorized(raw);
    if (!token) return;
    const auth = frame({ type: 'auth', message_id: 'a', data: { token: token() } });
    await expectUnauthorized(await RawSocket.open(port, { ahead: Buffer.concat([auth, message]) }));
  });

  test.each(ROUTES.map((route) => [nameOf(route), route] as const))(
    'may not ask %s',
    async (name, { method, path, access }) => {
      const isOpen = access === 'everyone' && status === 401 && !token;
      const { answer, text } = await request({ headers: headers(), method, path, name });
      if (isOpen) expect(answer.status).toBeLessThan(500);
      else expect([answer.status, text]).toEqual([status, expect.stringMatching(REFUSED)]);
      expect(text).not.toContain(sessionId);
      expect(text).not.toContain(WORD);
    },
  );
});

const REFUSED = /"code":"(?:UNAUTHORIZED|ORIGIN_NOT_ALLOWED)"/;

/** It is ended, and told nothing but why. */
async function expectUnauthorized(raw: RawSocket): Promise<void> {
  await raw.until(({ closeCode }) => closeCode !== 1006);
  expect(raw.closeCode).toBe(4401);
  const codes = raw.messages().map(({ type, data }) => (type === 'error' ? data.code : type));
  expect(codes.filter((code) => code !== 'UNAUTHORIZED')).toEqual([]);
}

async function request(asked: {
  readonly headers: Readonly<Record<string, string>>;
  readonly method: string;
  readonly path: string;
  readonly name: string;
  readonly id?: string;
  readonly more?: object;
}): Promise<{ answer: Response; text: string }> {
  const { headers, method, path, name, id = sessionId, more } = asked;
  const body = BODIES[name]?.(id);
  const answer = await fetch(house.http + path.replace('{id}', id).replace('{person}', 'bob'), {
    method,
    headers: { ...headers, 'Content-Type': 'application/json' },
    ...(body ? { body: JSON.stringify({ ...body, ...more }) } : {}),
  });
  return { answer, text: await answer.text() };
}

/** With each id of a session as one word, and without what differs by chance. */
function alike(text: string, id: string): string {
  return text.replaceAll(/"timestamp":(?:\d+|"[^"]+")/g, '').replaceAll(id, 'ID');
}

const OTHERS = {
  'another person': { headers: {}, claims: {} },
  'another person who says that they are the owner and an administrator': {
    headers: CLAIMING_HEADERS,
    claims: CLAIMS,
  },
} as const;

describe.each(Object.entries(OTHERS))('%s', (_, { headers: claiming, claims }) => {
  const headers = () => ({ ...bearer(house.tokens.bob), ...claiming });

  test.each(Object.entries(MESSAGES))(
    'learns nothing by %s: it is as if the session were not there',
    async (type, data) => {
      const told: string[] = [];
      for (const id of [sessionId, crypto.randomUUID()]) {
        const bob = await TestSocket.open(house.ws, { headers: headers() });
        bob.send({
          ...{ type, message_id: 'm', session_id: id, ...claims },
          data: { ...data, ...claims },
        });
        await bob.settled();
        const answers = bob.received.filter(({ reply_to }) => reply_to === 'm');
        told.push(answers.map((message) => alike(JSON.stringify(message), id)).join('\n'));
        expect(JSON.stringify(bob.received)).not.toContain(WORD);
        bob.socket.close();
      }
      const [ofAlice = '', ofNobody = ''] = told;
      // Making a session of an id that is free is no secret; the other is refused as what is not there.
      if (type === 'session_create') expect(ofAlice).toContain('SESSION_NOT_FOUND');
      else expect(ofAlice).toBe(ofNobody);
    },
  );

  test.each(ROUTES.map((route) => [nameOf(route), route] as const))(
    'learns nothing by %s',
    async (name, { method, path, access }) => {
      const answers: string[] = [];
      for (const id of [sessionId, crypto.randomUUID()]) {
        const { answer, text } = await request({
          ...{ headers: headers(), method, path, name, id, more: claims },
        });
        const kept = [...answer.headers].filter(([key]) => key !== 'date' && key !== 'set-cookie');
        answers.push(alike(`${answer.status} ${JSON.stringify(kept)}\n${text}`, id));
        expect(text).not.toContain(WORD);
        if (access === 'admin') expect(answer.status).toBe(403);
      }
      const [ofAlice = '', ofNobody = ''] = answers;
      const isAboutIt = path.includes('{id}') || name === 'POST /api/chat';
      if (isAboutIt) expect(ofAlice).toMatch(/^404 .*\n.*SESSION_NOT_FOUND/);
      // A chat makes the session whose id is free, as session_create does.
      if (path.includes('{id}')) expect(ofAlice).toBe(ofNobody);
    },
  );
});
