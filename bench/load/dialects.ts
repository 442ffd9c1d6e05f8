/** How each peer is spoken to, and how what it says is read. */
import { MESSAGE_BYTES, textOf } from '../peers/work.ts';
import { clientFrame, FrameSocket, type TakeMessage } from './frame-socket.ts';
import { behind, endOfText, Ledger, numberAt } from './ledger.ts';

/** One connection that is ready to say something. */
export interface Seat {
  readonly socket: FrameSocket;
  readonly ledger: Ledger;
  /** Notes that the answer to this has to come; returns the frame to write. */
  ask(content: string): Buffer;
  /** Notes that what `asker` has asked last will be heard here too. */
  overhear(asker: Seat, content: string): void;
  /** Of what was asked last. */
  readonly lastId: number;
}

/** Where several hear the same. */
export interface Room {
  id?: string;
}

interface Dialect {
  /** Opens a connection; `room`: the one to be in with others, where there are such. */
  open(port: number, room?: Room): Promise<Seat>;
}

/** A message of `MESSAGE_BYTES` in all, where `around` of them are not its text. */
function words(around = 0): string {
  return 'abcdefgh '.repeat(MESSAGE_BYTES).slice(0, MESSAGE_BYTES - around);
}

function startsWith(bytes: Buffer, start: number, head: Buffer): boolean {
  return bytes.compare(head, 0, head.length, start, start + head.length) === 0;
}

const texts = new Map<string, Buffer>();

/** What a message of this content is answered with. */
function answerTo(content: string): Buffer {
  const text = texts.get(content) ?? Buffer.from(textOf(content) ?? content);
  texts.set(content, text);
  return text;
}

/** Asks with the same frame whenever it asks the same: its messages have no ids. */
function nameless(socket: FrameSocket, ledger: Ledger, frameOf: (content: string) => string): Seat {
  const frames = new Map<string, Buffer>();
  const expect = (content: string) => ledger.ask({ id: 0, text: answerTo(content) });
  return {
    socket,
    ledger,
    lastId: 0,
    ask(content) {
      expect(content);
      const frame = frames.get(content) ?? clientFrame(frameOf(content));
      frames.set(content, frame);
      return frame;
    },
    overhear: (_asker, content) => expect(content),
  };
}

const raw: Dialect = {
  async open(port) {
    const socket = await FrameSocket.open(port, '/');
    const ledger = new Ledger();
    socket.onMessage = (bytes, start, end) => ledger.piece(0, bytes, start, end, true);
    return nameless(socket, ledger, (content) => content);
  },
};

const IO_EVENT = Buffer.from('42["m","');
const IO_TAIL = '"]'.length;
const IO_PING = 0x32;

const socketIo: Dialect = {
  async open(port) {
    const socket = await FrameSocket.open(port, '/socket.io/?EIO=4&transport=websocket');
    await socket.next();
    socket.send('40');
    await socket.next();
    const ledger = new Ledger();
    socket.onMessage = (bytes, start, end) => {
      if (bytes[start] === IO_PING && end - start === 1) socket.send('3');
      else if (!startsWith(bytes, start, IO_EVENT)) unexpected(bytes, start, end);
      else ledger.piece(0, bytes, start + IO_EVENT.length, end - IO_TAIL, true);
    };
    return nameless(socket, ledger, (content) => `42${JSON.stringify(['m', content])}`);
  },
};

const FIRST_ID = 10 ** 9;

/** Asks in our envelope, with a new id each time, always as long. */
class Envelopes implements Seat {
  readonly socket: FrameSocket;
  readonly ledger = new Ledger();
  lastId = FIRST_ID;
  readonly #session: string;
  readonly #isAcknowledged: boolean;
  readonly #made = new Map<string, { readonly frame: Buffer; readonly at: number }>();

  constructor(socket: FrameSocket, session: string, isAcknowledged: boolean) {
    this.socket = socket;
    this.#session = session;
    this.#isAcknowledged = isAcknowledged;
  }

