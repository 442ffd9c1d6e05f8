import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { ClientAddresses } from '../../packages/gateway/src/address.ts';
import { openAuthentication } from '../../packages/gateway/src/auth/open.ts';
import { parseOptions } from '../../packages/gateway/src/config.ts';
import type { AppDeps } from '../../packages/gateway/src/http/deps.ts';
import { createRequestListener } from '../../packages/gateway/src/http/request-listener.ts';
import { Limits, UNLIMITED_PERSON } from '../../packages/gateway/src/limits.ts';
import { createLogger } from '../../packages/gateway/src/log.ts';
import { temporaryDirectory } from '../helpers/gateway.ts';
import { loneNode } from '../helpers/lone-node.ts';
import { exchange, portOf } from './request.ts';

const log = await createLogger({ level: 'silent', pretty: false });

/** The HTTP side alone: `createGateway` serves the page that was built, tests one of their own. */
async function serve(
  webRoot: string | undefined,
  frameAncestors: readonly string[] = [],
): Promise<string> {
  let url = '';
  const node = loneNode();
  const deps = {
    config: parseOptions({ frameAncestors }),
    authentication: await openAuthentication(
      parseOptions({ store: 'memory:' }),
      undefined,
      node,
      log,
    ),
    addresses: new ClientAddresses([]),
    limits: new Limits({
      ...parseOptions({}),
      ...UNLIMITED_PERSON,
      exemptsLoopback: true,
      limiter: node.limiter,
    }),
    originRules: { origins: [], hosts: [] },
    log,
    metrics: { countRequest: () => {}, countRefusal: () => {} },
    url: () => url,
    webRoot,
  } as unknown as AppDeps;
  const server = createServer(createRequestListener(deps));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return url;
}

async function builtPage(): Promise<string> {
  const directory = await temporaryDirectory();
  await writeFile(join(directory, 'secret.txt'), 'for nobody');
  const root = join(directory, 'dist');
  await mkdir(join(root, 'assets'), { recursive: true });
  await writeFile(join(root, 'index.html'), '<!doctype html><title>Parley</title>');
  await writeFile(join(root, 'icon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  await writeFile(join(root, 'assets', 'index-BMVn9zjG.js'), 'export {};');
  await writeFile(join(root, 'assets', 'index-Db5Ri2Ma.css'), 'body {}');
  return root;
}

test.each(['/', '/assets/index-BMVn9zjG.js', '/s/assets/index-BMVn9zjG.js'])(
  'to a name that was pointed here, %s is refused',
  async (path) => {
    const url = await serve(await builtPage());
    const statusFor = async (headers: Record<string, string>) => {
      const asked = request(`${url}${path}`, { headers }).end();
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      response.resume();
      return response.statusCode;
    };
    expect(await statusFor({})).toBe(200);
    expect(await statusFor({ Host: 'evil.example' })).toBe(403);
    // The frame of a diagram has no origin, and loads its scripts.
    expect(await statusFor({ Origin: 'null' })).toBe(path === '/' ? 403 : 200);
  },
);

test('the page is never kept unasked, its hashed assets for a year', async () => {
  const url = await serve(await builtPage());
  const expected = [
    ['/', 'text/html; charset=utf-8', 'no-cache'],
    ['/index.html', 'text/html; charset=utf-8', 'no-cache'],
    ['/s/4809518b-e536', 'text/html; charset=utf-8', 'no-cache'],
    ['/s/', 'text/html; charset=utf-8', 'no-cache'],
    ['/icon.svg', 'image/svg+xml; charset=utf-8', 'no-cache'],
    [
      '/assets/index-BMVn9zjG.js',
      'text/javascript; charset=utf-8',
      'public, max-age=31536000, immutable',
    ],
    [
      '/assets/index-Db5Ri2Ma.css',
      'text/css; charset=utf-8',
      'public, max-age=31536000, immutable',
    ],
    [
      '/s/assets/index-BMVn9zjG.js',
      'text/javascript; charset=utf-8',
      'public, max-age=31536000, immutable',
    ],
  ];
  for (const [path, type, cache] of expected) {
    for (const method of ['GET', 'HEAD']) {
      const { status, headers } = await fetch(`${url}${path}`, { method });
      expect(
        [path, status, headers.get('content-type'), headers.get('cache-control')],
        method,
      ).toEqual([path, 200, type, cache]);
    }
  }
});

test('[R12] where the page is not built yet there is nothing, and no method is wrong', async () => {
  const url = await serve(await temporaryDirectory());
  for (const path of ['/', '/s/4809518b-e536', '/index.html']) {
    const response = await fetch(`${url}${path}`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: 'NOT_FOUND' } });
  }
  expect((await fetch(url, { method: 'HEAD' })).status).toBe(404);
  expect((await fetch(url, { method: 'POST' })).status).toBe(405);
});

