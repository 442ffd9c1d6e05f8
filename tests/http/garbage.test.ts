import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defineAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { exchange, portOf } from './request.ts';

const quiet = defineAgent({ name: 'quiet', run: () => 'ok' });
const ROUTES = [
  '/api/health',
  '/api/config',
  '/api/agents',
  '/api/sessions',
  '/api/sessions/known',
  '/api/sessions/known/messages',
  '/api/sessions/known/export',
  '/api/search',
  '/api/chat',
  '/metrics',
  '/readyz',
  '/openapi.json',
  '/asyncapi.json',
  '/schema.json',
  '/',
  '/s/known',
  '/ws',
];
const FIELDS = ['message', 'session_id', 'message_id', 'agent_name', 'title', '__proto__', 'data'];
const QUERIES = [
  'limit',
  'offset',
  'after',
  'before_seq',
  'after_seq',
  'format',
  'q',
  '__proto__',
  'x',
];

const anyText = fc.string({ unit: 'binary', maxLength: 60 });
const value = fc.oneof(
  anyText,
  fc.constantFrom('known', 'quiet', '', ' ', '-1', '0', '1', '1e9', '9999999999999999', 'json'),
);
const path = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ROUTES) },
  {
    weight: 1,
    arbitrary: anyText.map((id) => `/api/sessions/${encodeURIComponent(id.toWellFormed())}`),
  },
  { weight: 1, arbitrary: anyText.map((text) => `/${encodeURI(text.toWellFormed())}`) },
);
const query = fc
  .array(fc.tuple(fc.constantFrom(...QUERIES), value), { maxLength: 4 })
  .map((pairs) =>
    pairs.map(([name, text]) => `${name}=${encodeURIComponent(text.toWellFormed())}`).join('&'),
  );
const body = fc.oneof(
  fc
    .dictionary(fc.constantFrom(...FIELDS), fc.oneof(value, fc.jsonValue()), { maxKeys: 5 })
    .map((fields) => JSON.stringify(fields)),
  fc.json(),
  anyText,
  fc.constantFrom('[[[['.repeat(5_000), '{"a":'.repeat(5_000), `[${'['.repeat(9_999)}`),
);
const method = fc.constantFrom(
  'GET',
  'HEAD',
  'POST',
  'PATCH',
  'DELETE',
  'PUT',
  'OPTIONS',
  'SEARCH',
);
const type = fc.constantFrom('application/json', 'application/json;charset=x', 'text/plain', ';');

test('[R9] whatever is sent to whatever route, the answer is documented and no fault', async () => {
  const { http } = await startGateway({ agents: [quiet] });
  await fc.assert(
    fc.asyncProperty(method, path, query, type, body, async (verb, where, search, as, sent) => {
      const withBody = verb !== 'GET' && verb !== 'HEAD';
      const response = await fetch(`${http}${where}?${search}`, {
        method: verb,
        redirect: 'error',
        ...(withBody ? { body: Buffer.from(sent), headers: { 'Content-Type': as } } : {}),
      });
      const text = await response.text();
      expect(response.status).toBeLessThan(500);
      if (response.status < 400 || verb === 'HEAD') return;
      expect(JSON.parse(text)).toMatchObject({
        status: 'error',
        message: expect.any(String),
        code: response.status,
        error: { code: expect.stringMatching(/^[A-Z_]+$/), retryable: expect.any(Boolean) },
      });
      expect(text).not.toMatch(/\n\s+at |node_modules|file:\/\//);
    }),
    { numRuns: 3_000 },
  );
}, 120_000);

test('[R9] raw bytes in place of a request leave the server as it was', async () => {
  const { http } = await startGateway({ agents: [quiet] });
  const target = fc.oneof(fc.webUrl(), fc.string({ maxLength: 40 }), path);
  const host = fc.oneof(fc.constant('localhost'), fc.string({ maxLength: 30 }));
  const oneLine = (text: string) => text.replaceAll(/[\r\n]/g, '');
  await fc.assert(
    fc.asyncProperty(method, target, host, anyText, async (verb, where, name, rest) => {
      const head = `${verb} ${oneLine(where)} HTTP/1.1\r\nHost: ${oneLine(name)}\r\n`;
      const answer = await exchange(
        portOf(http),
        Buffer.from(`${head}Connection: close\r\nContent-Length: 0\r\n\r\n${rest}`),
      );
      expect(answer).not.toMatch(/^HTTP\/1\.1 5/);
    }),
    { numRuns: 1_000 },
  );
  expect((await fetch(`${http}/api/health`)).status).toBe(200);
}, 120_000);
