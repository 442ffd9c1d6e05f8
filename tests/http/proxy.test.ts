/** Behind a proxy that speaks TLS, and in a frame of another site. */
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { openIndulgently } from '../helpers/browser.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { TestSocket } from '../helpers/socket.ts';

const options = { agents: [echoAgent], auth: 'anonymous' } as const;
const TLS = { 'X-Forwarded-For': '203.0.113.7', 'X-Forwarded-Proto': 'https' };

/** What a client that came by the proxy is told. */
async function seen(http: string, headers: Record<string, string>) {
  const response = await fetch(`${http}/api/me`, { headers });
  const [cookie = ''] = response.headers.getSetCookie();
  return {
    status: response.status,
    secure: /; Secure$/.test(cookie),
    hsts: response.headers.has('strict-transport-security'),
  };
}

test('a trusted proxy says that a client came by TLS, and nobody else', async () => {
  const trusting = await startGateway({ ...options, trustedProxies: ['127.0.0.1'] });
  const careful = await startGateway({ ...options, trustedProxies: ['10.0.0.1'] });
  const plain = { status: 200, secure: false, hsts: false };
  expect(await seen(trusting.http, TLS)).toEqual({ status: 200, secure: true, hsts: true });
  expect(await seen(trusting.http, {})).toEqual(plain);
  expect(await seen(trusting.http, { ...TLS, 'X-Forwarded-Proto': 'https, http' })).toEqual(plain);
  expect(await seen(careful.http, TLS)).toEqual(plain);

  const byTls = (http: string) => http.replace('http:', 'https:');
  for (const [{ http, ws }, own, foreign] of [
    [trusting, byTls(trusting.http), trusting.http],
    [careful, careful.http, byTls(careful.http)],
  ] as const) {
    expect((await seen(http, { ...TLS, Origin: own })).status).toBe(200);
    expect((await seen(http, { ...TLS, Origin: foreign })).status).toBe(403);
    const client = await TestSocket.open(ws, { headers: { ...TLS, Origin: own } });
    await client.settled();
    await expect(TestSocket.open(ws, { headers: { ...TLS, Origin: foreign } })).rejects.toThrow(
      '403',
    );
  }
});

test('in a frame of another site a browser stays who it is, for that site alone', async () => {
  const directory = await temporaryDirectory();
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  execFileSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-days', '2', '-subj', '/CN=localhost', '-keyout', key, '-out', cert],
  ]);
  const tls = { tlsCertFile: cert, tlsKeyFile: key };
  let framed = '';
  const site = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(`<iframe src="${framed}/api/health"></iframe>`);
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void site.close());
  const outer = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  const { gateway } = await startGateway({ ...options, ...tls, frameAncestors: [outer] });
  const { port } = await gateway.listen();
  framed = `https://localhost:${port}`;

  const page = await openIndulgently({ ignoreHTTPSErrors: true });
  const whoInFrame = async () => {
    await page.goto(outer);
    const frame = page.frames().find((child) => child.url().startsWith(framed));
    return frame?.evaluate(async () => (await (await fetch('/api/me')).json()).data.id);
  };
  const id = await whoInFrame();
  expect(id).toMatch(/^anon-/);
  expect(await whoInFrame()).toBe(id);
  await page.goto(`${framed}/api/health`);
  const own = await page.evaluate(async () => (await (await fetch('/api/me')).json()).data.id);
  expect(own).toMatch(/^anon-/);
  expect(own).not.toBe(id);
});

test('signing out takes the cookie of a frame and the one from before it was allowed', async () => {
  const { http } = await startGateway({
    ...options,
    trustedProxies: ['127.0.0.1'],
    frameAncestors: ['https://shop.example'],
  });
  const response = await fetch(`${http}/api/sign-out`, { method: 'POST', headers: TLS });
  const cookies = response.headers.getSetCookie().filter((cookie) => /Max-Age=0/.test(cookie));
  expect(cookies.map((cookie) => /SameSite=(.*)/.exec(cookie)?.[1])).toEqual([
    'Lax; Secure',
    'None; Partitioned; Secure',
  ]);
});
