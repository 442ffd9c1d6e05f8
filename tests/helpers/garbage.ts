import { CLIENT_MESSAGE_TYPES, SERVER_MESSAGE_TYPES, SUBPROTOCOL } from '@parley/protocol';
import { clientFrame, OPCODE } from './raw.ts';
import type { Random } from './seeded.ts';

const pick = <Item>(random: Random, items: readonly Item[]): Item =>
  items[Math.floor(random() * items.length)] as Item;

const TYPES = [
  ...CLIENT_MESSAGE_TYPES[SUBPROTOCOL],
  ...CLIENT_MESSAGE_TYPES[SUBPROTOCOL],
  ...SERVER_MESSAGE_TYPES[SUBPROTOCOL],
  'CHAT_MESSAGE',
  '__proto__',
  'toString',
  '',
];
/** Ids, some of which are of sessions and messages that there may be. */
const IDS = ['s-1', 's-2', 'm-1', 'm-2', 'm-3', '', ' ', 'ä', 'x'.repeat(128), 'x'.repeat(129)];
const VALUES = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  2 ** 53,
  '',
  'text',
  '🎉',
  '\ud800',
  '\u0000',
  [],
  {},
  [[[[]]]],
  { __proto__: null, length: -1 },
  'x'.repeat(300),
];
const FIELDS = [
  'session_id',
  'message_id',
  'timestamp',
  'seq',
  'run_id',
  'reply_to',
  'constructor',
];
const DATA: Record<string, (random: Random) => unknown> = {
  content: (random) => pick(random, ['hi', ' ', '', 'line\nline', '\udc00🎉', 'x'.repeat(200)]),
  message_type: (random) => pick(random, ['text', 'text', 'image']),
  agent_name: (random) => pick(random, ['echo', 'nobody', 'two words']),
  replaces: (random) => pick(random, IDS),
  session_id: (random) => pick(random, IDS),
  after_seq: (random) => pick(random, [0, 1, 2, 1_000, -1, 1.5]),
  answer: (random) => ({ run_id: pick(random, IDS), attempt: 1, offset: pick(random, [0, 5, -1]) }),
  run_id: (random) => pick(random, IDS),
  approval_id: (random) => pick(random, IDS),
  approved: (random) => pick(random, [true, false]),
  is_typing: (random) => pick(random, [true, false]),
  title: (random) => pick(random, ['Title', ' ', 'x'.repeat(201)]),
  token: () => 'token',
};
const DATA_FIELDS = Object.keys(DATA);

/** A message that is often nearly right, as text. */
export function envelope(random: Random): string {
  const message: Record<string, unknown> = { type: pick(random, TYPES) };
  if (random() < 0.5) message.session_id = pick(random, IDS);
  if (random() < 0.5) message.message_id = pick(random, IDS);
  if (random() < 0.8) {
    const data: Record<string, unknown> = { content: 'hi' };
    for (let fields = Math.floor(random() * 4); fields > 0; fields -= 1) {
      const name = pick(random, DATA_FIELDS);
      data[name] = random() < 0.15 ? pick(random, VALUES) : DATA[name]?.(random);
    }
    message.data = data;
  }
  while (random() < 0.2) message[pick(random, FIELDS)] = pick(random, VALUES);
  if (random() < 0.05) message.data = pick(random, VALUES);
  const text = JSON.stringify(random() < 0.02 ? pick(random, VALUES) : message);
  return random() < 0.15 ? torn(random, text) : text;
}

/** Text with a piece lost, doubled or added. */
function torn(random: Random, text: string): string {
  const at = Math.floor(random() * text.length);
  const piece = pick(random, ['', '"', '}', '\\', '\u0000', '\ud800', '1e999', ',', '{"a":', '//']);
  return text.slice(0, at) + piece + text.slice(at + Math.floor(random() * 3));
}

function bytes(random: Random, length: number): Buffer {
  const buffer = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i += 1) buffer[i] = Math.floor(random() * 256);
  return buffer;
}

/** Frames as RFC 6455 has them, whatever is in them: the connection may go on. */
export function framed(random: Random): Buffer {
  const kind = random();
  if (kind < 0.55) return clientFrame(OPCODE.text, Buffer.from(envelope(random)));
  if (kind < 0.7) return clientFrame(OPCODE.binary, bytes(random, Math.floor(random() * 300)));
  if (kind < 0.8) return clientFrame(OPCODE.ping, bytes(random, Math.floor(random() * 126)));
  if (kind < 0.9) return clientFrame(OPCODE.pong, bytes(random, Math.floor(random() * 126)));
  const text = Buffer.from(envelope(random));
  const cut = Math.floor(random() * text.length);
  return Buffer.concat([
    clientFrame(OPCODE.text, text.subarray(0, cut), false),
    clientFrame(OPCODE.ping, Buffer.alloc(0)),
    clientFrame(OPCODE.continuation, text.subarray(cut)),
  ]);
}

/** The beginning of a text of 4 GiB. */
const ENDLESS = Buffer.from([0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);

/** Bytes that may be anything: noise, a frame with a bit turned over, one that never ends, one without bounds, HTTP. */
export function unframed(random: Random): Buffer {
  const kind = random();
  if (kind < 0.3) return bytes(random, 1 + Math.floor(random() * 200));
  const frame = framed(random);
  if (kind < 0.7) {
    for (let flips = 1 + Math.floor(random() * 3); flips > 0; flips -= 1) {
      const at = Math.floor(random() * Math.min(frame.length, 16));
      frame[at] = (frame[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    }
    return frame;
  }
  if (kind < 0.85) return frame.subarray(0, Math.floor(random() * frame.length));
  if (kind < 0.9) return Buffer.from('GET /ws HTTP/1.1\r\nHost: x\r\n\r\n');
  if (kind < 0.95) return ENDLESS;
  const opcode = Math.floor(random() * 16);
  return clientFrame(opcode, bytes(random, Math.floor(random() * 200)), random() < 0.5);
}
