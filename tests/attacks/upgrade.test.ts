/** Upgrades that are none, or nearly one, and connections that are reset at each step of it. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { clientFrame, OPCODE } from '../helpers/raw.ts';
import { startTarget } from './target.ts';

const target = startTarget();

const FIELDS = {
  Host: 'HOST',
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol': 'parley.v1',
};

interface Forged {
  readonly line?: string;
  /** In the place of the field's value; `undefined`: without it. */
  readonly fields?: Readonly<Record<string, string | undefined>>;
  /** Lines that follow them. */
  readonly more?: readonly string[];
}

function upgrade({ line = 'GET /ws HTTP/1.1', fields = {}, more = [] }: Forged = {}): string {
  const lines = Object.entries({ ...FIELDS, ...fields }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value.replace('HOST', `127.0.0.1:${target.port}`)}`],
  );
  return [line, ...lines, ...more, '', ''].join('\r\n');
}

async function connectTo(): Promise<Socket> {
  const socket = connect({ port: target.port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** The status of the answer to these bytes, and its head; 0 where the connection just ends. */
async function answerTo(
  bytes: string,
): Promise<{ readonly status: number; readonly head: string }> {
  const socket = await connectTo();
  socket.write(bytes, 'latin1');
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
    if (text.includes('\r\n\r\n')) break;
  }
  const [head = ''] = text.split('\r\n\r\n');
  return { status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1] ?? 0), head };
}

const key = (value: string | undefined): Forged => ({ fields: { 'Sec-WebSocket-Key': value } });
const version = (value: string | undefined): Forged => ({
  fields: { 'Sec-WebSocket-Version': value },
});
const protocol = (value: string): Forged => ({ fields: { 'Sec-WebSocket-Protocol': value } });
const more = (...lines: string[]): Forged => ({ more: lines });
const line = (text: string): Forged => ({ line: text });

const UPGRADES: [what: string, forged: Forged, status: number][] = [
  ['as it should be', {}, 101],
  ['names in capitals', { fields: { Upgrade: 'WebSocket', Connection: 'UPGRADE' } }, 101],
  ['among others in Connection', { fields: { Connection: 'keep-alive, Upgrade' } }, 101],
  ['with a query', line('GET /ws?x=%00&y HTTP/1.1'), 101],
  ['version missing', version(undefined), 400],
  ...['0', '7', '8', '12', '14', '130', '-13', '13.0', '0xd', '13, 8', 'x', ''].map(
    (value): [string, Forged, number] => [`version ${value}`, version(value), 400],
  ),
  ['key missing', key(undefined), 400],
  ['key empty', key(''), 400],
  ['key of 15 bytes', key('AAAAAAAAAAAAAAAAAAAA'), 400],
  ['key of 17 bytes', key('AAAAAAAAAAAAAAAAAAAAAAA='), 400],
  ['key that is no base64', key('!!!!!!!!!!!!!!!!!!!!!!=='), 400],
  ['key twice', more('Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='), 400],
  ['key of 10,000 characters', key('A'.repeat(10_000)), 400],
  ['method POST', line('POST /ws HTTP/1.1'), 405],
  ['method HEAD', line('HEAD /ws HTTP/1.1'), 405],
  ['method DELETE', line('DELETE /ws HTTP/1.1'), 405],
  ['method that there is not', line('WEBSOCKET /ws HTTP/1.1'), 400],
  ['method in small letters', line('get /ws HTTP/1.1'), 400],
  ['HTTP/1.0', line('GET /ws HTTP/1.0'), 400],
  ['HTTP/0.9', line('GET /ws'), 400],
  ['HTTP/2.0', line('GET /ws HTTP/2.0'), 400],
  ['HTTP/9.9', line('GET /ws HTTP/9.9'), 400],
  ['the preface of HTTP/2', line('PRI * HTTP/2.0\r\n\r\nSM'), 400],
  ['another path', line('GET /wss HTTP/1.1'), 404],
  ['the path in capitals', line('GET /WS HTTP/1.1'), 404],
  ['a path with dots', line('GET /x/../ws HTTP/1.1'), 404],
  ['an encoded path', line('GET /%77s HTTP/1.1'), 404],
  ['two slashes', line('GET //ws HTTP/1.1'), 404],
  ['a path within it', line('GET /ws/ HTTP/1.1'), 404],
  ['an address of another server', line('GET http://evil.example/ws HTTP/1.1'), 403],
  ['an address of its own', line('GET http://127.0.0.1/ws HTTP/1.1'), 101],
  [
    'its own, whatever Host says',
    { line: 'GET http://127.0.0.1/ws HTTP/1.1', fields: { Host: 'evil.example' } },
    101,
  ],
  ['another, whatever Host says', line('GET http://127.0.0.1@evil.example/ws HTTP/1.1'), 403],
  ['an address of its own, another path', line('GET http://127.0.0.1/wss HTTP/1.1'), 404],
  ['the target *', line('GET * HTTP/1.1'), 404],
  ['a target with a space', line('GET /ws x HTTP/1.1'), 400],
  ['a target with NUL', line('GET /ws\0 HTTP/1.1'), 400],
  ['no Host', { fields: { Host: undefined } }, 403],
  ['an empty Host', { fields: { Host: '' } }, 403],
  ['a second Host', more('Host: evil.example'), 400],
  ['the same Host twice', { more: ['Host: 127.0.0.1'] }, 400],
  ['two in one Host', { fields: { Host: 'HOST, evil.example' } }, 403],
  ['two origins', more('Origin: http://evil.example', 'Origin: http://127.0.0.1'), 403],
  ['a folded line', more('X-Folded: a', ' b'), 400],
  ['a folded Host', { fields: { Host: 'HOST\r\n .evil.example' } }, 400],
  ['a space before the colon', more('X-Spaced : a'), 400],
  ['a field without a name', more(': a'), 400],
  ['a line without a colon', more('nothing'), 400],
  ['a name with a NUL', more('X\0Y: a'), 400],
  ['a value with a NUL', more('X: a\0b'), 400],
  ['a bare line feed', more('X: a\nY: b'), 400],
  ['a bare carriage return', more('X: a\rb'), 400],
  ['a value of Latin-1', more('X: \xe4\xff'), 101],
  ['3,000 fields', more(...Array.from({ length: 3_000 }, (_, n) => `a: ${n % 10}`)), 431],
  ['a field of 20,000 bytes', more(`X: ${'x'.repeat(20_000)}`), 431],
  ['a name of 20,000 bytes', more(`${'x'.repeat(20_000)}: a`), 431],
  ['a target of 20,000 bytes', line(`GET /ws?${'x'.repeat(20_000)} HTTP/1.1`), 431],
  ['cookies of 20,000 bytes', more(`Cookie: ${'a=b; '.repeat(4_000)}`), 431],
  ['both lengths', more('Content-Length: 5', 'Transfer-Encoding: chunked'), 400],
  ['two lengths', more('Content-Length: 5', 'Content-Length: 6'), 400],
  ['a length of 0', more('Content-Length: 0'), 101],
  ['a body', more('Content-Length: 5'), 400],
  ['a body in chunks', more('Transfer-Encoding: chunked'), 400],
  ['a length of -1', more('Content-Length: -1'), 400],
  ['an unknown Transfer-Encoding', more('Transfer-Encoding: x, chunked, x'), 400],
  ['subprotocols with a gap', protocol('parley.v1,,x'), 400],
  ['a subprotocol twice', protocol('parley.v1, parley.v1'), 400],
  ['an empty subprotocol', protocol(''), 400],
  ['a comma', protocol(','), 400],
  ['a comma at the end', protocol('parley.v1,'), 400],
  ['a subprotocol with a space', protocol('parley v1'), 400],
  ['a subprotocol in quotes', protocol('"parley.v1"'), 400],
  ['a subprotocol with a slash', protocol('parley/v1'), 400],
  ['a subprotocol of Latin-1', protocol('parley.v1\xe4'), 400],
  ['a subprotocol in capitals', protocol('PARLEY.V1'), 101],
  [
    'a thousand subprotocols',
    protocol(Array.from({ length: 1_000 }, (_, n) => `x${n}`).join()),
    101,
  ],
  ['__proto__ as a subprotocol', protocol('__proto__, constructor'), 101],
  ['Upgrade: h2c on /ws', { fields: { Upgrade: 'h2c' } }, 426],
  ['Upgrade: websocket2', { fields: { Upgrade: 'websocket2' } }, 426],
  ['no Upgrade', { fields: { Upgrade: undefined } }, 426],
  ['Connection without it', { fields: { Connection: 'close' } }, 426],
];

test.each(UPGRADES)('[R9] an upgrade, %s', async (_, forged, expected) => {
  expect((await answerTo(upgrade(forged))).status).toBe(expected);
});

test('[R12] the versions that there are are named to who asks for another', async () => {
  const { head } = await answerTo(upgrade(version('8')));
  expect(head).toMatch(/\r\nSec-WebSocket-Version: 13(\r\n|$)/);
});

test('[R9] a request over HTTP that is addressed twice is refused too', async () => {
  const { status } = await answerTo(
    `GET /api/health HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\nHost: evil.example\r\n\r\n`,
  );
  expect(status).toBe(400);
});

test('only parley.v1, spelt so, is ever confirmed', async () => {
  for (const offer of ['PARLEY.V1', 'x', '__proto__, constructor']) {
    expect((await answerTo(upgrade(protocol(offer)))).head).not.toMatch(/sec-websocket-protocol/i);
  }
});

describe('[R9] an upgrade behind another request on the same connection', () => {
  const request = (path: string) =>
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\n\r\n`;

  test('that has not been answered yet ends the connection', async () => {
    const socket = await connectTo();
    socket.write(request('/api/health') + upgrade());
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    expect(text).not.toContain('101 Switching Protocols');
  });

  test('that was answered becomes a WebSocket', async () => {
    const socket = await connectTo();
    const chunks = socket.iterator({ destroyOnReturn: false });
    for (const bytes of [request('/api/health'), request('/api/config'), upgrade()]) {
      socket.write(bytes);
      const { value } = await chunks.next();
      expect(String(value)).toMatch(/^HTTP\/1\.1 (200|101) /);
    }
    socket.destroy();
  });
});

