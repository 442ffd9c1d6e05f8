/** Guessing a token, with everything that a client can make up changed from one guess to the next. */
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { AuthenticateInput } from '../../packages/gateway/src/auth/function.ts';
import { connectAs, startGuarded } from '../auth/people.ts';
import { startGateway } from '../helpers/gateway.ts';
import { TestSocket } from '../helpers/socket.ts';
import { exchange, portOf } from '../http/request.ts';

const GUESSES = 10_000;
/** Connections that guess at once. */
const TOGETHER = 50;

interface Refused {
  readonly status: number;
  readonly code: string;
  readonly retryAfterMs: number;
}

const randomAddress = () => `${[...randomBytes(4)].join('.')}`;

/** What a client can write that might be taken for where it is or who it is. */
function madeUp(): Record<string, string> {
  const from = randomAddress();
  return {
    'X-Forwarded-For': `${from}, ${randomAddress()}`,
    Forwarded: `for=${from};proto=https`,
    'X-Real-IP': from,
    'X-Client-IP': from,
    'CF-Connecting-IP': from,
    'True-Client-IP': from,
    'User-Agent': randomBytes(6).toString('hex'),
    Cookie: `parley_signed_in=${randomBytes(12).toString('base64url')}.${randomBytes(12).toString('base64url')}`,
    'X-User': 'admin',
    'X-Role': 'admin',
  };
}

const newGuess = () => `parley_${randomBytes(32).toString('base64url')}`;

