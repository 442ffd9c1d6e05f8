import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Calls `take` for the upgrades of a server. One that comes before the request ahead of it on the same
 * connection was answered ends the connection: that answer would be written into the WebSocket.
 */
export function onUpgrade(
  server: Server,
  take: (request: IncomingMessage, socket: Duplex, head: Buffer) => void,
): void {
  /** Answers go out in the order of their requests: the last one says it of all. */
  const lastAnswers = new WeakMap<Duplex, ServerResponse>();
  server.prependListener('request', ({ socket }, response) => lastAnswers.set(socket, response));
  server.on('upgrade', (request, socket, head) => {
    if (lastAnswers.get(socket)?.writableFinished === false) socket.destroy();
    else take(request, socket, head);
  });
}
