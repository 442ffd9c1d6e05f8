/** Secrets with a word in them that nothing else has: it must not come out anywhere. */
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { fakeServer } from '../agents/fake-model.ts';
import { parley, start } from '../cli/parley.ts';
import { temporaryDirectory } from '../helpers/gateway.ts';

/** Stands in everything that is secret here, and in nothing else. */
const CANARY = 'canary';
const TOKEN = `parley_${CANARY}-token-of-alice`;
const SECRETS = {
  PARLEY_JWT_SECRET: `${CANARY}-secret-of-the-jwts-0123456789-0123`,
  PARLEY_SIGNING_KEYS: `${CANARY}-key-of-the-cookies-0123456789-0123,${CANARY}-key-of-them-before-0123456789`,
  PARLEY_MODEL_API_KEY: `sk-${CANARY}-key-of-the-model`,
};

/** Everything that a server says, in the order of nothing. */
class Heard {
  readonly texts: string[] = [];

  async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(url, init);
    this.texts.push(JSON.stringify([...response.headers]), await response.clone().text());
    return response;
  }

  /** Says these on a connection, and hears until it is closed or has answered as many times. */
  async socket(url: string, options: ClientOptions & { protocols?: string[]; say?: string[] }) {
    const { protocols = ['parley.v1'], say = [], ...rest } = options;
    const socket = new WebSocket(url, protocols, rest);
    socket.on('error', () => {});
    socket.on('upgrade', ({ rawHeaders }) => this.texts.push(rawHeaders.join('\n')));
    socket.on('unexpected-response', async (_, response) => {
      const body = await Array.fromAsync<Buffer>(response);
      this.texts.push(response.statusMessage ?? '', response.rawHeaders.join('\n'), String(body));
      socket.terminate();
    });
    socket.on('message', (bytes) => {
      this.texts.push(String(bytes));
      if (String(bytes).includes('"reply_to":"the-last"')) socket.close();
    });
    socket.on('open', () => {
      for (const text of say) socket.send(text);
      socket.send('{"type":"ping","message_id":"the-last"}');
    });
    // `once` of events would reject at the error that a refusal is.
    await new Promise<void>((resolve) => {
      socket.on('close', (_, reason) => {
        this.texts.push(String(reason));
        resolve();
      });
    });
  }
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const authWith = (token: unknown) => JSON.stringify({ type: 'auth', data: { token } });

