/** All connections of this process: the upgrade, liveness, limits, and the way out at a restart. */
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  createMessage,
  ERROR_CODES,
  type ErrorCode,
  ProtocolError,
  SUBPROTOCOL,
} from '@parley/protocol';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ClientAddress, ClientAddresses } from '../address.ts';
import type { Authentication } from '../auth/authentication.ts';
import {
  cookieFor,
  cookieScope,
  type Identity,
  isCredential,
  offeredProtocols,
  unauthorized,
} from '../auth/authenticator.ts';
import type { Limits } from '../limits.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { checkOrigin, checkSocketOrigin, type OriginRules } from '../origin.ts';
import type { SessionManager } from '../sessions/session-manager.ts';
import { COMPRESSION, takesCompressed } from './compression.ts';
import { Connection, type LivenessLimits } from './connection.ts';
import type { InboundRates } from './inbound-limits.ts';
import { Outbox } from './outbox.ts';

export interface ConnectionManagerOptions extends LivenessLimits, InboundRates {
  readonly sessions: SessionManager;
  readonly authentication: Authentication;
  readonly addresses: ClientAddresses;
  readonly limits: Limits;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'countRefusal' | 'countClose'>;
  readonly originRules: OriginRules;
  readonly frameAncestors: readonly string[];
  /** How long a connection may take to say who is asking, milliseconds. */
  readonly authTimeout: number;
  readonly compression: 'off' | 'on';
  readonly maxConnections: number;
  readonly maxMessageBytes: number;
  readonly maxPlainMessageBytes: number;
  readonly hardMessageBytes: number;
  readonly maxOutboxBytes: number;
  readonly maxSessionsPerConnection: number;
}

/** The one of RFC 6455. */
const WEBSOCKET_VERSION = '13';
/** How many times in a ping interval the connections are looked at. */
const SWEEPS_PER_PING = 10;
/** After a restart clients come back spread over so long, milliseconds. */
const RETURN_SPREAD_MS = 5_000;
/** A peer that does not answer the close frame keeps its place for so long, milliseconds. */
const CLOSE_TIMEOUT_MS = 10_000;
/** What a connection may send before it is known who is asking: a token, and what waits for it. */
const UNAUTHENTICATED_BYTES = 262_144;
/** How often it is looked at whether somebody is still who they were, milliseconds. */
const AUTH_SWEEP_MS = 1_000;
/** A message in more fragments than this ends the connection: each costs more than its bytes. */
const MAX_FRAGMENTS = 1_024;
/** Pings whose answer waits for the socket; more than the rates let through before they end it. */
const MAX_PENDING_PONGS = 1_024;

export class ConnectionManager {
  readonly #options: ConnectionManagerOptions;
  readonly #server: WebSocketServer;
  readonly #connections = new Map<Connection, WebSocket>();
  readonly #sweepers: readonly NodeJS.Timeout[];
  /** What the answer to an upgrade sets. */
  readonly #cookies = new WeakMap<IncomingMessage, string>();
  /** Upgrades of which it is being told who is asking. */
  #arriving = 0;
  #draining = false;