/** Asks of each guessed token whom it belongs to, one request behind the other. */
async function guessByRequest(http: string, ...tokens: readonly string[]): Promise<Refused[]> {
  const requests = tokens.map((token, index) => {
    const headers = {
      Host: '127.0.0.1',
      ...madeUp(),
      Authorization: `Bearer ${token}`,
      ...(index === tokens.length - 1 ? { Connection: 'close' } : {}),
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return `GET /api/me HTTP/1.1\r\n${lines.join('')}\r\n`;
  });
  const answers = await exchange(portOf(http), requests.join(''));
  return answers
    .split('HTTP/1.1 ')
    .slice(1)
    .map((answer) => ({
      status: Number.parseInt(answer, 10),
      code: /"code":"(\w+)"/.exec(answer)?.[1] ?? '',
      retryAfterMs: Number(/"retry_after_ms":(\d+)/.exec(answer)?.[1] ?? 0),
    }));
}

/** The same by the upgrade of a WebSocket. */
function guessByUpgrade(ws: string, token: string, kind: 'bearer' | 'ticket'): Promise<Refused> {
  const socket = new WebSocket(ws, ['parley.v1', `parley.${kind}.${token}`], { headers: madeUp() });
  return new Promise((resolve, reject) => {
    socket.on('error', () => {});
    socket.once('open', () => reject(new Error('It was let in.')));
    socket.once('unexpected-response', (_request, response) => {
      response.resume();
      const retryAfterMs = Number(response.headers['retry-after'] ?? 0) * 1_000;
      const code = String(response.statusMessage);
      resolve({ status: response.statusCode ?? 0, code, retryAfterMs });
    });
  });
}

/** The same by the first message. */
async function guessByMessage(ws: string, token: string): Promise<Refused & { closed: number }> {
  const socket = await TestSocket.open(ws, { headers: madeUp() });
  socket.send({ type: 'auth', message_id: 'a', data: { token, role: 'admin', user: 'admin' } });
  const { data } = await socket.next('error');
  const { code: closed } = await socket.closed;
  return { status: 0, code: data.code, retryAfterMs: data.retry_after_ms ?? 0, closed };
}

test('[R8] [R12] of 10,000 guesses from one machine ten a minute are looked at, and none passes', async () => {
  const guessed: string[] = [];
  const { http, ws } = await startGateway({
    addressRate: 0,
    authenticate: async ({ token }: AuthenticateInput) => {
      if (token !== undefined) guessed.push(token);
      // Others come while it is being looked at.
      await new Promise(setImmediate);
      return undefined;
    },
  });
  const guesses = () => Array.from({ length: GUESSES / TOGETHER }, newGuess);
  const all = Array.from({ length: TOGETHER }, () => guessByRequest(http, ...guesses()));
  const answers = (await Promise.all(all)).flat();
  for (let count = 0; count < 50; count++) {
    answers.push(await guessByUpgrade(ws, newGuess(), 'bearer'));
    answers.push(await guessByUpgrade(ws, newGuess(), 'ticket'));
  }
  const byMessage = await guessByMessage(ws, newGuess());
  expect(byMessage).toMatchObject({ code: 'RATE_LIMITED', closed: 4429 });
  expect(answers.length).toBeGreaterThanOrEqual(GUESSES);
  expect(answers.filter(({ code }) => code === 'UNAUTHORIZED').length).toBe(10);
  const refused = answers.filter(({ code }) => code === 'RATE_LIMITED');
  expect(refused.length).toBe(answers.length - 10);
  for (const { status, retryAfterMs } of refused) {
    expect(status).toBe(429);
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
  }
  expect(guessed.length).toBe(10);
}, 60_000);

test('a right token is not looked at either, unless it or its cookie came in from there before', async () => {
  const { http, ws, tokens } = await startGuarded(['alice', 'bob', 'carol']);
  const { alice = '', bob = '', carol = '' } = tokens;
  await connectAs(ws, alice);
  const asBob = { headers: { Authorization: `Bearer ${bob}` } };
  const signedIn = await fetch(`${http}/api/sign-in`, { method: 'POST', ...asBob });
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? '';
  for (let count = 0; count < 10; count++) await guessByRequest(http, newGuess());
  expect(await guessByRequest(http, carol)).toMatchObject([{ code: 'RATE_LIMITED' }]);
  await (await connectAs(ws, alice)).create();
  await (await TestSocket.open(ws, { headers: { Cookie: cookie } })).create();
  const asked = await fetch(`${http}/api/tickets`, { method: 'POST', headers: { Cookie: cookie } });
  const { ticket } = ((await asked.json()) as { data: { ticket: string } }).data;
  await TestSocket.open(ws, { protocols: ['parley.v1', `parley.ticket.${ticket}`] });
  // Who shows nothing has guessed nothing.
  expect((await fetch(`${http}/api/health`)).status).toBe(200);
});

test('behind a trusted proxy the guesses of one client cost the others nothing', async () => {
  const { http, tokens } = await startGuarded(['alice'], { trustedProxies: ['127.0.0.1'] });
  const from = (address: string, token: string) =>
    fetch(`${http}/api/me`, {
      headers: {
        // What the client wrote, and what the proxy appended.
        'X-Forwarded-For': `${randomAddress()}, ${address}`,
        Authorization: `Bearer ${token}`,
      },
    }).then(({ status }) => status);
  // One customer has a whole /64.
  for (let count = 0; count < 10; count++) {
    expect(await from(`2001:db8:1:2::${count + 1}`, newGuess())).toBe(401);
  }
  expect(await from('2001:db8:1:2:ffff::1', tokens.alice ?? '')).toBe(429);
  expect(await from('2001:db8:1:3::1', tokens.alice ?? '')).toBe(200);
});

test('many right tokens that are slow to check are no guesses', async () => {
  const { promise: checked, resolve: check } = Promise.withResolvers<void>();
  const { promise: full, resolve: fill } = Promise.withResolvers<void>();
  let looking = 0;
  const { http } = await startGateway({
    authenticate: async ({ token }: AuthenticateInput) => {
      if (token === undefined) return undefined;
      looking += 1;
      if (looking === 10) fill();
      await checked;
      return { id: token };
    },
  });
  const asked = Array.from({ length: 40 }, (_, index) =>
    fetch(`${http}/api/me`, { headers: { Authorization: `Bearer person-${index}` } }),
  );
  await full;
  // The others have come when these are answered; none is looked at that might be one guess too many.
  for (let count = 0; count < 10; count++) await fetch(`${http}/api/health`);
  expect(looking).toBe(10);
  check();
  expect(new Set((await Promise.all(asked)).map(({ status }) => status))).toEqual(new Set([200]));
});