test('what a server was told in confidence is in no answer, log, metric or file of it', async () => {
  const model = await fakeServer((response, { headers }) => {
    response.writeHead(500, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ error: { message: `${headers.authorization} is not good` } }));
  });
  const dataDir = await temporaryDirectory();
  const tokensFile = join(await temporaryDirectory(), 'tokens.txt');
  const hash = createHash('sha256').update(TOKEN).digest('hex');
  await writeFile(tokensFile, `sha256:${hash} alice\n`);
  const server = start(['serve', '--port', '0', '--log-level', 'trace'], {
    env: {
      ...SECRETS,
      PARLEY_AUTH: 'token',
      PARLEY_TOKENS_FILE: tokensFile,
      PARLEY_ADMINS: 'alice',
      PARLEY_DATA_DIR: dataDir,
      PARLEY_MODEL_BASE_URL: `${model.origin}/v1`,
      PARLEY_MODELS: 'writer',
    },
  });
  const [, http = ''] = await server.until(/"url":"(http:[^"]+)"/);
  const ws = `${http.replace(/^http/, 'ws')}/ws`;
  const heard = new Heard();

  // Good ones, by every way in.
  const jwt = await new SignJWT({ sub: 'bob', note: CANARY })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(SECRETS.PARLEY_JWT_SECRET));
  for (const token of [TOKEN, jwt]) {
    for (const path of ['/api/me', '/api/sessions', '/metrics', '/api/config', '/openapi.json']) {
      await heard.fetch(`${http}${path}`, { headers: bearer(token) });
    }
    await heard.socket(ws, { headers: bearer(token), say: [authWith(token)] });
    await heard.socket(ws, { protocols: ['parley.v1', `parley.bearer.${token}`] });
    await heard.socket(ws, { say: [authWith(token), '{"type":"session_create"}'] });
  }
  const post = { method: 'POST', headers: bearer(TOKEN) };
  const signedIn = await fetch(`${http}/api/sign-in`, post);
  const cookie = signedIn.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  expect(await signedIn.text()).not.toContain(CANARY);
  const answer = (await (await fetch(`${http}/api/tickets`, post)).json()) as {
    data: { ticket: string };
  };
  const { ticket } = answer.data;
  await heard.fetch(`${http}/api/me`, { headers: { Cookie: cookie } });
  await heard.socket(ws, { headers: { Cookie: cookie, Origin: http } });
  // Taken once, and refused once.
  for (let times = 0; times < 2; times += 1) {
    await heard.socket(ws, { protocols: ['parley.v1', `parley.ticket.${ticket}`] });
  }
  const failed = await heard.fetch(`${http}/api/chat`, {
    method: 'POST',
    headers: { ...bearer(TOKEN), 'Content-Type': 'application/json' },
    body: JSON.stringify({ message: 'hello', agent_name: 'writer' }),
  });
  expect(failed.status).toBe(502);
  expect(model.received[0]?.headers.authorization).toContain(CANARY);

  // Wrong ones, and right ones in wrong places.
  const wrong = `${CANARY}-wrong`;
  for (const token of [wrong, `${TOKEN}x`, `${jwt}x`, `${wrong}.${wrong}.${wrong}`]) {
    await heard.fetch(`${http}/api/me`, { headers: bearer(token) });
    await heard.socket(ws, { headers: bearer(token) });
    await heard.socket(ws, { protocols: ['parley.v1', `parley.bearer.${token}`] });
    await heard.socket(ws, { protocols: ['parley.v1', `parley.ticket.${token}`] });
    await heard.socket(ws, { protocols: [`parley.bearer.${token}`] });
    for (const header of [`Basic ${token}`, `Bearer ${token} ${token}`, token]) {
      await heard.fetch(`${http}/api/me`, { headers: { Authorization: header } });
      await heard.socket(ws, { headers: { Authorization: header } });
    }
    for (const value of [token, `${token}.${token}`, `${cookie.split('=')[1]}${token}`]) {
      const headers = { Cookie: `parley_signed_in=${value}; parley_id=${value}` };
      await heard.fetch(`${http}/api/me`, { headers });
      await heard.socket(ws, { headers });
    }
    for (const name of ['token', 'access_token', 'ticket', 'key']) {
      await heard.fetch(`${http}/api/sessions?${name}=${token}`, { headers: bearer(TOKEN) });
      await heard.fetch(`${http}/nothing?${name}=${token}`, { headers: bearer(TOKEN) });
      await heard.socket(`${ws}?${name}=${token}`, { headers: bearer(TOKEN) });
    }
    for (const text of [
      authWith(token),
      authWith([token]),
      authWith({ token }),
      authWith(token.repeat(4_000)),
      authWith(token).slice(0, -2),
      JSON.stringify({ type: 'auth', token }),
      JSON.stringify({ type: 'auth', data: token }),
      JSON.stringify({ type: 'ping', data: { token }, token }),
    ]) {
      await heard.socket(ws, { say: [text] });
      await heard.socket(ws, { headers: bearer(TOKEN), say: [text] });
    }
  }
  await heard.fetch(`${http}/metrics`, { headers: bearer(TOKEN) });

  // The database with what is in its WAL still, and after it was closed.
  const files: [string, string][] = [];
  const readAll = async () => {
    for (const name of await readdir(dataDir)) {
      files.push([name, await readFile(join(dataDir, name), 'latin1')]);
    }
  };
  await readAll();
  server.process.kill('SIGTERM');
  expect(await server.ended).toBe(0);
  await readAll();

  expect(files.map(([name]) => name)).toEqual(
    expect.arrayContaining(['parley.sqlite', 'parley.sqlite-wal']),
  );
  const [, payload = '', signature = ''] = jwt.split('.');
  const secrets = [CANARY, payload, signature, ticket, cookie.split('.').at(-1) ?? ''];
  const places: [string, string][] = [
    ...heard.texts.map((text): [string, string] => ['an answer', text]),
    ['the log', server.stdout()],
    ['standard error', server.stderr()],
    ...files,
  ];
  expect(heard.texts.length).toBeGreaterThan(500);
  expect(server.stdout()).toContain('"level":"debug"');
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThanOrEqual(CANARY.length);
    expect(places.filter(([, text]) => text.includes(secret))).toEqual([]);
  }
}, 60_000);

describe('the command line', () => {
  const short = `${CANARY}-short`;
  test.each<[string, string[], Record<string, string>, number]>([
    ['config', ['config'], SECRETS, 0],
    ['config --json', ['config', '--json'], SECRETS, 0],
    [
      'config with wrong secrets',
      ['config'],
      { PARLEY_JWT_SECRET: short, PARLEY_SIGNING_KEYS: short },
      2,
    ],
    [
      'serve with wrong secrets',
      ['serve'],
      { PARLEY_JWT_SECRET: short, PARLEY_SIGNING_KEYS: short },
      2,
    ],
    ['a secret as a flag', ['serve', '--jwt-secret', short], {}, 2],
    ['a secret as a flag, with =', ['serve', `--jwt-secret=${short}`], {}, 2],
    ['a key as a flag', ['config', `--model-api-key=${short}`], {}, 2],
    ['keys as a flag', ['config', '--signing-keys', short, short], {}, 2],
    ['a secret of another setting', ['serve', '--port', 'x'], SECRETS, 2],
    ['a URL with a password', ['config', '--model-base-url', `http://user:${short}@x/v1`], {}, 2],
    [
      'a token for a server that is not there',
      ['agents', 'http://127.0.0.1:1'],
      { PARLEY_TOKEN: TOKEN },
      1,
    ],
  ])('%s shows none', async (_, args, env, expected) => {
    const { status, stdout, stderr } = await parley(args, { env });
    expect(stdout + stderr).not.toContain(CANARY);
    expect([status, stderr]).toEqual([expected, expected === 0 ? '' : expect.stringMatching(/./)]);
  });

  test('a file of settings with wrong secrets in it shows none', async () => {
    const cwd = await temporaryDirectory();
    const file = join(cwd, 'parley.config.ts');
    const wrong = { jwtSecret: short, signingKeys: [short], modelApiKey: [short] };
    await writeFile(file, `export default ${JSON.stringify(wrong)};\n`);
    const { status, stdout, stderr } = await parley(['config'], { cwd });
    expect(stdout + stderr).not.toContain(CANARY);
    expect([status, stderr]).toEqual([2, expect.stringContaining('signingKeys')]);
  });
});
