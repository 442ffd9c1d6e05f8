/** Text that is not UTF-8, and text that is and looks as if it were not. */
import { describe, expect, test } from 'vitest';
import { clientFrame, OPCODE } from '../helpers/raw.ts';
import { GOES_ON, startTarget } from './target.ts';

const target = startTarget();

/** The table of Unicode 17.0, section 3.9: everything that is not well-formed, by kind. */
const BAD: [string, string][] = [
  ['a continuation without a start', '80'],
  ['the last continuation without a start', 'bf'],
  ['continuations alone', '80818283'],
  ['two bytes, cut off after the first', 'c3'],
  ['three bytes, cut off after the first', 'e2'],
  ['three bytes, cut off after the second', 'e282'],
  ['four bytes, cut off after the first', 'f0'],
  ['four bytes, cut off after the second', 'f09f'],
  ['four bytes, cut off after the third', 'f09f98'],
  ['a start after a start', 'c3c3'],
  ['three bytes with another start within', 'e282c3a4'],
  ['four bytes with ASCII within', 'f09f4180'],
  ['one continuation too many', 'c3a480'],
  ['NUL in two bytes', 'c080'],
  ['a slash in two bytes', 'c0af'],
  ['the last of ASCII in two bytes', 'c1bf'],
  ['NUL in three bytes', 'e08080'],
  ['a slash in three bytes', 'e080af'],
  ['the last of two bytes in three', 'e09fbf'],
  ['NUL in four bytes', 'f0808080'],
  ['a slash in four bytes', 'f08080af'],
  ['the last of three bytes in four', 'f08fbfbf'],
  ['the first surrogate', 'eda080'],
  ['the last high surrogate', 'edafbf'],
  ['the first low surrogate', 'edb080'],
  ['the last surrogate', 'edbfbf'],
  ['a pair of surrogates (CESU-8)', 'eda0bdedb880'],
  ['the first beyond Unicode', 'f4908080'],
  ['the last of four bytes', 'f7bfbfbf'],
  ['a start that is beyond Unicode', 'f5808080'],
  ['five bytes', 'f888808080'],
  ['six bytes', 'fc8480808080'],
  ['fe', 'fe'],
  ['ff', 'ff'],
  ['the byte order mark of UTF-16', 'fffe'],
  ['Latin-1', 'e4'],
  ['UTF-16', 'd83d00de'],
];

/** `{"type":"ping","x":"…"}` around it. */
function around(hex: string): {
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
} {
  const before = Buffer.from('{"type":"ping","message_id":"it","x":"');
  const inside = Buffer.from(hex, 'hex');
  const bytes = Buffer.concat([before, inside, Buffer.from('"}')]);
  return { bytes, from: before.length, to: before.length + inside.length };
}

/** The same in fragments, cut at each of these. */
function cut(bytes: Buffer, places: readonly number[]): Buffer {
  const edges = [0, ...places, bytes.length];
  return Buffer.concat(
    edges.slice(1).map((end, index) => {
      const opcode = index === 0 ? OPCODE.text : OPCODE.continuation;
      return clientFrame(opcode, bytes.subarray(edges[index], end), end === bytes.length);
    }),
  );
}

const everyByte = ({ from, to }: { from: number; to: number }) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('[R9] what is not UTF-8 closes with 1007', () => {
  test.each(BAD)('%s (%s)', async (_, hex) => {
    const frame = clientFrame(OPCODE.text, around(hex).bytes);
    expect((await target.attack(frame)).outcome).toBe(1007);
  });

  test.each(BAD)('%s (%s), in fragments of a byte', async (_, hex) => {
    const text = around(hex);
    expect((await target.attack(cut(text.bytes, everyByte(text)))).outcome).toBe(1007);
  });

  test.each(BAD)('%s (%s), at the end of a message', async (_, hex) => {
    const bytes = Buffer.concat([Buffer.from('{"type":"ping"}'), Buffer.from(hex, 'hex')]);
    expect((await target.attack(clientFrame(OPCODE.text, bytes))).outcome).toBe(1007);
  });
});

test.each(BAD)(
  '[R9] [R12] binary may be anything: %s (%s) is told what is expected',
  async (_, hex) => {
    const { outcome, raw } = await target.attack(clientFrame(OPCODE.binary, around(hex).bytes));
    expect(outcome).toBe(GOES_ON);
    expect(raw.messages()[0]?.data).toMatchObject({ code: 'INVALID_MESSAGE' });
  },
);

/** The first and last of each length, what lies beside the surrogates, and what only looks wrong. */
const GOOD = [
  0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfeff, 0xfffd, 0xfffe, 0xffff, 0x1_0000, 0x1_f600,
  0x10_fffe, 0x10_ffff,
].map((point): [string, string] => [
  `U+${point.toString(16).toUpperCase().padStart(4, '0')}`,
  Buffer.from(String.fromCodePoint(point)).toString('hex'),
]);

test.each(GOOD)('[R9] %s (%s) is taken, whole and cut at each of its bytes', async (_, hex) => {
  const text = around(hex);
  const frames = [
    clientFrame(OPCODE.text, text.bytes),
    cut(text.bytes, everyByte(text)),
    ...everyByte(text).map((place) => cut(text.bytes, [place])),
  ];
  const { outcome, raw } = await target.attack(Buffer.concat(frames));
  expect(outcome).toBe(GOES_ON);
  const answers = raw.messages().slice(0, -1);
  expect(answers.map(({ type }) => type)).toEqual(frames.map(() => 'pong'));
});
