/**
 * A WebSocket of bytes: frames are written as they were built and read where they lie, so that what is
 * measured is the server, and not a client library.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';

const TEXT = 0x81;
/** A text that is compressed. */
const DEFLATED = 0xc1;
const CLOSE = 0x88;
const PING = 0x89;
const PONG = 0x8a;
/** A masking key of zeroes leaves the payload as it is. */
const MASKED = 0x80;

/** What a flush leaves at the end of compressed data, and does not travel (RFC 7692, section 7.2.1). */
const FLUSHED = Buffer.from([0, 0, 0xff, 0xff]);
const OFFER = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
const NORMAL = 1000;

/** A frame of text as a client sends it. */
export function clientFrame(text: string): Buffer {
  return buildFrame(TEXT, Buffer.from(text));
}

/** The same, compressed. */
export function deflatedFrame(text: string): Buffer {
  const deflated = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH });
  return buildFrame(DEFLATED, deflated.subarray(0, -FLUSHED.length));
}

function buildFrame(head: number, payload: Buffer): Buffer {
  const { length } = payload;
  const start =
    length < 126
      ? [head, MASKED | length]
      : length < 65_536
        ? [head, MASKED | 126, length >> 8, length & 0xff]
        : [head, MASKED | 127, 0, 0, 0, 0, ...bigEndian(length)];
  return Buffer.concat([Buffer.from([...start, 0, 0, 0, 0]), payload]);
}

function bigEndian(value: number): number[] {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);
}

/** Is given each message where it lies: from `start` to `end` of `bytes`, which are not to be kept. */
export type TakeMessage = (bytes: Buffer, start: number, end: number) => void;

export class FrameSocket {
  onMessage: TakeMessage = () => {};
  /** Everything that one read of the socket brought has been taken. */
  onTurn: () => void = () => {};
  /** How many messages have come compressed. */
  deflated = 0;
  readonly closed: Promise<unknown>;
  #isClosing = false;
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket, rest: Buffer) {
    this.#socket = socket;
    this.closed = once(socket, 'close');
    socket.on('data', (bytes) => this.#take(bytes));
    if (rest.length > 0) setImmediate(() => this.#take(rest));
  }

  /** @throws where the upgrade is refused, or what is to be compressed is not */
  static async open(
    port: number,
    path: string,
    protocol?: string,
    isDeflating = false,
  ): Promise<FrameSocket> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${btoa('0123456789abcdef')}\r\n` +
        `${protocol ? `Sec-WebSocket-Protocol: ${protocol}\r\n` : ''}${isDeflating ? `Sec-WebSocket-Extensions: ${OFFER}\r\n` : ''}\r\n`,
    );
    let head = Buffer.alloc(0);
    for (;;) {
      const [bytes] = (await once(socket, 'data')) as [Buffer];
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) continue;
      const status = head.toString('latin1', 0, head.indexOf('\r\n'));
      if (!status.startsWith('HTTP/1.1 101 ')) throw new Error(`It was not upgraded: ${status}`);
      if (
        isDeflating &&
        !/^sec-websocket-extensions: permessage-deflate/im.test(`${head.subarray(0, end)}`)
      )
        throw new Error('The server does not compress.');
      return new FrameSocket(socket, head.subarray(end + 4));
    }
  }

  write(frames: Buffer): void {
    this.#socket.write(frames);
  }

  send(text: string): void {
    this.write(clientFrame(text));
  }

  /** Resolves with the next message. */
  next(): Promise<string> {
    return new Promise((resolve) => {
      this.onMessage = (bytes, start, end) => resolve(bytes.toString('utf8', start, end));
    });
  }

  /** Says that it ends, and resolves when the other side has agreed; what comes until then is taken. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.write(buildFrame(CLOSE, Buffer.from([NORMAL >> 8, NORMAL & 0xff])));
    await this.closed;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(piece: Buffer): void {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    let at = 0;
    while (at + 2 <= bytes.length) {
      const head = bytes[at] as number;
      const short = bytes[at + 1] as number;
      const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
      if (start > bytes.length) break;
      const length =
        short < 126
          ? short
          : short === 126
            ? bytes.readUInt16BE(at + 2)
            : Number(bytes.readBigUInt64BE(at + 2));
      const end = start + length;
      if (end > bytes.length) break;
      if (head === TEXT) this.onMessage(bytes, start, end);
      else if (head === DEFLATED) this.#inflate(bytes.subarray(start, end));
      else if (head === CLOSE) this.#end(bytes.subarray(start, end));
      else if (head === PING) this.write(buildFrame(PONG, bytes.subarray(start, end)));
      else
        throw new Error(`A frame that begins with ${head}: ${bytes.toString('utf8', start, end)}`);
      at = end;
    }
    // A copy: what it is a part of is used again for what comes next.
    this.#rest = Buffer.from(bytes.subarray(at));
    this.onTurn();
  }

  /** Where nobody here wanted it to end, `closed` rejects. */
  #end(payload: Buffer): void {
    if (this.#isClosing) this.#socket.end();
    else {
      const [code, reason] = [payload.readUInt16BE(0), payload.toString('utf8', 2)];
      this.#socket.destroy(new Error(`The server closed with ${code}: ${reason}`));
    }
  }

  #inflate(payload: Buffer): void {
    const text = inflateRawSync(Buffer.concat([payload, FLUSHED]), {
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    this.deflated += 1;
    this.onMessage(text, 0, text.length);
  }
}
