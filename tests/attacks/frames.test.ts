/** Frames that RFC 6455 does not know: what stands in their first bytes. */
import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { OPCODE, RawSocket } from '../helpers/raw.ts';
import { type FrameParts, forgedFrame, GOES_ON, type Outcome, startTarget } from './target.ts';

const target = startTarget();
const ping = Buffer.from('{"type":"ping"}');
const NAMES = Object.entries(OPCODE);

const RESERVED_BITS: [string, FrameParts][] = NAMES.flatMap(([name, opcode]) =>
  [1, 2, 3, 4, 5, 6, 7].map((reserved): [string, FrameParts] => [
    `${name} with ${reserved.toString(2).padStart(3, '0')}`,
    { opcode, reserved },
  ]),
);

test.each(RESERVED_BITS)('[R9] reserved bits: %s closes with 1002', async (_, parts) => {
  const { outcome } = await target.attack(forgedFrame({ ...parts, payload: ping }));
  expect(outcome).toBe(1002);
});

const RESERVED_OPCODES = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) =>
  [true, false].map((fin): [number, boolean] => [opcode, fin]),
);

test.each(RESERVED_OPCODES)(
  '[R9] reserved opcodes: %i, final %s, closes with 1002',
  async (opcode, fin) => {
    const { outcome } = await target.attack(forgedFrame({ opcode, fin, payload: ping }));
    expect(outcome).toBe(1002);
  },
);

test.each(NAMES)('[R9] a frame without a mask: %s closes with 1002', async (_, opcode) => {
  const { outcome } = await target.attack(forgedFrame({ opcode, masked: false, payload: ping }));
  expect(outcome).toBe(1002);
});

test('[R9] HTTP where frames should be closes with 1002', async () => {
  expect((await target.attack(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).outcome).toBe(1002);
});

/** Lengths that are claimed: nothing of it has to come for the answer. */
const LENGTHS: [string, FrameParts, Outcome][] = [
  ['16 bits for what 7 can say', { opcode: 1, payload: ping, lengthBits: 16 }, GOES_ON],
  ['64 bits for what 7 can say', { opcode: 1, payload: ping, lengthBits: 64 }, GOES_ON],
  ['16 bits of nothing', { opcode: 1, lengthBits: 16 }, GOES_ON],
  ['64 bits of nothing', { opcode: 1, lengthBits: 64 }, GOES_ON],
  ['as much as is refused', { opcode: 1, payload: Buffer.alloc(65_537, 'x') }, GOES_ON],
  ['just the hard limit', { opcode: 1, payload: Buffer.alloc(1_048_576, 'x') }, GOES_ON],
  ['just the hard limit, binary', { opcode: 2, payload: Buffer.alloc(1_048_576) }, GOES_ON],
  ...[1_048_577n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n].flatMap(
    (length): [string, FrameParts, Outcome][] => [
      [`${length}, text`, { opcode: 1, lengthBits: 64, length }, 1009],
      [`${length}, binary`, { opcode: 2, lengthBits: 64, length }, 1009],
      [`${length}, not final`, { opcode: 1, fin: false, lengthBits: 64, length }, 1009],
    ],
  ),
  ...[2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n].map(
    (length): [string, FrameParts, Outcome] => [
      `${length}`,
      { opcode: 1, lengthBits: 64, length },
      1009,
    ],
  ),
];

test.each(LENGTHS)('[R8] [R9] lengths: %s: %#', async (_, parts, expected) => {
  const { outcome, raw } = await target.attack(forgedFrame(parts));
  expect(outcome).toBe(expected);
  const refused = (parts.payload?.length ?? 0) > 65_536 && parts.opcode === 1;
  if (refused) expect(raw.messages()[0]?.data.code).toBe('MESSAGE_TOO_LARGE');
});

describe('[R8] [R9] compression, which was not negotiated', () => {
  const compress = (bytes: Buffer) => deflateRawSync(bytes).subarray(0, -4);

  test.each([
    ['a message', 1, compress(ping)],
    ['binary', 2, compress(ping)],
    ['nothing', 1, Buffer.alloc(0)],
    ['noise', 1, Buffer.alloc(100, 0xa5)],
    ['a bomb of 200 MiB', 1, compress(Buffer.alloc(209_715_200))],
    ['the first part of one', 1, compress(Buffer.alloc(1_000_000)).subarray(0, 50)],
  ])('%s closes with 1002', async (_, opcode, payload) => {
    const heap = process.memoryUsage().rss;
    const { outcome } = await target.attack(forgedFrame({ opcode, reserved: 4, payload }));
    expect(outcome).toBe(1002);
    expect(process.memoryUsage().rss - heap).toBeLessThan(100_000_000);
  });

  test.each([
    ['offered', 'permessage-deflate'],
    [
      'with every parameter',
      'permessage-deflate; server_no_context_takeover; client_max_window_bits',
    ],
    ['with a wrong one', 'permessage-deflate; server_max_window_bits=99'],
    ['another one', 'x-webkit-deflate-frame'],
    ['garbage', ';;;=,"'],
    ['a thousand', Array.from({ length: 1_000 }, (_, n) => `x-${n}`).join(',')],
  ])('an extension %s is not taken, and its frames close with 1002', async (_, offer) => {
    const raw = await RawSocket.open(target.port, {
      headers: { 'Sec-WebSocket-Extensions': offer },
    });
    expect(raw.status).toBe('HTTP/1.1 101 Switching Protocols');
    expect(raw.head).not.toMatch(/sec-websocket-extensions/i);
    raw.write(forgedFrame({ opcode: 1, reserved: 4, payload: compress(ping) }));
    await raw.closed;
    expect(raw.closeCode).toBe(1002);
  });
});
