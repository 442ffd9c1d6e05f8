/** How each peer is spoken to, and what of what it says counts. */
import { MESSAGE_BYTES } from '../peers/work.ts';
import { clientFrame, FrameSocket, type TakeMessage } from './frame-socket.ts';

/** One connection that is ready to say something. */
export interface Seat {
  readonly socket: FrameSocket;
  /** The next message of this text, as a frame. */
  message(content: string): Buffer;
  /** Reads what came: adds to `heard`. Throws at what must not come. */
  readonly read: TakeMessage;
  readonly heard: Heard;
}

/** What has come over a connection. */
interface Heard {
  /** Ends of answers. */
  answers: number;
  /** Frames with a piece of an answer, and the bytes of text in them. */
  pieces: number;
  text: number;
}

interface Dialect {
  /** Opens a connection; `room`: the one to be in with others, where there are such. */
  open(port: number, room?: Room): Promise<Seat>;
}

/** Where several hear the same. */
export interface Room {
  id?: string;
}

/** A message of `MESSAGE_BYTES` in all, where `around` of them are not its text. */
function words(around = 0): string {
  return 'abcdefgh '.repeat(MESSAGE_BYTES).slice(0, MESSAGE_BYTES - around);
}

function newHeard(): Heard {
  return { answers: 0, pieces: 0, text: 0 };
}

function startsWith(bytes: Buffer, start: number, head: Buffer): boolean {
  return bytes.compare(head, 0, head.length, start, start + head.length) === 0;
}

/** A whole text is one message, and so is an answer. */
const raw: Dialect = {
  async open(port) {
    const socket = await FrameSocket.open(port, '/');
    const heard = newHeard();
    const frames = new Map<string, Buffer>();
    return {
      socket,
      heard,
      message: (content) => {
        const frame = frames.get(content) ?? clientFrame(content);
        frames.set(content, frame);
        return frame;
      },
      read: (_bytes, start, end) => {
        if (end - start === MESSAGE_BYTES) heard.answers += 1;
        else {
          heard.pieces += 1;
          heard.text += end - start;
        }
      },
    };
  },
};

const IO_EVENT = Buffer.from('42["m","');

const socketIo: Dialect = {
  async open(port) {
    const socket = await FrameSocket.open(port, '/socket.io/?EIO=4&transport=websocket');
    await socket.next();
    socket.send('40');
    await socket.next();
    const heard = newHeard();
    const whole = words(IO_EVENT.length + 2).length;
    const frames = new Map<string, Buffer>();
    return {
      socket,
      heard,
      message: (content) => {
        const frame = frames.get(content) ?? clientFrame(`42${JSON.stringify(['m', content])}`);
        frames.set(content, frame);
        return frame;
      },
      read: (bytes, start, end) => {
        if (bytes[start] === 0x32 && end - start === 1) {
          socket.send('3');
          return;
        }
        if (!startsWith(bytes, start, IO_EVENT)) unexpected(bytes, start, end);
        const length = end - start - IO_EVENT.length - 2;
        if (length === whole) heard.answers += 1;
        else {
          heard.pieces += 1;
          heard.text += length;
        }
      },
    };
  },
};

const CHUNK = Buffer.from('{"type":"agent_chunk"');
const END = Buffer.from('{"type":"agent_response"');
const IGNORED = ['message_ack', 'run_status', 'session_status', 'presence', 'chat_message'].map(
  (type) => Buffer.from(`{"type":"${type}"`),
);
const CONTENT = Buffer.from('"content":"');
const STATUS = Buffer.from('","status":"');
/** What stands behind the text of a piece. */
const TAIL = '"}}'.length;

/** Reads messages of the envelope. An answer has the text of its pieces once more, and what came with its end. */
function readEnvelope(heard: Heard): TakeMessage {
  let inPieces = 0;
  return (bytes, start, end) => {
    if (startsWith(bytes, start, CHUNK)) {
      const text = end - bytes.indexOf(CONTENT, start) - CONTENT.length - TAIL;
      heard.pieces += 1;
      heard.text += text;
      inPieces += text;
    } else if (startsWith(bytes, start, END)) {
      const content = bytes.indexOf(CONTENT, start) + CONTENT.length;
      const text = bytes.indexOf(STATUS, content) - content;
      // Where nothing streams it has no status, and no pieces before it.
      if (text > 0) heard.text += text - inPieces;
      inPieces = 0;
      heard.answers += 1;
    } else if (!IGNORED.some((head) => startsWith(bytes, start, head)))
      unexpected(bytes, start, end);
  };
}

/** Messages of the envelope with a new id each, of always the same length. */
function envelopes(sessionId: string, agent?: string): (content: string) => Buffer {
  const made = new Map<string, { frame: Buffer; at: number }>();
  let count = 10 ** 9;
  return (content) => {
    count += 1;
    let known = made.get(content);
    if (!known) {
      const frame = clientFrame(
        JSON.stringify({
          type: 'chat_message',
          message_id: `m${count}`,
          session_id: sessionId,
          data: { content, ...(agent ? { agent_name: agent } : {}) },
        }),
      );
      known = { frame, at: frame.indexOf(`m${count}`) };
      made.set(content, known);
    }
    const frame = Buffer.from(known.frame);
    frame.write(`m${count}`, known.at, 'latin1');
    return frame;
  };
}

const envelope: Dialect = {
  async open(port) {
    const socket = await FrameSocket.open(port, '/');
    const heard = newHeard();
    return { socket, heard, message: envelopes(crypto.randomUUID()), read: readEnvelope(heard) };
  },
};

const parley: Dialect = {
  async open(port, room = {}) {
    const socket = await FrameSocket.open(port, '/ws', 'parley.v1');
    socket.send(
      JSON.stringify(
        room.id
          ? { type: 'session_join', session_id: room.id }
          : { type: 'session_create', message_id: 'create' },
      ),
    );
    let status: { type: string; session_id: string };
    do status = JSON.parse(await socket.next());
    while (status.type !== 'session_status');
    room.id ??= status.session_id;
    const heard = newHeard();
    const echo = envelopes(room.id);
    const stream = envelopes(room.id, 'stream');
    return {
      socket,
      heard,
      message: (content) => (content.length > 10 ? echo(content) : stream(content)),
      read: readEnvelope(heard),
    };
  },
};

export const DIALECTS = { raw, envelope, 'socket.io': socketIo, parley };
export type DialectName = keyof typeof DIALECTS;

/** The text of a message that is to be answered with the same, so that all is `MESSAGE_BYTES` long. */
export function question(dialect: DialectName): string {
  if (dialect === 'raw') return words();
  if (dialect === 'socket.io') return words(IO_EVENT.length + 2);
  // What the envelope takes: measured on one.
  const empty = envelopes(crypto.randomUUID())('').length - 8;
  return words(empty);
}

function unexpected(bytes: Buffer, start: number, end: number): never {
  throw new Error(
    `Nobody asked for this: ${bytes.toString('utf8', start, Math.min(end, start + 300))}`,
  );
}