test('whoever takes them gets the compressed files that the build made, the others the plain ones', async () => {
  const root = await builtPage();
  const script = `export const text = '${'word '.repeat(1_000)}';`;
  await writeFile(join(root, 'assets', 'long-Ba9sd2Xy.js'), script);
  await writeFile(join(root, 'assets', 'long-Ba9sd2Xy.js.br'), brotliCompressSync(script));
  await writeFile(join(root, 'assets', 'long-Ba9sd2Xy.js.gz'), gzipSync(script));
  const url = await serve(root);
  for (const [accepted, encoding] of [
    ['gzip, deflate, br', 'br'],
    ['gzip', 'gzip'],
    ['identity', null],
  ]) {
    const response = await fetch(`${url}/assets/long-Ba9sd2Xy.js`, {
      headers: { 'Accept-Encoding': accepted ?? '' },
    });
    expect(response.headers.get('content-encoding')).toBe(encoding);
    expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(response.headers.get('cache-control')).toContain('immutable');
    expect(await response.text()).toBe(script);
  }
});

test('wherever the page is asked for, it comes with its security policy', async () => {
  const url = await serve(await builtPage());
  for (const path of ['/', '/index.html', '/s/x', '/s/', '/s/index.html', '//index.html']) {
    const response = await fetch(`${url}${path}`);
    if (!response.headers.get('content-type')?.startsWith('text/html')) {
      expect(response.status, path).toBe(404);
      continue;
    }
    const policy = response.headers.get('content-security-policy');
    expect(policy, path).toContain("default-src 'self'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(response.headers.get('x-frame-options')).toBe('DENY');
    expect(policy).toContain(`connect-src 'self' ws://127.0.0.1:${portOf(url)} wss://`);
    expect(policy).not.toContain('unsafe');
  }
});

test('pages of the origins that may show the chat are named to browsers, for its diagrams too', async () => {
  const root = await builtPage();
  await writeFile(join(root, 'diagram.html'), '<!doctype html><title>Diagram</title>');
  const url = await serve(root, ['https://shop.example', 'http://localhost:3000']);
  for (const [path, ancestors] of [
    ['/', 'frame-ancestors https://shop.example http://localhost:3000'],
    ['/diagram.html', "frame-ancestors 'self' https://shop.example http://localhost:3000"],
  ] as const) {
    const { headers } = await fetch(`${url}${path}`);
    const policy = headers.get('content-security-policy')?.split('; ');
    expect(policy?.filter((part) => part.startsWith('frame-ancestors'))).toEqual([ancestors]);
    expect(headers.get('x-frame-options')).toBeNull();
  }
});

test.each([
  '*',
  "'self'",
  'https://shop.example/',
  'https://*.example',
  'shop.example',
  'https://a;x',
  'app://x',
  'https://Shop.example',
])('frameAncestors does not take %s', (wrong) => {
  expect(() => parseOptions({ frameAncestors: [wrong] })).toThrow(/expected origins as browsers/);
});

test('the frame for diagrams may load its scripts and nothing else, and has no origin', async () => {
  const root = await builtPage();
  await writeFile(join(root, 'diagram.html'), '<!doctype html><title>Diagram</title>');
  const url = await serve(root);
  const { headers } = await fetch(`${url}/diagram.html`);
  expect(headers.get('x-frame-options')).toBe('SAMEORIGIN');
  expect(headers.get('content-security-policy')).toBe(
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; " +
      "form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts",
  );
  const asNobody = { headers: { Origin: 'null' } };
  const script = await fetch(`${url}/assets/index-BMVn9zjG.js`, asNobody);
  expect([script.status, script.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
  for (const path of ['/', '/diagram.html', '/api/config']) {
    expect((await fetch(`${url}${path}`, asNobody)).status, path).toBe(403);
  }
});

test('nothing outside of the page is served', async () => {
  const url = await serve(await builtPage());
  const paths = [
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e%2fsecret.txt',
    '/%252e%252e/secret.txt',
    '/..\\secret.txt',
    '/..%5csecret.txt',
    '//secret.txt',
    '/s/../../secret.txt',
    '/s/%2e%2e/%2e%2e/secret.txt',
    '/assets/%00',
    '/assets',
    '/none.js',
    '/s/a/b',
  ];
  for (const path of paths) {
    const answer = await exchange(
      portOf(url),
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );
    expect(answer, path).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer, path).toMatch(/"error":\{"code":"(NOT_FOUND|INVALID_MESSAGE)"/);
  }
  // A strange id is the page's to explain; it names no file.
  const deep = await (await fetch(`${url}/s/..%2f..%2fsecret.txt`)).text();
  expect(deep).toContain('<title>Parley</title>');
});

test('without a built page the server says what it is and where the API is', async () => {
  const url = await serve(undefined);
  const response = await fetch(url);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
  const text = await response.text();
  expect(text).toContain(`${url.replace('http', 'ws')}/ws`);
  expect(text).toContain(`${url}/openapi.json`);
  expect((await fetch(`${url}/s/x`)).status).toBe(404);
});
