import { expect, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { ask, exchange, portOf } from './request.ts';

const LIMIT = 4_096;
const limits = { maxMessageBytes: 2_048, maxPlainMessageBytes: 512, hardMessageBytes: LIMIT };
const agents = [echoAgent];
const WITH_BODY = [
  ['POST', '/api/sessions'],
  ['POST', '/api/chat'],
  ['PATCH', '/api/sessions/x'],
] as const;

async function post(url: string, method: string, type: string | undefined, body: BodyInit) {
  const headers = type === undefined ? undefined : { 'Content-Type': type };
  const response = await fetch(url, { method, body, ...(headers ? { headers } : {}) });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

test('[R8] a body over the hard limit is refused: declared, or chunked and never ending', async () => {
  const { http } = await startGateway({ agents, ...limits });
  const port = portOf(http);
  for (const [method, path] of WITH_BODY) {
    const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    const declared = await exchange(port, `${head}Content-Length: 99999999\r\n\r\n{"message":"`);
    expect(declared, path).toMatch(/^HTTP\/1\.1 413 /);
    expect(declared).toContain('"code":"MESSAGE_TOO_LARGE"');
    expect(declared).toContain(`"limit":${LIMIT}`);

    const chunk = Buffer.from(`400\r\n${'x'.repeat(0x400)}\r\n`);
    const chunks = Array.from({ length: 8 }, () => chunk);
    const chunked = await exchange(port, `${head}Transfer-Encoding: chunked\r\n\r\n`, ...chunks);
    expect(chunked, path).toMatch(/^HTTP\/1\.1 413 /);
    expect(chunked).toContain('"code":"MESSAGE_TOO_LARGE"');
  }
});

test('a body of exactly the limit is taken, also in chunks', async () => {
  const { http } = await startGateway({ agents, ...limits });
  const empty = JSON.stringify({ message: '' }).length;
  const body = JSON.stringify({ message: 'x'.repeat(LIMIT - empty) });
  expect((await post(`${http}/api/chat`, 'POST', 'application/json', body)).status).toBe(200);
  const answer = await exchange(
    portOf(http),
    'POST /api/chat HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n' +
      'Content-Type: application/json; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n',
    ...body.split(/(?<=^(?:.{500})+)/).map((part) => `${part.length.toString(16)}\r\n${part}\r\n`),
    '0\r\n\r\n',
  );
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
});

test('only JSON is taken: other types need no preflight, so any page could send them', async () => {
  const { http } = await startGateway({ agents, ...limits });
  for (const [method, path] of WITH_BODY) {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp']) {
      const answer = await post(`${http}${path}`, method, type, '{"message":"hi"}');
      expect(answer, `${path} ${type}`).toMatchObject({
        status: 415,
        body: { code: 415, error: { code: 'INVALID_MESSAGE' } },
      });
    }
    const untyped = await post(`${http}${path}`, method, undefined, new Uint8Array([123, 125]));
    expect(untyped.status, path).toBe(415);
  }
  expect((await ask(`${http}/api/sessions`)).body.data.total).toBe(0);
});

test('[R12] what is no JSON in UTF-8 is INVALID_JSON', async () => {
  const { http } = await startGateway({ agents, ...limits });
  const bodies = ['{', '{"message":}', 'nul', '\ufeff', new Uint8Array([0x22, 0xff, 0x22])];
  for (const body of bodies) {
    expect(await post(`${http}/api/chat`, 'POST', 'application/json', body)).toMatchObject({
      status: 400,
      body: { error: { code: 'INVALID_JSON' } },
    });
  }
});

test('[R9] a client that leaves in the middle of its body is nobody else’s concern', async () => {
  const { http } = await startGateway({ agents, ...limits });
  const { connect } = await import('node:net');
  const left = Array.from({ length: 20 }, async () => {
    const socket = connect({ port: portOf(http), host: '127.0.0.1' });
    socket.write(
      'POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
        'Content-Length: 100\r\n\r\n{"message":',
      () => socket.resetAndDestroy(),
    );
    await new Promise((resolve) => socket.once('close', resolve));
  });
  await Promise.all(left);
  expect((await ask(`${http}/api/chat`, { body: { message: 'still here' } })).status).toBe(200);
});