  constructor(options: ConnectionManagerOptions) {
    this.#options = options;
    // By name, because its types do not know all of them yet.
    const serverOptions = {
      noServer: true,
      clientTracking: false,
      maxPayload: options.hardMessageBytes,
      maxFragments: MAX_FRAGMENTS,
      maxPendingAutoPongs: MAX_PENDING_PONGS,
      closeTimeout: CLOSE_TIMEOUT_MS,
      perMessageDeflate: options.compression === 'on' && COMPRESSION,
      handleProtocols: (offered: Set<string>) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    } as const;
    this.#server = new WebSocketServer(serverOptions);
    // Its own answer to an upgrade that is none would be without words.
    this.#server.on('wsClientError', (error, socket) => {
      this.#refuse(socket, new ProtocolError('INVALID_MESSAGE', `${error.message}.`));
    });
    this.#server.on('headers', (headers, request) => {
      const cookie = this.#cookies.get(request);
      if (cookie !== undefined) headers.push(`Set-Cookie: ${cookie}`);
    });
    const sweepMs = Math.max(1, Math.floor(options.pingInterval / SWEEPS_PER_PING));
    this.#sweepers = [
      setInterval(() => this.#sweep(sweepMs), sweepMs),
      setInterval(() => this.#sweepIdentities(), AUTH_SWEEP_MS),
    ];
    for (const sweeper of this.#sweepers) sweeper.unref();
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
    const address = this.#options.addresses.of(request);
    this.#arriving += 1;
    this.#admit(request, socket, address)
      .then((identity) => {
        // It may have gone in the meantime.
        if (socket.destroyed) return;
        this.#server.handleUpgrade(request, socket, head, (webSocket) => {
          socket.off('error', ignore);
          this.#open(webSocket, socket, { identity, address, headers: request.headers });
        });
      })
      .catch((error) => this.#refuse(socket, error))
      .finally(() => {
        this.#arriving -= 1;
      });
  }

  /** `undefined`: who is asking is to be said by the first message. */
  async #admit(
    request: IncomingMessage,
    socket: Duplex,
    address: ClientAddress,
  ): Promise<Identity | undefined> {
    const { limits } = this.#options;
    checkUpgrade(request);
    checkOrigin(request, address, this.#options.originRules);
    this.#makeRoom();
    socket.once('close', limits.connectFrom(address));
    const offered = offeredProtocols(request.headers);
    const isPlain = !offered.includes(SUBPROTOCOL);
    if (isPlain && offered.some(isCredential)) {
      throw new ProtocolError(
        'INVALID_MESSAGE',
        'Offer parley.v1 beside what says who is asking: one of the subprotocols has to be chosen, and that is no secret.',
      );
    }
    const identity = await this.#options.authentication.ofRequest(request, address);
    if (!identity && isPlain) {
      throw unauthorized(
        'Without the subprotocol parley.v1 the request itself has to say who is asking.',
      );
    }
    // What shows nothing has to come from a page, or from this machine.
    if (identity?.isAssumed) checkSocketOrigin(request, address, this.#options.originRules);
    const refusal = await limits.take(identity?.principal.id, address);
    if (refusal) throw refusal;
    if (identity) this.#enter(identity, socket);
    if (identity?.setCookie) {
      const scope = cookieScope(this.#options, address);
      this.#cookies.set(request, cookieFor(identity.setCookie, scope));
    }
    // It has taken a while.
    this.#makeRoom();
    return identity;
  }

  /** @throws {ProtocolError} `CONNECTION_LIMIT` where the person has as many connections as may be. */
  #enter({ principal }: Identity, socket: Duplex): void {
    // What has gone would not give its place back.
    if (!socket.destroyed) socket.once('close', this.#options.limits.connectAs(principal.id));
  }

  /** @throws {ProtocolError} `CONNECTION_LIMIT` */
  #makeRoom(): void {
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
    if (this.#connections.size + this.#arriving > limit) {
      throw new ProtocolError(
        'CONNECTION_LIMIT',
        `${limit} connections are open, as many as may be. Try again later.`,
        { limit, retry_after_ms: returnDelay() },
      );
    }
  }

  #refuse(socket: Duplex, error: unknown): void {
    const code = error instanceof ProtocolError ? error.code : 'INTERNAL_ERROR';
    this.#options.metrics.countRefusal('upgrade', code);
    refuse(socket, error);
  }

  #open(
    webSocket: WebSocket,
    socket: Duplex,
    {
      identity,
      address,
      headers,
    }: {
      readonly identity: Identity | undefined;
      readonly address: ClientAddress;
      readonly headers: IncomingHttpHeaders;
    },
  ): void {
    const options = this.#options;
    const profile = webSocket.protocol === SUBPROTOCOL ? SUBPROTOCOL : 'plain';
    const outbox = new Outbox(socket, {
      maxBytes: options.maxOutboxBytes,
      onOverflow: () => connection.close(4409),
    });
    const connection: Connection = new Connection(
      { id: randomUUID(), profile, identity, takesCompressed: takesCompressed(webSocket, headers) },
      webSocket,
      outbox,
      {
        sessions: options.sessions,
        authenticate: async (token) => {
          const shown = await options.authentication.ofToken(token, { headers, address });
          if (!connection.isKnown) this.#enter(shown, socket);
          return shown;
        },
        charge: (personId) => options.limits.take(personId, address),
        log: options.log,
        metrics: options.metrics,
        limits: {
          maxMessageBytes:
            profile === 'plain' ? options.maxPlainMessageBytes : options.maxMessageBytes,
          maxSessions: options.maxSessionsPerConnection,
          inbound: options,
        },
      },
    );
    this.#connections.set(connection, webSocket);
    if (!identity) boundUnauthenticated(connection, socket, webSocket);
    const { address: from } = address;
    options.log.debug(
      { connection_id: connection.id, profile, address: from },
      'a connection opened',
    );
    webSocket.on('ping', () => connection.heardControl());
    webSocket.on('pong', () => connection.heardControl());
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

  #sweepIdentities(): void {
    for (const connection of this.#connections.keys()) {
      connection.checkIdentity(AUTH_SWEEP_MS, this.#options.authTimeout);
    }
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
    for (const sweeper of this.#sweepers) clearInterval(sweeper);
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

/**
 * Only GET upgrades; `ws` takes draft 8 as well, whose clients say in another header where they come
 * from, and any version of HTTP.
 *
 * @throws {ProtocolError} `METHOD_NOT_ALLOWED`, `INVALID_MESSAGE`
 */
function checkUpgrade({ method, httpVersion, headers }: IncomingMessage): void {
  if (method !== 'GET') {
    throw new ProtocolError('METHOD_NOT_ALLOWED', 'Expected an upgrade by GET.');
  }
  if (httpVersion === '1.1' && headers['sec-websocket-version'] === WEBSOCKET_VERSION) return;
  throw new ProtocolError(
    'INVALID_MESSAGE',
    `Expected an upgrade by HTTP/1.1 with Sec-WebSocket-Version: ${WEBSOCKET_VERSION}.`,
  );
}

/** Lets nobody fill the memory who has not said who they are: ends what sends more than a little. */
function boundUnauthenticated(connection: Connection, socket: Duplex, webSocket: WebSocket): void {
  // As they come, and once more as the messages that they are: compressed ones are larger then.
  const countsOf = (source: Duplex | WebSocket, event: 'data' | 'message') => {
    let bytes = 0;
    const count = ({ length }: Buffer) => {
      if (connection.isKnown) source.off(event, count);
      else {
        bytes += length;
        if (bytes > UNAUTHENTICATED_BYTES) connection.close(4401);
      }
    };
    source.on(event, count);
  };
  countsOf(socket, 'data');
  countsOf(webSocket, 'message');
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
