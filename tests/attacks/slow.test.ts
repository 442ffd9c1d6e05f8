/** Connections that are opened to be held: silent ones, and ones that say something every second. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { connectAs, startGuarded } from '../auth/people.ts';
import { clientFrame, OPCODE } from '../helpers/raw.ts';
import { expectNoUncaught } from '../helpers/watch-process.ts';

expectNoUncaught();

const CONNECTIONS = 1_000;
const ENDED_WITHIN_MS = 15_000;
const CONNECTED_WITHIN_MS = 200;

const get = 'GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\n';
const upgrade = `${get}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: parley.v1\r\n\r\n`;
const post = 'POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n';
const auth = clientFrame(
  OPCODE.text,
  Buffer.from(`{"type":"auth","data":{"token":"${'x'.repeat(1_000)}"}}`),
);
const byteOf = (bytes: Buffer) => (second: number) => bytes.subarray(second, second + 1);

/** What is said at once, and what every second after it. */
const KINDS: readonly (readonly [
  what: string,
  first: string,
  drip?: (second: number) => string | Buffer,
])[] = [
  ['silent from the start', ''],
  ['half a request line', 'GET /w'],
  ['a byte of the request line a second', 'GET /ws?', () => 'x'],
  ['a header a second', get, (second) => `X-${second}: a\r\n`],
  ['a byte of a body a second', `${post}Content-Length: 1000\r\n\r\n`, () => 'x'],
  ['a chunk of a body a second', `${post}Transfer-Encoding: chunked\r\n\r\n`, () => '1\r\nx\r\n'],
  ['upgraded and silent', upgrade],
  ['upgraded, a byte of auth a second', upgrade, byteOf(auth)],
  ['upgraded, a ping a second', upgrade, () => clientFrame(OPCODE.ping, Buffer.alloc(0))],
  [
    'upgraded, an empty fragment a second',
    upgrade,
    (second) =>
      clientFrame(second === 0 ? OPCODE.text : OPCODE.continuation, Buffer.alloc(0), false),
  ],
];

/** Says what its kind says, and never ends its own side. */
class Dripping {
  readonly socket: Socket;
  readonly what: string;
  /** How long it was kept, milliseconds; `undefined`: it still is. */
  kept: number | undefined;

  constructor(port: number, [what, first, drip]: (typeof KINDS)[number]) {
    this.what = what;
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    this.socket.on('error', () => {});
    this.socket.on('data', () => {});
    let timer: NodeJS.Timeout | undefined;
    let opened = 0;
    this.socket.once('connect', () => {
      opened = performance.now();
      this.socket.write(first);
      let second = 0;
      if (drip) timer = setInterval(() => this.socket.write(drip(second++)), 1_000);
    });
    this.socket.once('end', () => {
      this.kept = performance.now() - opened;
    });
    this.socket.once('close', () => {
      clearInterval(timer);
      this.kept ??= performance.now() - opened;
    });
  }
}

const CHAIN = `const { workerData } = require('node:worker_threads');
  const began = performance.now();
  let ticks = 0;
  setInterval(() => {
    ticks += 1;
    workerData[0] = performance.now() - began - 1_000 * ticks;
  }, 1_000);`;

/**
 * How late the machine has made looks that are taken every second, as the server takes them, milliseconds. They are
 * taken in a thread of their own: whatever keeps the server from its looks does not excuse it.
 */
function startControl(): () => number {
  const lateness = new Float64Array(new SharedArrayBuffer(8));
  const control = new Worker(CHAIN, { eval: true, workerData: lateness });
  onTestFinished(async () => void (await control.terminate()));
  return () => lateness[0] ?? 0;
}

test(`[R8] [R9] ${CONNECTIONS} silent and dripping connections are ended within ${ENDED_WITHIN_MS} ms, and a good client connects within ${CONNECTED_WITHIN_MS} ms meanwhile`, async () => {
  const { ws, port, tokens, http } = await startGuarded(['alice', 'root'], {
    admins: ['root'],
    // All of them come from this machine, the good one too.
    addressRate: 0,
    personRate: 0,
    maxConnectionsPerPerson: 0,
    maxConnectionsPerAddress: 0,
    maxFailedAttempts: 0,
  });
  const lateness = startControl();
  const dripping: Dripping[] = [];
  while (dripping.length < CONNECTIONS) {
    const batch = KINDS.map((kind) => new Dripping(port, kind));
    await Promise.all(batch.map(({ socket }) => once(socket, 'connect')));
    dripping.push(...batch);
  }
  onTestFinished(() => {
    for (const { socket } of dripping) socket.destroy();
  });
  const times: number[] = [];
  const opened = performance.now();
  const hasTime = () => performance.now() - opened < ENDED_WITHIN_MS + 1_000 + lateness();
  while (dripping.some(({ kept }) => kept === undefined) && hasTime()) {
    const began = performance.now();
    const client = await connectAs(ws, tokens.alice ?? '', { onFinished: () => {} });
    times.push(performance.now() - began);
    await client.settled();
    await client.close();
  }
  const bound = ENDED_WITHIN_MS + lateness();
  const late = dripping.filter(({ kept = Infinity }) => kept > bound);
  expect([...new Set(late.map(({ what }) => what))]).toEqual([]);
  times.sort((a, b) => a - b);
  expect(times.length).toBeGreaterThan(200);
  expect(times[Math.floor(times.length * 0.99)]).toBeLessThan(CONNECTED_WITHIN_MS);
  // Nothing of them is left.
  const metrics = await fetch(`${http}/metrics`, {
    headers: { Authorization: `Bearer ${tokens.root}` },
  });
  expect(await metrics.text()).toMatch(/^parley_connections 0$/m);
}, 40_000);
