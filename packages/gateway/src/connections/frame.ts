/**
 * The most that one frame carries, bytes. A longer message goes out in several (RFC 6455 section
 * 5.4), so that a slow reader is seen to make progress, and pings find their way between.
 */
const MAX_FRAME_BYTES = 65_536;

const TEXT = 0x01;
const CONTINUATION = 0x00;
const FINAL = 0x80;

/**
 * The frames of a text message as a server sends them: unmasked and uncompressed (RFC 6455 section
 * 5.2). Built once for each message, however many connections receive it.
 */
export function textFrames(text: string): readonly Buffer[] {
  const length = Buffer.byteLength(text);
  if (length <= MAX_FRAME_BYTES) {
    const frame = allocate(FINAL | TEXT, length);
    frame.write(text, frame.length - length);
    return [frame];
  }
  const payload = Buffer.from(text);
  const frames: Buffer[] = [];
  for (let start = 0; start < length; start += MAX_FRAME_BYTES) {
    const part = payload.subarray(start, start + MAX_FRAME_BYTES);
    const final = start + part.length === length ? FINAL : 0;
    const frame = allocate(final | (start === 0 ? TEXT : CONTINUATION), part.length);
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
