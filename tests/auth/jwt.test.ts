/** Tokens that somebody else has signed. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { exportJWK, type JWTPayload, SignJWT } from 'jose';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createGateway, echoAgent, type GatewayOptions } from '../../packages/gateway/src/index.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { bearer, connectAs } from './people.ts';

const SECRET = 'a secret of more than thirty-two characters';
const bytes = (text: string) => new TextEncoder().encode(text);
const good: JWTPayload = { sub: 'alice', aud: 'chat', iss: 'https://id.example' };

interface How {
  readonly alg?: string;
  readonly kid?: string;
  /** Seconds from now; `null`: it says nothing. */
  readonly expires?: number | null;
}

function sign(payload: JWTPayload, key: Uint8Array | KeyObject, how: How = {}): Promise<string> {
  const { alg = 'HS256', kid, expires = 60 } = how;
  const jwt = new SignJWT(payload).setProtectedHeader({ alg, ...(kid ? { kid } : {}) });
  if (expires !== null) jwt.setExpirationTime(Math.floor(Date.now() / 1_000) + expires);
  return jwt.sign(key);
}

async function start(options: GatewayOptions) {
  const { http, ws } = await startGateway({ agents: [echoAgent], auth: 'token', ...options });
  /** The id of whom the token belongs to, or the code of its refusal. */
  const ask = async (token: string): Promise<string> => {
    const body = (await (await fetch(`${http}/api/me`, bearer(token))).json()) as {
      data?: { id: string };
      error?: { code: string };
    };
    return body.data?.id ?? body.error?.code ?? '';
  };
  return { http, ws, ask };
}

describe('a secret', () => {
  const options = { jwtSecret: SECRET, jwtAudience: 'chat', jwtIssuer: 'https://id.example' };

  test('signs a token that is good', async () => {
    const { ask, ws } = await start(options);
    const token = await sign(good, bytes(SECRET));
    expect(await ask(token)).toBe('alice');
    expect((await (await connectAs(ws, token)).ask('hello')).data.status).toBe('complete');
  });

  const unsigned = `${btoa('{"alg":"none"}').replaceAll('=', '')}.${btoa(
    JSON.stringify({ ...good, exp: 4_102_444_800 }),
  ).replaceAll('=', '')}.`;
  test.each<[string, () => string | Promise<string>]>([
    ['signed with another secret', () => sign(good, bytes(`${SECRET}!`))],
    ['not signed', () => unsigned],
    ['for another audience', () => sign({ ...good, aud: 'mail' }, bytes(SECRET))],
    ['of another issuer', () => sign({ ...good, iss: 'https://evil.example' }, bytes(SECRET))],
    ['that has expired', () => sign(good, bytes(SECRET), { expires: -60 })],
    ['that never expires', () => sign(good, bytes(SECRET), { expires: null })],
    ['of nobody', () => sign({ aud: good.aud ?? '', iss: good.iss ?? '' }, bytes(SECRET))],
    ['of a name that no URL can say', () => sign({ ...good, sub: '..' }, bytes(SECRET))],
    ['of an empty name', () => sign({ ...good, sub: '' }, bytes(SECRET))],
    ['of a name with a line break', () => sign({ ...good, sub: 'a\nb' }, bytes(SECRET))],
    ['of a name without end', () => sign({ ...good, sub: 'x'.repeat(10_000) }, bytes(SECRET))],
    ['that is none', () => 'a.b.c'],
    [
      'with a changed body',
      async () => {
        const [head, body = '', mac] = (await sign(good, bytes(SECRET))).split('.');
        return [head, btoa(atob(body).replace('alice', 'bobby')).replaceAll('=', ''), mac].join(
          '.',
        );
      },
    ],
  ])('a token %s is refused', async (_, make) => {
    const { ask } = await start(options);
    expect(await ask(await make())).toBe('UNAUTHORIZED');
  });

  test('what a token says of a role is not believed', async () => {
    const { http } = await startGateway({ auth: 'token', ...options });
    const claims = { ...good, role: 'admin', is_admin: true, isAdmin: true, admin: true };
    const token = await sign(claims, bytes(SECRET));
    expect((await fetch(`${http}/metrics`, bearer(token))).status).toBe(403);
  });

  test('a token that expires ends its connection', async () => {
    const { ws } = await start(options);
    const client = await connectAs(ws, await sign(good, bytes(SECRET), { expires: 60 }));
    await client.settled();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 });
    onTestFinished(() => void vi.useRealTimers());
    expect((await client.closed).code).toBe(4401);
  });
});

test('a browser that signed in with a JWT is not known any more when its signature is not believed', async () => {
  const kept = { signingKeys: ['k'.repeat(32)] };
  const before = await start({ ...kept, jwtSecret: SECRET });
  const token = await sign(good, bytes(SECRET));
  const signedIn = await fetch(`${before.http}/api/sign-in`, { method: 'POST', ...bearer(token) });
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? '';
  const statusAt = async (http: string) =>
    (await fetch(`${http}/api/me`, { headers: { Cookie: cookie } })).status;
  expect(await statusAt(before.http)).toBe(200);
  const same = await start({ ...kept, jwtSecret: SECRET });
  expect(await statusAt(same.http)).toBe(200);
  const another = await start({ ...kept, jwtSecret: 'another secret, of 32 characters or more' });
  expect(await statusAt(another.http)).toBe(401);
});

