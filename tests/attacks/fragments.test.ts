/** Fragments, control frames between them, and the ways to close. */
import { describe, expect, test } from 'vitest';
import { clientFrame, OPCODE } from '../helpers/raw.ts';
import { forgedFrame, GOES_ON, type Outcome, startTarget } from './target.ts';

const target = startTarget();

const nothing = Buffer.alloc(0);
const start = (text: string, opcode: number = OPCODE.text) =>
  clientFrame(opcode, Buffer.from(text), false);
const more = (text: string) => clientFrame(OPCODE.continuation, Buffer.from(text), false);
const last = (text: string) => clientFrame(OPCODE.continuation, Buffer.from(text));
const whole = (text: string) => clientFrame(OPCODE.text, Buffer.from(text));
const control = (opcode: number, payload = nothing) => clientFrame(opcode, payload);
const close = (code: number, reason: string | Buffer = '') =>
  control(
    OPCODE.close,
    Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]),
  );
const times = (count: number, frame: Buffer) => Buffer.concat(Array(count).fill(frame));

const FRAGMENTS: [string, Buffer[], Outcome][] = [
  ['a message byte by byte', [start('{'), ...[...'"type":"ping"'].map(more), last('}')], GOES_ON],
  ['all of it in the first', [start('{"type":"ping"}'), last('')], GOES_ON],
  ['all of it in the last', [start(''), last('{"type":"ping"}')], GOES_ON],
  ['a message of nothing', [start(''), more(''), last('')], GOES_ON],
  ['as many as may be', [start('{"type":"ping"}'), times(1_022, more(' ')), last('')], GOES_ON],
  ['as many as may be, empty', [start(''), times(1_022, more('')), last('{}')], GOES_ON],
  ['one too many', [start('{"type":"ping"}'), times(1_023, more(' ')), last('')], 1008],
  ['100,000 empty ones', [start(''), times(100_000, more(''))], 1008],
  ['100,000 of a byte', [start(''), times(100_000, more('x'))], 1008],
  ['100,000 empty ones, binary', [start('', OPCODE.binary), times(100_000, more(''))], 1008],
  ['small ones beyond the hard limit', [start(''), times(20, more('x'.repeat(60_000)))], 1009],
  ['a continuation of nothing', [last('{"type":"ping"}')], 1002],
  ['one that is not the last', [more('{"type":"ping"}')], 1002],
  ['an empty one', [last('')], 1002],
  ['a continuation after a whole message', [whole('{"type":"ping"}'), last('')], 1002],
  ['a continuation after the last one', [start('{"type":'), last('"ping"}'), last('')], 1002],
  ['a text within a text', [start('{"type":'), whole('{"type":"ping"}')], 1002],
  ['the start of one within another', [start('{"type":'), start('"ping"}')], 1002],
  ['a binary within a text', [start('{'), control(OPCODE.binary)], 1002],
  ['a text within a binary', [start('{', OPCODE.binary), whole('{}')], 1002],
];

test.each(FRAGMENTS)('[R8] [R9] fragments: %s', async (_, frames, expected) => {
  expect((await target.attack(Buffer.concat(frames))).outcome).toBe(expected);
});

