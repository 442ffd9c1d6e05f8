import { expect, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { ask, exchange, portOf } from './request.ts';

const agents = [echoAgent];
const PATHS = ['/', '/api/health', '/api/sessions', '/metrics', '/openapi.json', '/none', '/ws'];

function get(path: string, host: string, more = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${more}\r\n`;
}

test('a rebound host name is refused on every route', async () => {
  const { http } = await startGateway({ agents });
  const port = portOf(http);
  for (const path of PATHS) {
    const answer = await exchange(port, get(path, `evil.example:${port}`));
    expect(answer, path).toMatch(/^HTTP\/1\.1 403 /);
    expect(answer).toContain('"code":"ORIGIN_NOT_ALLOWED"');
  }
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, 'LOCALHOST']) {
    expect(await exchange(port, get('/api/health', host)), host).toMatch(/^HTTP\/1\.1 200 /);
  }
});

test('a Host or target that is none is refused in JSON, and never as a fault of the server', async () => {
  const { http } = await startGateway({ agents });
  const port = portOf(http);
  for (const request of [
    get('/api/health', 'a b'),
    get('/api/health', 'localhost:99999999'),
    get('/api/health', 'user@localhost'),
    get('/\\evil', 'localhost'),
    get('http://localhost/api/health\\', 'localhost'),
    get('//', 'localhost'),
    get('/%', 'localhost'),
    get('/api/sessions/%ff', 'localhost'),
    'GET /api/health HTTP/1.0\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  ]) {
    const answer = await exchange(port, request);
    expect(answer, request).toMatch(/^HTTP\/1\.1 4\d\d /);
    const body = answer.slice(answer.indexOf('\r\n\r\n') + 4);
    expect(JSON.parse(body), request).toMatchObject({ status: 'error', error: {} });
  }
});

test('a page of a foreign origin is refused, and nobody is let in by CORS unasked', async () => {
  const { http } = await startGateway({ agents });
  const own = await ask(`${http}/api/sessions`, { method: 'POST', headers: { Origin: http } });
  expect(own.status).toBe(200);
  for (const origin of ['https://evil.example', 'null', http.replace('http:', 'https:')]) {
    const answer = await ask(`${http}/api/sessions`, {
      method: 'POST',
      headers: { Origin: origin },
    });
    expect(answer, origin).toMatchObject({
      status: 403,
      body: { error: { code: 'ORIGIN_NOT_ALLOWED', retryable: false } },
    });
    expect([...answer.headers.keys()].join()).not.toContain('access-control');
  }
  expect([...own.headers.keys()].join()).not.toContain('access-control');
  expect((await ask(`${http}/api/sessions`)).body.data.total).toBe(1);
});

test('a configured origin may read answers and errors, and is answered its preflight', async () => {
  const origin = 'https://chat.example';
  const { http } = await startGateway({ agents, origins: [origin] });
  const preflight = await ask(`${http}/api/sessions/x`, {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'DELETE',
      'Access-Control-Request-Headers': 'content-type',
    },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-origin')).toBe(origin);
  expect(preflight.headers.get('access-control-allow-methods')).toContain('DELETE');
  expect(preflight.headers.get('access-control-allow-headers')).toBe(
    'Authorization, Content-Type, traceparent, tracestate',
  );
  for (const path of ['/api/sessions', '/api/sessions/none']) {
    const { headers } = await ask(`${http}${path}`, { headers: { Origin: origin } });
    expect(headers.get('access-control-allow-origin')).toBe(origin);
    expect(headers.get('vary')).toBe('Origin');
  }
  const other = await ask(`${http}/api/sessions`, { headers: { Origin: 'https://evil.example' } });
  expect(other.status).toBe(403);
  expect(other.headers.get('access-control-allow-origin')).toBe(null);
});

test('with * every page may', async () => {
  const { http } = await startGateway({ agents, origins: ['*'] });
  const { status, headers } = await ask(`${http}/api/agents`, { headers: { Origin: 'null' } });
  expect([status, headers.get('access-control-allow-origin')]).toEqual([200, '*']);
});

test('every answer keeps browsers from guessing types and from telling where they were', async () => {
  const { http } = await startGateway({ agents });
  for (const path of PATHS) {
    const { headers } = await fetch(`${http}${path}`);
    expect(headers.get('x-content-type-options'), path).toBe('nosniff');
    expect(headers.get('referrer-policy'), path).toBe('no-referrer');
    expect(headers.get('cross-origin-resource-policy'), path).toBe('same-origin');
  }
});
