/** All connections of this process: the upgrade, liveness, limits, and the way out at a restart. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  createMessage,
  ERROR_CODES,
  type ErrorCode,
  ProtocolError,
  SUBPROTOCOL,
} from '@parley/protocol';
import { type WebSocket, WebSocketServer } from 'ws';
import { LOCAL } from '../auth.ts';
import type { Logger } from '../log.ts';
import { checkSocketOrigin, type OriginRules } from '../origin.ts';
import type { SessionManager } from '../sessions/session-manager.ts';
import { Connection, type LivenessLimits } from './connection.ts';
import type { InboundRates } from './inbound-limits.ts';
import { Outbox } from './outbox.ts';

export interface ConnectionManagerOptions extends LivenessLimits, InboundRates {
  readonly sessions: SessionManager;
  readonly log: Logger;
  readonly originRules: OriginRules;
  readonly maxConnections: number;
  readonly maxMessageBytes: number;
  readonly maxPlainMessageBytes: number;
  readonly hardMessageBytes: number;
  readonly maxOutboxBytes: number;
  readonly maxSessionsPerConnection: number;
}

/** How many times in a ping interval the connections are looked at. */
const SWEEPS_PER_PING = 10;
/** After a restart clients come back spread over so long, milliseconds. */
const RETURN_SPREAD_MS = 5_000;
/** A peer that does not answer the close frame keeps its place for so long, milliseconds. */
const CLOSE_TIMEOUT_MS = 10_000;
/** A message in more fragments than this ends the connection: each costs more than its bytes. */
const MAX_FRAGMENTS = 1_024;

export class ConnectionManager {
  readonly #options: ConnectionManagerOptions;
  readonly #server: WebSocketServer;
  readonly #connections = new Map<Connection, WebSocket>();
  readonly #sweeper: NodeJS.Timeout;
  #draining = false;

  constructor(options: ConnectionManagerOptions) {
    this.#options = options;
    // By name, because its types do not know `closeTimeout` yet.
    const serverOptions = {
      noServer: true,
      clientTracking: false,
      maxPayload: options.hardMessageBytes,
      maxFragments: MAX_FRAGMENTS,
      closeTimeout: CLOSE_TIMEOUT_MS,
      perMessageDeflate: false,
      handleProtocols: (offered: Set<string>) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    } as const;
    this.#server = new WebSocketServer(serverOptions);
    const sweepMs = Math.max(1, Math.floor(options.pingInterval / SWEEPS_PER_PING));
    this.#sweeper = setInterval(() => this.#sweep(sweepMs), sweepMs);
    this.#sweeper.unref();
  }

  /** How many connections are open. */
  get size(): number {
    return this.#connections.size;
  }

  /** Takes the `upgrade` event of an HTTP server. Never throws. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Until `ws` has the socket, its errors are nobody else's.
    const ignore = () => {};
    socket.on('error', ignore);
    try {
      this.#admit(request);
    } catch (error) {
      refuse(socket, error);
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('error', ignore);
      this.#open(webSocket, socket);
    });
  }

  #admit(request: IncomingMessage): void {
    checkSocketOrigin(request, this.#options.originRules);
    if (this.#draining) {
      throw new ProtocolError(
        'CONNECTION_LIMIT',
        'The server is stopping. Come back in a moment.',
        {
          retry_after_ms: returnDelay(),
        },
      );
    }
    const limit = this.#options.maxConnections;
    if (this.#connections.size >= limit) {
      throw new ProtocolError(
        'CONNECTION_LIMIT',
        `${limit} connections are open, as many as may be. Try again later.`,
        { limit, retry_after_ms: returnDelay() },
      );
    }
  }

  #open(webSocket: WebSocket, socket: Duplex): void {
    const options = this.#options;
    const profile = webSocket.protocol === SUBPROTOCOL ? SUBPROTOCOL : 'plain';
    const outbox = new Outbox(socket, {
      maxBytes: options.maxOutboxBytes,
      onOverflow: () => connection.close(4409),
    });
    const connection: Connection = new Connection(
      { id: randomUUID(), profile, principal: LOCAL },
      webSocket,
      outbox,
      {
        sessions: options.sessions,
        log: options.log,
        limits: {
          maxMessageBytes:
            profile === 'plain' ? options.maxPlainMessageBytes : options.maxMessageBytes,
          maxSessions: options.maxSessionsPerConnection,
          inbound: options,
        },
      },
    );
    this.#connections.set(connection, webSocket);
    options.log.debug({ connection_id: connection.id, profile }, 'a connection opened');
    webSocket.on('ping', () => connection.pinged());
    webSocket.on('pong', () => connection.heard());
    webSocket.on('message', (bytes, binary) => connection.receive(bytes as Buffer, binary));
    // What breaks RFC 6455 or is too large; `ws` closes with the code that says so.
    webSocket.on('error', (error) => {
      options.log.debug({ err: error, connection_id: connection.id }, 'a connection broke');
    });
    webSocket.on('close', (code) => {
      this.#connections.delete(connection);
      connection.closed();
      options.log.debug({ connection_id: connection.id, code }, 'a connection closed');
    });
  }

  #sweep(elapsedMs: number): void {
    for (const connection of this.#connections.keys()) connection.sweep(elapsedMs, this.#options);
  }

  /** Tells everyone that the server restarts, and when to come back; takes nobody new. */
  announceRestart(): void {
    this.#draining = true;
    for (const connection of this.#connections.keys()) {
      if (connection.closing) continue;
      connection.tell(
        createMessage('system_message', {
          level: 'warning',
          message: 'The server restarts. You will be connected again in a moment.',
          action: 'reconnect',
          retry_after_ms: returnDelay(),
        }),
      );
    }
  }

  /** Closes every connection with 1012, and ends what has not answered after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#draining = true;
    clearInterval(this.#sweeper);
    const closed = [...this.#connections].map(([connection, webSocket]) => {
      const done = new Promise<void>((resolve) => webSocket.once('close', () => resolve()));
      connection.close(1012);
      return done;
    });
    const impatience = setTimeout(() => {
      for (const webSocket of this.#connections.values()) webSocket.terminate();
    }, graceMs);
    await Promise.all(closed);
    clearTimeout(impatience);
  }
}

/** Full jitter: everyone who comes back comes at another time. */
function returnDelay(): number {
  return Math.floor(Math.random() * RETURN_SPREAD_MS);
}

/** Answers an upgrade with an HTTP error, whose body says what a browser would not show. */
function refuse(socket: Duplex, error: unknown): void {
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