/** Some HTTP libraries offer HTTP/2 with every request: who does not speak it answers as always. */
test.each(['h2c', 'TLS/1.0', 'foo'])(
  '[R9] a request that offers %s is answered as one that does not',
  async (name) => {
    const bytes = upgrade({
      line: 'GET /api/health HTTP/1.1',
      fields: { Upgrade: name, Connection: 'Upgrade, HTTP2-Settings' },
      more: ['HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'],
    });
    expect((await answerTo(bytes)).status).toBe(200);
  },
);

describe('[R9] resets', () => {
  async function cutAfter(bytes: Buffer, count: number): Promise<void> {
    const socket = await connectTo();
    await new Promise((written) => socket.write(bytes.subarray(0, count), written));
    if (count % 2 === 0) socket.resetAndDestroy();
    else socket.destroy();
    if (!socket.closed) await once(socket, 'close');
  }

  test('after each byte of the request', async () => {
    const bytes = Buffer.from(upgrade());
    for (let count = 0; count <= bytes.length; count += 1) await cutAfter(bytes, count);
  });

  test('after the 101, and after each byte of what follows it', async () => {
    const request = Buffer.from(upgrade());
    const said = clientFrame(OPCODE.text, Buffer.from('{"type":"session_create"}'));
    for (let count = 0; count <= said.length; count += 1) {
      const socket = await connectTo();
      socket.write(request);
      await once(socket, 'data');
      await new Promise((written) => socket.write(said.subarray(0, count), written));
      socket.resetAndDestroy();
      if (!socket.closed) await once(socket, 'close');
    }
  });

  test('after a request whose message comes with it', async () => {
    const said = clientFrame(OPCODE.text, Buffer.from('{"type":"session_create"}'));
    const bytes = Buffer.concat([Buffer.from(upgrade()), said, said, said]);
    for (let round = 0; round < 100; round += 1) await cutAfter(bytes, bytes.length - round);
  });

  test('of the half that writes: the other half is ended as well', async () => {
    const bytes = Buffer.from(upgrade());
    for (const count of [0, 3, 16, 40, bytes.length - 2, bytes.length]) {
      const socket = await connectTo();
      socket.end(bytes.subarray(0, count));
      socket.resume();
      await once(socket, 'close');
    }
  });
});