test('[R12] a token that ends after all days of a calendar is as good as any', async () => {
  const { http } = await start({ jwtSecret: SECRET });
  const token = await sign({ ...good, exp: 9e12 }, bytes(SECRET), { expires: null });
  expect((await fetch(`${http}/api/me`, bearer(token))).status).toBe(200);
});

test('a public key checks what its other half has signed, and a signature with the public key is none', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  const jwtPublicKeyFile = join(await temporaryDirectory(), 'key.pem');
  await writeFile(jwtPublicKeyFile, pem);
  const { ask } = await start({ jwtPublicKeyFile });
  expect(await ask(await sign(good, privateKey, { alg: 'RS256' }))).toBe('alice');
  const another = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey;
  expect(await ask(await sign(good, another, { alg: 'RS256' }))).toBe('UNAUTHORIZED');
  expect(await ask(await sign(good, bytes(String(pem))))).toBe('UNAUTHORIZED');
  // Who could sign must not lie where it is checked.
  await writeFile(jwtPublicKeyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await expect(start({ jwtPublicKeyFile })).rejects.toThrow('it is a private key');
});

describe('an OpenID provider', () => {
  interface Provider {
    readonly issuer: string;
    /** A new key in the place of the one that there was. */
    rotate(kid: string): Promise<KeyObject>;
    asked: number;
    /** All of it, or what has its keys. */
    isDown: boolean | 'keys';
  }

  async function startProvider(): Promise<Provider> {
    let keys: unknown[] = [];
    const server = createServer((request, response) => {
      provider.asked += 1;
      const isOut =
        provider.isDown === true || (provider.isDown === 'keys' && request.url === '/keys');
      if (isOut) return void response.writeHead(503).end();
      const isDiscovery = request.url === '/.well-known/openid-configuration';
      const found = { issuer: provider.issuer, jwks_uri: `${provider.issuer}/keys` };
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(isDiscovery ? found : { keys }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const provider: Provider = {
      issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      asked: 0,
      isDown: false,
      async rotate(kid) {
        const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        keys = [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }];
        return privateKey;
      },
    };
    return provider;
  }

  test('is found by discovery, and asked once for many tokens', async () => {
    const provider = await startProvider();
    const key = await provider.rotate('one');
    const { ask } = await start({ oidcIssuer: provider.issuer, jwtAudience: 'chat' });
    expect(provider.asked).toBe(0);
    const claims = { ...good, iss: provider.issuer };
    const how = { alg: 'ES256', kid: 'one' };
    for (let i = 0; i < 5; i += 1) expect(await ask(await sign(claims, key, how))).toBe('alice');
    expect(provider.asked).toBe(2);
    expect(await ask(await sign(good, key, how))).toBe('UNAUTHORIZED');
    expect(await ask(await sign({ ...claims, aud: 'mail' }, key, how))).toBe('UNAUTHORIZED');
  });

  test('[R12] that does not answer says nothing of a token: try again, and it works when it is back', async () => {
    const provider = await startProvider();
    const key = await provider.rotate('one');
    provider.isDown = true;
    const { ask } = await start({ oidcIssuer: provider.issuer, jwtAudience: 'chat' });
    const token = await sign({ ...good, iss: provider.issuer }, key, { alg: 'ES256', kid: 'one' });
    expect(await ask(token)).toBe('AUTH_UNAVAILABLE');
    // What answers with something else than keys says nothing of the token either.
    provider.isDown = 'keys';
    expect(await ask(token)).toBe('AUTH_UNAVAILABLE');
    provider.isDown = false;
    expect(await ask(token)).toBe('alice');
  });
});

test.each<[GatewayOptions, RegExp]>([
  [{ auth: 'token' }, /set tokensFile, jwtSecret, jwtPublicKeyFile or oidcIssuer/],
  [{ auth: 'token', jwtSecret: 'short' }, /jwtSecret: expected at least 32 characters/],
  [{ auth: 'token', jwtSecret: SECRET, oidcIssuer: 'https://id.example' }, /not several/],
  [{ auth: 'token', oidcIssuer: 'https://id.example' }, /needs jwtAudience/],
  [{ auth: 'token', jwtPublicKeyFile: '/nowhere.pem' }, /jwtPublicKeyFile: expected the path/],
  [
    { auth: 'token', tokensFile: '/nowhere.txt' },
    /tokensFile: \/nowhere.txt cannot be read \(ENOENT/,
  ],
])('[R12] %o is refused with what is missing', async (options, words) => {
  const started = createGateway({ store: 'memory:', logLevel: 'silent', ...options });
  await expect(started).rejects.toThrow(words);
  await expect(started).rejects.not.toThrow(/short/);
});