describe('[R8] [R9] control frames', () => {
  const KINDS = [
    ['close', OPCODE.close],
    ['ping', OPCODE.ping],
    ['pong', OPCODE.pong],
  ] as const;
  const tooLong = [126, 127, 1_000, 65_536].flatMap((length) =>
    KINDS.map(([name, opcode]) => [length, name, opcode] as const),
  );
  test.each(tooLong)('of %i bytes, a %s: 1002', async (length, _, opcode) => {
    const frame = control(opcode, Buffer.alloc(length));
    expect((await target.attack(frame)).outcome).toBe(1002);
  });

  test.each(KINDS)('a %s in fragments: 1002', async (_, opcode) => {
    const frames = [clientFrame(opcode, nothing, false), last('')];
    expect((await target.attack(Buffer.concat(frames))).outcome).toBe(1002);
  });

  test.each(KINDS)('a %s whose length takes 64 bits: 1002', async (_, opcode) => {
    const frame = forgedFrame({ opcode, lengthBits: 64, length: 2n });
    expect((await target.attack(frame)).outcome).toBe(1002);
  });

  test.each([
    ['nothing', nothing],
    ['125 bytes', Buffer.alloc(125, 'x')],
    ['what is not UTF-8', Buffer.from([0xff, 0xfe, 0xc0])],
  ])('a ping of %s is answered with the same', async (_, payload) => {
    const { outcome, raw } = await target.attack(control(OPCODE.ping, payload));
    expect(outcome).toBe(GOES_ON);
    const pong = raw.frames.find(({ opcode }) => opcode === OPCODE.pong);
    expect(pong?.payload).toEqual(payload);
  });

  test('between fragments they are answered, and the message is whole', async () => {
    const between = [control(OPCODE.ping, Buffer.from('a')), control(OPCODE.pong)];
    const { outcome, raw } = await target.attack(
      Buffer.concat([start('{"type":'), ...between, more('"ping",'), ...between, last('"x":1}')]),
    );
    expect(outcome).toBe(GOES_ON);
    expect(raw.frames.filter(({ opcode }) => opcode === OPCODE.pong)).toHaveLength(2);
    expect(raw.messages().map(({ type }) => type)).toEqual(['pong', 'pong']);
  });

  test.each([
    ['empty text messages', whole('')],
    ['empty binary messages', control(OPCODE.binary)],
    ['messages of two fragments', Buffer.concat([start('{'), last('}')])],
    ['pings', control(OPCODE.ping)],
    ['pongs that nobody asked for', control(OPCODE.pong)],
  ])('100,000 %s: 4429', async (_, frame) => {
    expect((await target.attack(times(100_000, frame))).outcome).toBe(4429);
  });
});

describe('[R9] a close', () => {
  test.each([0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65_535])(
    'with the code %i, which may not be sent: 1002',
    async (code) => {
      expect((await target.attack(close(code))).outcome).toBe(1002);
    },
  );

  test.each([
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4401,
    4999,
  ])('with the code %i is answered with the same', async (code) => {
    expect((await target.attack(close(code, 'bye'))).outcome).toBe(code);
  });

  test('without a code is answered without one', async () => {
    expect((await target.attack(control(OPCODE.close))).outcome).toBe(1005);
  });

  test('of one byte: 1002', async () => {
    expect((await target.attack(control(OPCODE.close, Buffer.from('x')))).outcome).toBe(1002);
  });

  test.each([
    ['cut off', [0xe2, 0x82]],
    ['too long a form', [0xc0, 0xaf]],
    ['half a pair', [0xed, 0xa0, 0x80]],
    ['no UTF-8 at all', [0xff]],
  ])('with a reason that is %s: 1007', async (_, bytes) => {
    expect((await target.attack(close(1000, Buffer.from(bytes)))).outcome).toBe(1007);
  });

  test.each([
    ['of 123 bytes', 'x'.repeat(123), 1000],
    ['of 124 bytes', 'x'.repeat(124), 1002],
  ])('with a reason %s', async (_, reason, expected) => {
    expect((await target.attack(close(1000, reason))).outcome).toBe(expected);
  });

  test.each([
    ['a message', whole('{"type":"ping","message_id":"late"}')],
    ['another close', close(4000)],
    ['what breaks the rules', forgedFrame({ opcode: 3 })],
    ['100,000 pings', times(100_000, control(OPCODE.ping))],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ])('ends it: %s after it is not heard', async (_, after) => {
    const { outcome, raw } = await target.attack(Buffer.concat([close(1000), after]));
    expect(outcome).toBe(1000);
    expect(raw.frames).toHaveLength(1);
  });

  test('within a fragmented message ends it all the same', async () => {
    const { outcome } = await target.attack(Buffer.concat([start('{"type":'), close(1000)]));
    expect(outcome).toBe(1000);
  });
});
