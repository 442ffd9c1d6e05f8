/** What a server takes of connections before it knows what they want. */
import type { IncomingMessage, Server } from 'node:http';
import type { ClientAddresses } from '../address.ts';
import type { Limits } from '../limits.ts';

/**
 * How long a client may take to send a request, milliseconds: its headers, counted from the connection's
 * start, and all of it. With how often they are looked at, nobody holds a connection for 15 s by it.
 */
export const SERVER_OPTIONS = {
  headersTimeout: 10_000,
  requestTimeout: 13_000,
  connectionsCheckingInterval: 1_000,
  shouldUpgradeCallback,
} as const;
/**
 * Connections that wait until they are taken, when thousands come back at once; of Node's 511 the rest
 * would try again after 1 s, 3 s and 7 s. Linux grants as many by default (`net.core.somaxconn`).
 */
export const BACKLOG = 4_096;
/** Connections that ask by HTTP or have not asked yet, beside the WebSockets; more are dropped. */
const MAX_HTTP_CONNECTIONS = 1_000;

/** Drops what is more, in all and from one address, as it comes. */
export function boundConnections(
  server: Server,
  { maxConnections }: { readonly maxConnections: number },
  addresses: ClientAddresses,
  limits: Limits,
): void {
  server.maxConnections = maxConnections + MAX_HTTP_CONNECTIONS;
  server.on('connection', (socket) => {
    const peer = addresses.ofPeer(socket);
    if (!peer) return;
    if (!limits.reachFrom(peer, socket)) socket.destroy();
  });
}

/** HTTP/2, which some libraries offer with every request, is not taken, and the request answered. */
function shouldUpgradeCallback({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}
