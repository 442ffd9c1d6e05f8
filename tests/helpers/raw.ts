import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface RawFrame {
  readonly opcode: number;
  readonly fin: boolean;
  /** RSV1: the message that begins with it is compressed. */
  readonly compressed: boolean;
  readonly payload: Buffer;
}

interface RawMessage {
  readonly type: string;
  readonly data: Record<string, unknown>;
}

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface RawOptions {
  readonly path?: string;
  /** The subprotocols to offer. */
  readonly protocol?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent right behind the request, before there is an answer to it. */
  readonly ahead?: Buffer;
  readonly onFinished?: (dispose: () => void) => void;
}

/** A TCP connection that was upgraded and knows nothing further: a test writes its bytes. */
export class RawSocket {
  readonly socket: Socket;
  /** The status line of the answer to the upgrade. */
  readonly status: string;
  readonly head: string;
  /** What was said instead of an upgrade. */
  readonly body: string;
  /** What came, in order. */
  readonly frames: RawFrame[] = [];
  /** Bytes that came after the upgrade, whether or not they are whole frames. */
  bytes = 0;
  readonly closed: Promise<void>;
  #rest: Buffer = Buffer.alloc(0);
  /** Came since, and not yet looked at: less than the next frame needs. */
  #pieces: Buffer[] = [];
  #lacking = 2;
  readonly #messages: RawMessage[] = [];
  /** Frames of the message that is not whole yet. */
  #parts: Buffer[] = [];
  /** So many frames are in `#messages` and `#parts`. */
  #looked = 0;
  #listeners: (() => void)[] = [];

  private constructor(socket: Socket, head: string, rest: Buffer) {
    this.socket = socket;
    const upgraded = head.startsWith('HTTP/1.1 101 ');
    this.head = head;
    this.body = upgraded ? '' : rest.toString();
    this.status = head.split('\r\n', 1)[0] ?? '';
    this.closed = new Promise((resolve) => {
      if (socket.destroyed) resolve();
      else socket.once('close', () => resolve());
    });
    void this.closed.then(() => this.#wake());
    socket.on('data', (bytes) => this.#take(bytes));
    if (upgraded && rest.length > 0) this.#take(rest);
  }

  static async open(port: number, options: RawOptions = {}): Promise<RawSocket> {
    const {
      path = '/ws',
      protocol = 'parley.v1',
      headers = {},
      ahead = Buffer.alloc(0),
      onFinished = onTestFinished,
    } = options;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.on('error', () => {});
    onFinished(() => socket.destroy());
    await once(socket, 'connect');
    const fields = {
      Host: `127.0.0.1:${port}`,
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      ...(protocol === '' ? {} : { 'Sec-WebSocket-Protocol': protocol }),
      ...headers,
    };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
    const request = [`GET ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n');
    socket.write(Buffer.concat([Buffer.from(request), ahead]));
    let bytes = Buffer.alloc(0);
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf('\r\n\r\n');
      // A refusal is read to its end.
      if (end === -1 || !bytes.subarray(0, 13).equals(Buffer.from('HTTP/1.1 101 '))) continue;
      return new RawSocket(socket, bytes.toString('latin1', 0, end), bytes.subarray(end + 4));
    }
    const end = bytes.indexOf('\r\n\r\n');
    const head = bytes.toString('latin1', 0, end === -1 ? undefined : end);
    return new RawSocket(socket, head, bytes.subarray(end + 4));
  }

  write(bytes: Buffer): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  send(message: unknown): void {
    this.write(clientFrame(OPCODE.text, Buffer.from(JSON.stringify(message))));
  }

  /** The messages that have come whole, parsed; each once, however often a test looks. */
  messages(): readonly RawMessage[] {
    for (; this.#looked < this.frames.length; this.#looked += 1) {
      const { opcode, fin, payload } = this.frames[this.#looked] as RawFrame;
      if (opcode > OPCODE.binary) continue;
      this.#parts.push(payload);
      if (!fin) continue;
      this.#messages.push(JSON.parse(Buffer.concat(this.#parts).toString()));
      this.#parts = [];
    }
    return this.#messages;
  }

  /** Resolves as soon as `holds`, or the connection is gone. */
  async until(holds: (socket: RawSocket) => boolean): Promise<void> {
    while (!holds(this) && !this.socket.destroyed) {
      await new Promise<void>((resolve) => this.#listeners.push(resolve));
    }
  }

  /** The code of the close frame that came; 1006 where none did. */
  get closeCode(): number {
    const close = this.frames.find(({ opcode }) => opcode === OPCODE.close);
    if (!close) return 1006;
    return close.payload.length >= 2 ? close.payload.readUInt16BE(0) : 1005;
  }

  #take(bytes: Buffer): void {
    this.bytes += bytes.length;
    this.#pieces.push(bytes);
    this.#lacking -= bytes.length;
    if (this.#lacking > 0) return;
    this.#rest = Buffer.concat([this.#rest, ...this.#pieces]);
    this.#pieces = [];
    for (let frame = this.#next(); frame; frame = this.#next()) this.frames.push(frame);
    this.#wake();
  }

  #next(): RawFrame | undefined {
    const rest = this.#rest;
    const code = rest.length < 2 ? 0 : (rest[1] as number) & 0x7f;
    const start = code === 126 ? 4 : code === 127 ? 10 : 2;
    let length = code;
    if (code === 126 && rest.length >= start) length = rest.readUInt16BE(2);
    if (code === 127 && rest.length >= start) length = Number(rest.readBigUInt64BE(2));
    this.#lacking = Math.max(start + (rest.length < start ? 0 : length) - rest.length, 0);
    if (this.#lacking > 0) return undefined;
    const first = rest[0] as number;
    this.#rest = rest.subarray(start + length);
    return {
      opcode: first & 0x0f,
      fin: (first & 0x80) !== 0,
      compressed: (first & 0x40) !== 0,
      payload: rest.subarray(start, start + length),
    };
  }

  #wake(): void {
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }
}

/** A frame as a client sends it: masked. */
export function clientFrame(opcode: number, payload: Buffer, fin = true): Buffer {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = Buffer.alloc(2 + extended + 4 + length);
  frame[0] = (fin ? 0x80 : 0) | opcode;
  frame[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) frame.writeUInt16BE(length, 2);
  if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  const mask = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
  mask.copy(frame, 2 + extended);
  for (let i = 0; i < length; i += 1) {
    frame[6 + extended + i] = (payload[i] as number) ^ (mask[i % 4] as number);
  }
  return frame;
}
