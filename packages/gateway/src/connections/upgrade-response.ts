/** What an upgrade that becomes no connection is answered: HTTP, written to its socket. */
import type { Duplex } from 'node:stream';
import { ERROR_CODES, type ErrorCode, ProtocolError } from '@parley/protocol';
import { WEBSOCKET_VERSION } from './admission.ts';

/** Answers with an error, whose body says what a browser would not show. */
export function refuseUpgrade(socket: Duplex, error: unknown): void {
  const known = error instanceof ProtocolError ? error : undefined;
  const code: ErrorCode = known?.code ?? 'INTERNAL_ERROR';
  const { status, retryable } = ERROR_CODES[code];
  const body = JSON.stringify({
    status: 'error',
    message: known?.message ?? 'The server failed on this request.',
    code: status,
    error: { code, retryable, ...known?.details },
  });
  const retryAfter = known?.details.retry_after_ms;
  endUpgrade(
    socket,
    [
      `HTTP/1.1 ${status} ${code}`,
      'Connection: close',
      'Content-Type: application/json',
      ...(code === 'METHOD_NOT_ALLOWED' ? ['Allow: GET'] : []),
      // RFC 6455 section 4.4: to who asked for another version.
      `Sec-WebSocket-Version: ${WEBSOCKET_VERSION}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...(retryAfter === undefined ? [] : [`Retry-After: ${Math.ceil(retryAfter / 1_000)}`]),
      '',
      body,
    ].join('\r\n'),
  );
}

/** Answers an upgrade with HTTP, and lets go of the socket, which nobody counts or sweeps. */
export function endUpgrade(socket: Duplex, response: string): void {
  socket.on('error', () => {});
  // A peer that keeps its own side open would keep it.
  socket.once('finish', () => socket.destroy());
  socket.end(response);
}
