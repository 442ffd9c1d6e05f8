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

/** A text message on its way out. Its frames are built once, however many connections receive it. */
export class OutgoingText {
  readonly #text: string;
  #plain: readonly Buffer[] | undefined;
  #compressed: readonly Buffer[] | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** As a server sends them: unmasked (RFC 6455 section 5.2). */
  frames(mayCompress: boolean): readonly Buffer[] {
    if (!mayCompress) {
      this.#plain ??= textFrames(this.#text);
      return this.#plain;
    }
    this.#compressed ??= compressedFrames(this.#text) ?? this.frames(false);
    return this.#compressed;
  }
}

function textFrames(text: string): readonly Buffer[] {
  const length = Buffer.byteLength(text);
  if (length > MAX_FRAME_BYTES) return splitIntoFrames(Buffer.from(text), TEXT);
  const frame = allocate(FINAL | TEXT, length);
  frame.write(text, frame.length - length);
  return [frame];
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
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(header + length);
  frame[0] = firstByte;
  if (header === 2) {
    frame[1] = length;
  } else if (header === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeUInt32BE(0, 2);
    frame.writeUInt32BE(length, 6);
  }
  return frame;
}
