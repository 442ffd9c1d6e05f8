import { once } from 'node:events';
import {
  CLOSE_CODES,
  ERROR_CODES,
  type Profile,
  SERVER_MESSAGE_TYPES,
  serverMessageSchema,
} from '@parley/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { envelope, framed, unframed } from '../helpers/garbage.ts';
import { type RunningGateway, startGateway } from '../helpers/gateway.ts';
import { OPCODE, RawSocket } from '../helpers/raw.ts';
import { seeded } from '../helpers/seeded.ts';
import { TestSocket } from '../helpers/socket.ts';
import { expectNoUncaught } from '../helpers/watch-process.ts';

expectNoUncaught();

let gateway: RunningGateway;
const disposals: (() => Promise<void>)[] = [];
beforeAll(async () => {
  gateway = await startGateway({ agents: [echoAgent], maxQueuedRuns: 5 }, (dispose) => {
    disposals.push(dispose);
  });
});
afterAll(async () => {
  for (const dispose of disposals) await dispose();
});

const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const port = () => Number(new URL(gateway.ws).port);

/** What is wrong with a frame of the server, if anything. */
function fault(frame: string, profile: Profile): string | undefined {
  const parsed = serverMessageSchema.safeParse(JSON.parse(frame));
  if (!parsed.success) return `it breaks the schema: ${frame} ${parsed.error.message}`;
  const message = parsed.data;
  const types: readonly string[] = SERVER_MESSAGE_TYPES[profile];
  if (!types.includes(message.type)) return `no type of the profile: ${frame}`;
  if (message.type !== 'error') return undefined;
  const known = (ERROR_CODES as Record<string, { retryable: boolean }>)[message.data.code];
  if (!known) return `an undocumented code: ${frame}`;
  if (message.data.code === 'INTERNAL_ERROR') return `the server failed: ${frame}`;
  return known.retryable === message.data.retryable ? undefined : `another verdict: ${frame}`;
}

async function stillServes(): Promise<void> {
  const client = await TestSocket.open(gateway.ws);
  expect((await client.ask('still here')).data.content).toBe('still here');
  await client.close();
}

const CONNECTIONS = 60;
const ENVELOPES = 500;

test(`[R9] [R12] ${CONNECTIONS * ENVELOPES} envelopes over real sockets: every answer fits its schema and its code is documented`, async () => {
  let refusals = 0;
  await fc.assert(
    fc.asyncProperty(seeds, fc.boolean(), async (seed, plain) => {
      const random = seeded(seed);
      const profile = plain ? 'plain' : 'parley.v1';
      const socket = new WebSocket(gateway.ws, plain ? [] : ['parley.v1']);
      await once(socket, 'open');
      const faults: string[] = [];
      const done = new Promise<void>((resolve) => {
        socket.on('close', () => resolve());
        socket.on('message', (bytes) => {
          const text = String(bytes);
          const found = fault(text, profile);
          if (found) faults.push(found);
          if (text.includes('"type":"error"')) refusals += 1;
          if (text.includes('"reply_to":"the-last-one"')) resolve();
        });
      });
      for (let i = 0; i < ENVELOPES; i += 1) socket.send(envelope(random));
      socket.send('{"type":"ping","message_id":"the-last-one"}');
      await done;
      expect(faults).toEqual([]);
      // None of it, however wrong, was a reason to end the connection.
      expect(socket.readyState).toBe(WebSocket.OPEN);
      socket.terminate();
    }),
    { numRuns: CONNECTIONS, endOnFailure: true },
  );
  expect(refusals).toBeGreaterThan((CONNECTIONS * ENVELOPES) / 10);
  await stillServes();
}, 90_000);

/** Whether there is a Close frame of this code in the bytes: whoever ends a connection is told its own code. */
function asksToClose(bytes: Uint8Array, code: number): boolean {
  return bytes.some((first, at) => {
    const [length = 0, m0 = 0, m1 = 0, , , c0 = 0, c1 = 0] = bytes.subarray(at + 1, at + 8);
    return first === 0x88 && length >= 0x82 && (((c0 ^ m0) << 8) | (c1 ^ m1)) === code;
  });
}

const ROUNDS = 200;
const AT_ONCE = 25;
/** Streams of one connection: frames with anything in them, and at last what may be no frame. */
const STREAMS = 20;

test(`[R9] [R12] ${ROUNDS * AT_ONCE * STREAMS} raw byte streams over ${ROUNDS * AT_ONCE} upgraded connections: none ends more than its own, and only with a documented code`, async () => {
  const codes = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      await Promise.all(
        Array.from({ length: AT_ONCE }, async (_, n) => {
          const random = seeded(seed + n);
          const protocol = n % 2 === 0 ? 'parley.v1' : '';
          let dispose = () => {};
          const onFinished = (close: () => void) => {
            dispose = close;
          };
          const raw = await RawSocket.open(port(), { protocol, onFinished });
          for (let i = 1; i < STREAMS; i += 1) raw.write(framed(random));
          const noise = unframed(random);
          raw.write(noise);
          raw.socket.end();
          await raw.closed;
          dispose();
          const profile = protocol === '' ? 'plain' : 'parley.v1';
          for (const { opcode, payload } of raw.frames) {
            const found = opcode === OPCODE.text ? fault(String(payload), profile) : undefined;
            if (found !== undefined) throw new Error(found);
          }
          const { closeCode } = raw;
          const isOurs = [1005, 1006].includes(closeCode) || Object.hasOwn(CLOSE_CODES, closeCode);
          if (!isOurs && !asksToClose(noise, closeCode)) {
            throw new Error(`an undocumented close code ${closeCode}`);
          }
          codes.set(closeCode, (codes.get(closeCode) ?? 0) + 1);
        }),
      );
    }),
    { numRuns: ROUNDS, endOnFailure: true },
  );
  // It was noise of many kinds: refused as such, too large, not UTF-8, or only unfinished.
  for (const code of [1002, 1009, 1007, 1006]) {
    expect([code, (codes.get(code) ?? 0) > 100]).toEqual([code, true]);
  }
  await stillServes();
}, 90_000);
