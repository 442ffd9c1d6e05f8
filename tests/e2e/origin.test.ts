import { expect, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { RawSocket } from '../helpers/raw.ts';

const OWN = 'http://{host}';

/** `{host}` stands for 127.0.0.1 and the port, `{port}` for the port. */
const RULES: readonly [
  what: string,
  headers: Record<string, string>,
  ok: boolean,
  options?: object,
][] = [
  ['its own origin', { Origin: OWN }, true],
  [
    'its own origin in capitals in Host',
    { Origin: 'http://localhost:{port}', Host: 'LOCALHOST:{port}' },
    true,
  ],
  [
    'its own origin by the name localhost',
    { Origin: 'http://localhost:{port}', Host: 'localhost:{port}' },
    true,
  ],
  ['its own origin by IPv6', { Origin: 'http://[::1]:{port}', Host: '[::1]:{port}' }, true],
  ['no origin, on loopback', {}, true],
  ['a foreign origin', { Origin: 'http://evil.example' }, false],
  ['a foreign origin on our port', { Origin: 'http://evil.example:{port}' }, false],
  ['its own name on another port', { Origin: 'http://127.0.0.1:1' }, false],
  ['its own name without a port', { Origin: 'http://127.0.0.1' }, false],
  ['another of its names', { Origin: 'http://localhost:{port}' }, false],
  ['its own name with https', { Origin: 'https://{host}' }, false],
  ['its own name as a suffix', { Origin: 'http://evil-127.0.0.1:{port}' }, false],
  ['its own name as a prefix', { Origin: 'http://127.0.0.1.evil.example:{port}' }, false],
  ['its own origin as a prefix', { Origin: 'http://{host}.evil.example' }, false],
  ['its own origin as a user name', { Origin: 'http://{host}@evil.example' }, false],
  ['null, as a sandboxed frame sends it', { Origin: 'null' }, false],
  ['an empty origin', { Origin: '' }, false],
  ['a file', { Origin: 'file://' }, false],
  ['a rebound name', { Origin: 'http://evil.example:{port}', Host: 'evil.example:{port}' }, false],
  ['a rebound name without an origin', { Host: 'evil.example:{port}' }, false],
  ['our name as a prefix of Host', { Host: '127.0.0.1.evil.example:{port}' }, false],
  ['our name as a suffix of Host', { Host: 'evil127.0.0.1:{port}' }, false],
  ['a Host with a user', { Host: 'user@127.0.0.1:{port}' }, false],
  ['a Host with a path', { Host: '127.0.0.1/x' }, false],
  ['a Host with two ports', { Host: '127.0.0.1:1:2' }, false],
  ['an empty Host', { Host: '' }, false],
  [
    'a configured origin',
    { Origin: 'https://app.example' },
    true,
    { origins: ['https://app.example'] },
  ],
  [
    'a configured origin on another port',
    { Origin: 'https://app.example:444' },
    false,
    { origins: ['https://app.example'] },
  ],
  [
    'a configured origin with another scheme',
    { Origin: 'http://app.example' },
    false,
    { origins: ['https://app.example'] },
  ],
  [
    'a subdomain of a configured origin',
    { Origin: 'https://a.app.example' },
    false,
    { origins: ['https://app.example'] },
  ],
  [
    'a configured host',
    { Origin: 'http://chat.lan:{port}', Host: 'chat.lan:{port}' },
    true,
    { hosts: ['chat.lan'] },
  ],
  [
    'this machine beside a configured host',
    { Host: 'localhost:{port}' },
    true,
    { hosts: ['chat.lan'] },
  ],
  ['any origin with *', { Origin: 'http://evil.example' }, true, { origins: ['*'] }],
  ['null with *', { Origin: 'null' }, true, { origins: ['*'] }],
  [
    'a rebound name with *',
    { Origin: 'http://evil.example', Host: 'evil.example' },
    true,
    { origins: ['*'] },
  ],
];

test.each(RULES)('origin: %s', async (_, headers, ok, options = {}) => {
  const { ws } = await startGateway({ agents: [echoAgent], ...options });
  const { host, port } = new URL(ws);
  const filled = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      value.replace('{host}', host).replace('{port}', port),
    ]),
  );
  const raw = await RawSocket.open(Number(port), { headers: filled });
  if (ok) {
    expect(raw.status).toBe('HTTP/1.1 101 Switching Protocols');
    raw.send({ type: 'ping' });
    await raw.until(({ frames }) => frames.length > 0);
    expect(raw.messages()).toMatchObject([{ type: 'pong' }]);
    return;
  }
  // An empty Host does not get past the parser of HTTP.
  expect(raw.status).toMatch(/^HTTP\/1\.1 (403 ORIGIN_NOT_ALLOWED|400 Bad Request)$/);
  if (raw.status.includes('400')) return;
  expect(JSON.parse(raw.body).error).toMatchObject({
    code: 'ORIGIN_NOT_ALLOWED',
    retryable: false,
    details: expect.stringMatching(/hosts|origins/),
  });
});
