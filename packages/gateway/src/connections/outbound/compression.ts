/** Compression (RFC 7692): what is agreed on with a client, and how a message is made smaller. */
import type { IncomingHttpHeaders } from 'node:http';
import { constants, deflateRawSync } from 'node:zlib';
import type { PerMessageDeflateOptions, WebSocket } from 'ws';

/** Below it the time is worth more than the bytes, bytes. */
const THRESHOLD = 1_024;
/** It is done at once, so that nothing can overtake: above it everyone else would wait too long, bytes. */
const MOST = 262_144;
/** How far back a repetition is found, as a power of two: what many clients say they take at most. */
const WINDOW_BITS = 12;
/** With the window: 48 kB while one message is compressed, and nothing between two. */
const MEM_LEVEL = 5;
/** More costs more time than it saves bytes of JSON. */
const LEVEL = 3;
/** What a flush leaves at the end, and the other side puts there again (section 7.2.1). */
const TAIL_BYTES = 4;

/**
 * Nothing is remembered from one message to the next: so a connection keeps no state for sending, one
 * compressed message fits every connection, and the size of one tells nothing of another.
 */
export const COMPRESSION: PerMessageDeflateOptions = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  // Of the four threads that reading files and looking up names use as well.
  concurrencyLimit: 2,
  zlibInflateOptions: { chunkSize: 4_096 },
};

/** Whether a connection takes compressed messages whose window is ours. */
export function takesCompressed(
  { extensions }: Pick<WebSocket, 'extensions'>,
  headers: IncomingHttpHeaders,
): boolean {
  if (extensions !== 'permessage-deflate') return false;
  const offers = headers['sec-websocket-extensions'] ?? '';
  const windows = offers.matchAll(/server_max_window_bits\s*=\s*"?(\d+)/g);
  // Who asks for a smaller one gets everything as it is, which is always allowed.
  return windows.every(([, bits]) => Number(bits) >= WINDOW_BITS);
}

/** The payload of a compressed message; `undefined` where it is better sent as it is. */
export function compress(payload: Buffer): Buffer | undefined {
  if (payload.length < THRESHOLD || payload.length > MOST) return undefined;
  const deflated = deflateRawSync(payload, {
    windowBits: WINDOW_BITS,
    memLevel: MEM_LEVEL,
    level: LEVEL,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  const size = deflated.length - TAIL_BYTES;
  return size < payload.length ? deflated.subarray(0, size) : undefined;
}
