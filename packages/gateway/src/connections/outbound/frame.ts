import { compress } from './compression.ts';

/**
 * The most that one frame carries, bytes. A longer message goes out in several (RFC 6455 section
 * 5.4), so that a slow reader is seen to make progress, and pings find their way between.
 */
const MAX_FRAME_BYTES = 65_536;

const TEXT = 0x01;
const CONTINUATION = 0x00;
const FINAL = 0x80;
/** RSV1, in the first frame of a message alone. */
const COMPRESSED = 0x40;

/** What goes out whole: a `Buffer` is one. */
export interface Frame {
  /** Bytes. */
  readonly length: number;
  /** Writes it from `start` on. */
  copy(target: Buffer, start: number): void;
}

/** A text message on its way out. Its frames are built once, however many connections receive it. */
export class OutgoingText {
  readonly #text: string;
  #isFirst = true;
  #plain: readonly Frame[] | undefined;
  #compressed: readonly Frame[] | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** As a server sends them: unmasked (RFC 6455 section 5.2). */
  frames(mayCompress: boolean): readonly Frame[] {
    if (mayCompress) {
      this.#compressed ??= compressedFrames(this.#text) ?? this.frames(false);
      return this.#compressed;
    }
    // Most messages have one receiver, for whom the text is written once, into what else is on its way there.
    if (this.#isFirst) {
      this.#isFirst = false;
      return textFrames(this.#text);
    }
    this.#plain ??= textFrames(this.#text).map((frame) => together([frame]));
    return this.#plain;
  }
}

function textFrames(text: string): readonly Frame[] {
  const length = Buffer.byteLength(text);
  if (length > MAX_FRAME_BYTES) return splitIntoFrames(Buffer.from(text), TEXT);
  return [new TextFrame(text, length)];
}

/** A message in one frame, which is text until its bytes are needed. */
class TextFrame implements Frame {
  readonly #text: string;
  readonly #payload: number;
  readonly length: number;

  /** `payload`: bytes. */
  constructor(text: string, payload: number) {
    this.#text = text;
    this.#payload = payload;
    this.length = headerLength(payload) + payload;
  }

  copy(target: Buffer, start: number): void {
    const at = writeHeader(target, start, FINAL | TEXT, this.#payload);
    target.write(this.#text, at, this.#payload);
  }
}

/** The bytes of at least one frame, one behind the other. */
export function together(frames: readonly Frame[]): Buffer {
  const [first] = frames;
  if (frames.length === 1 && Buffer.isBuffer(first)) return first;
  const bytes = Buffer.allocUnsafe(frames.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const frame of frames) {
    frame.copy(bytes, at);
    at += frame.length;
  }
  return bytes;
}

function compressedFrames(text: string): readonly Buffer[] | undefined {
  const payload = compress(Buffer.from(text));
  return payload && splitIntoFrames(payload, TEXT | COMPRESSED);
}

function splitIntoFrames(payload: Buffer, first: number): readonly Buffer[] {
  const frames: Buffer[] = [];
  for (let start = 0; start < payload.length; start += MAX_FRAME_BYTES) {
    const part = payload.subarray(start, start + MAX_FRAME_BYTES);
    const final = start + part.length === payload.length ? FINAL : 0;
    const frame = allocate(final | (start === 0 ? first : CONTINUATION), part.length);
    part.copy(frame, frame.length - part.length);
    frames.push(frame);
  }
  return frames;
}

/** A frame with its header written and room for the payload behind it. */
function allocate(firstByte: number, length: number): Buffer {
  const frame = Buffer.allocUnsafe(headerLength(length) + length);
  writeHeader(frame, 0, firstByte, length);
  return frame;
}

function headerLength(payload: number): number {
  if (payload < 126) return 2;
  return payload < 65_536 ? 4 : 10;
}

/** Returns where the payload begins. */
function writeHeader(target: Buffer, start: number, firstByte: number, payload: number): number {
  target[start] = firstByte;
  if (payload < 126) {
    target[start + 1] = payload;
    return start + 2;
  }
  if (payload < 65_536) {
    target[start + 1] = 126;
    target.writeUInt16BE(payload, start + 2);
    return start + 4;
  }
  target[start + 1] = 127;
  target.writeUInt32BE(0, start + 2);
  target.writeUInt32BE(payload, start + 6);
  return start + 10;
}