  ask(content: string): Buffer {
    this.lastId += 1;
    this.ledger.ask({ id: this.lastId, text: answerTo(content) }, this.#isAcknowledged);
    const { frame, at } = this.#made.get(content) ?? this.#make(content);
    const copy = Buffer.from(frame);
    copy.write(`${this.lastId}`, at, 'latin1');
    return copy;
  }

  overhear({ lastId }: Seat, content: string): void {
    this.ledger.ask({ id: lastId, text: answerTo(content) });
  }

  #make(content: string) {
    // Streams are an agent's of its own where there are agents; where not, one field more says nothing.
    const agent = textOf(content) === undefined ? {} : { agent_name: 'stream' };
    const frame = clientFrame(message(this.#session, `m${FIRST_ID}`, { content, ...agent }));
    const made = { frame, at: frame.indexOf(`${FIRST_ID}`) };
    this.#made.set(content, made);
    return made;
  }
}

function message(session: string, id: string, data: Record<string, string>): string {
  return JSON.stringify({ type: 'chat_message', message_id: id, session_id: session, data });
}

const CHUNK = Buffer.from('{"type":"agent_chunk"');
const END = Buffer.from('{"type":"agent_response"');
const ACK = Buffer.from('{"type":"message_ack"');
const REPLY = Buffer.from('"reply_to":"m');
const OFFSET = Buffer.from('"offset":');
const CONTENT = Buffer.from('"content":"');
const COMPLETE = Buffer.from('"status":"complete"');

const envelope: Dialect = {
  async open(port) {
    const socket = await FrameSocket.open(port, '/');
    const seat = new Envelopes(socket, crypto.randomUUID(), false);
    socket.onMessage = (bytes, start, end) => {
      if (!startsWith(bytes, start, CHUNK) && !startsWith(bytes, start, END))
        unexpected(bytes, start, end);
      const id = numberAt(bytes, behind(REPLY, bytes, start, end));
      const text = behind(CONTENT, bytes, start, end);
      seat.ledger.piece(id, bytes, text, endOfText(bytes, text), true);
    };
    return seat;
  },
};

/** What says nothing of the answer. */
const BESIDE = ['run_status', 'session_status', 'presence', 'chat_message'].map((type) =>
  Buffer.from(`{"type":"${type}"`),
);

function readParley(ledger: Ledger): TakeMessage {
  return (bytes, start, end) => {
    const id = () => numberAt(bytes, behind(REPLY, bytes, start, end));
    if (startsWith(bytes, start, CHUNK)) {
      const offset = numberAt(bytes, behind(OFFSET, bytes, start, end));
      const text = behind(CONTENT, bytes, start, end);
      ledger.pieceAt(offset, id(), bytes, text, endOfText(bytes, text));
    } else if (startsWith(bytes, start, END)) {
      behind(COMPLETE, bytes, start, end);
      const text = behind(CONTENT, bytes, start, end);
      ledger.whole(id(), bytes, text, endOfText(bytes, text));
    } else if (startsWith(bytes, start, ACK)) ledger.acknowledge(id());
    else if (!BESIDE.some((head) => startsWith(bytes, start, head))) unexpected(bytes, start, end);
  };
}

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
    const seat = new Envelopes(socket, room.id, true);
    socket.onMessage = readParley(seat.ledger);
    return seat;
  },
};

export const DIALECTS = { raw, envelope, 'socket.io': socketIo, parley };
export type DialectName = keyof typeof DIALECTS;

/** The text of a message that is to be answered with the same, so that all is `MESSAGE_BYTES` long. */
export function question(dialect: DialectName): string {
  if (dialect === 'raw') return words();
  if (dialect === 'socket.io') return words(IO_EVENT.length + IO_TAIL);
  return words(message(crypto.randomUUID(), `m${FIRST_ID}`, { content: '' }).length);
}

function unexpected(bytes: Buffer, start: number, end: number): never {
  throw new Error(
    `Nobody asked for this: ${bytes.toString('utf8', start, Math.min(end, start + 300))}`,
  );
}
