/** All connections of this process: how they are made of upgrades, looked after, and ended at a restart. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  type CloseCode,
  createMessage,
  type Profile,
  ProtocolError,
  SUBPROTOCOL,
} from '@parley/protocol';
import { type Server, type WebSocket, WebSocketServer } from 'ws';
import type { ClientAddresses } from '../address.ts';
import type { Identity } from '../auth/authenticator.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { ConnectionGauges } from '../metrics/snapshot.ts';
import { randomId } from '../random-id.ts';
import type { SessionManager } from '../sessions/session-manager.ts';
import type { TraceContext } from '../traces.ts';
import { Admission, type AdmissionOptions, returnDelay } from './admission.ts';
import { Connection, type ConnectionDeps, type LivenessLimits, type Origin } from './connection.ts';
import { ConnectionSocket } from './connection-socket.ts';
import type { InboundRates } from './inbound/inbound-limits.ts';
import { COMPRESSION, takesCompressed } from './outbound/compression.ts';
import { refuseUpgrade } from './upgrade-response.ts';

export interface ConnectionManagerOptions extends AdmissionOptions, LivenessLimits, InboundRates {
  readonly sessions: SessionManager;
  readonly addresses: ClientAddresses;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'countRefusal' | 'countClose' | 'countOpened' | 'traffic'>;
  /** How long a connection may take to say who is asking, milliseconds. */
  readonly authTimeout: number;
  readonly compression: 'off' | 'on';
  readonly traces: 'off' | 'on';
  readonly maxMessageBytes: number;
  readonly maxPlainMessageBytes: number;
  readonly hardMessageBytes: number;
  readonly maxOutboxBytes: number;
  readonly maxSessionsPerConnection: number;
}

/** How many times in a ping interval the connections are looked at. */
const SWEEPS_PER_PING = 10;
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
  readonly #admission: Admission;
  readonly #server: Server<typeof ConnectionSocket>;
  /** Of the connections of each profile. */
  readonly #deps: Readonly<Record<Profile, ConnectionDeps>>;
  readonly #connections = new Map<Connection, ConnectionSocket>();
  readonly #sweepers: readonly NodeJS.Timeout[];
  /** What the answer to an upgrade sets. */
  readonly #cookies = new WeakMap<IncomingMessage, string>();
  /** Upgrades of which it is being told who is asking. */
  #arriving = 0;

  constructor(options: ConnectionManagerOptions) {
    this.#options = options;
    this.#admission = new Admission(options, () => this.#connections.size + this.#arriving);
    // By name, because its types do not know all of them yet.
    const serverOptions = {
      WebSocket: ConnectionSocket,
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
    this.#deps = { plain: this.#depsOf('plain'), [SUBPROTOCOL]: this.#depsOf(SUBPROTOCOL) };
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

  /** What waits in all connections now. */
  measure(): ConnectionGauges {
    let [behind, outboxBytes, inboxMessages] = [0, 0, 0];
    for (const connection of this.#connections.keys()) {
      if (connection.congested) behind += 1;
      outboxBytes += connection.behindBytes;
      inboxMessages += connection.unhandled;
    }
    return {
      connections: this.size,
      connections_behind: behind,
      outbox_bytes: outboxBytes,
      inbox_messages: inboxMessages,
    };
  }

  all(): Iterable<Connection> {
    return this.#connections.keys();
  }

  /** Takes the `upgrade` event of an HTTP server. Never throws. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Until `ws` has the socket, its errors are nobody else's.
    const ignore = () => {};
    socket.on('error', ignore);
    const address = this.#options.addresses.of(request);
    this.#arriving += 1;
    this.#admission
      .admit(request, socket, address)
      .then(({ identity, cookie }) => {
        // It may have gone in the meantime.
        if (socket.destroyed) return;
        if (cookie !== undefined) this.#cookies.set(request, cookie);
        this.#server.handleUpgrade(request, socket, head, (webSocket) => {
          socket.off('error', ignore);
          const headers = this.#options.authentication.headersToKeep(request);
          const isCompressed = takesCompressed(webSocket, request.headers);
          const trace = this.#options.traces === 'on' ? traceOf(request.headers) : undefined;
          this.#open(webSocket, identity, isCompressed, { socket, address, headers, trace });
        });
      })
      .catch((error) => this.#refuse(socket, error))
      .finally(() => {
        this.#arriving -= 1;
      });
  }

  #refuse(socket: Duplex, error: unknown): void {
    const code = error instanceof ProtocolError ? error.code : 'INTERNAL_ERROR';
    this.#options.metrics.countRefusal('upgrade', code);
    refuseUpgrade(socket, error);
  }

  #open(
    webSocket: ConnectionSocket,
    identity: Identity | undefined,
    takesCompressed: boolean,
    origin: Origin,
  ): void {
    const profile = webSocket.protocol === SUBPROTOCOL ? SUBPROTOCOL : 'plain';
    const id = randomId();
    const connection = new Connection(
      { id, identity, takesCompressed, origin },
      webSocket,
      this.#deps[profile],
    );
    this.#connections.set(connection, webSocket);
    this.#options.metrics.countOpened();
    if (!identity) boundUnauthenticated(connection, origin.socket, webSocket);
    const { log } = this.#options;
    const { address } = origin.address;
    const person = identity?.principal.id;
    log.debug({ connection_id: id, person, profile, address }, 'a connection opened');
    webSocket.begin(connection, this);
  }

  /** What a connection has in common with all others of its profile. */
  #depsOf(profile: Profile): ConnectionDeps {
    const options = this.#options;
    return {
      profile,
      sessions: options.sessions,
      identify: async (token, connection) => {
        const { origin } = connection;
        const shown = await options.authentication.ofToken(token, origin);
        if (!connection.isKnown) this.#admission.enter(shown, origin.socket);
        return shown;
      },
      charge: (personId, address) => options.limits.take(personId, address),
      log: options.log,
      metrics: options.metrics,
      limits: {
        maxMessageBytes:
          profile === 'plain' ? options.maxPlainMessageBytes : options.maxMessageBytes,
        maxSessions: options.maxSessionsPerConnection,
        maxOutboxBytes: options.maxOutboxBytes,
        inbound: options,
      },
    };
  }

  /** What breaks RFC 6455 or is too large; `ws` closes with the code that says so. */
  broken(connection: Connection, error: Error & { readonly code?: string }): void {
    const code = violationCode(error.code);
    if (code !== undefined) this.#options.metrics.countClose(code);
    this.#options.log.debug({ err: error, connection_id: connection.id }, 'a connection broke');
  }

  closed(connection: Connection, code: number): void {
    this.#connections.delete(connection);
    connection.closed();
    // A peer that does not answer the close frame is told of by `ws` as one that was lost.
    const ids = { connection_id: connection.id, code: connection.closedWith ?? code };
    this.#options.log.debug(ids, 'a connection closed');
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
    this.#admission.end();
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
    this.#admission.end();
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

/** What `ws` closes with by itself, by the name that it gives its error; what is not here breaks RFC 6455. */
const VIOLATIONS: Readonly<Record<string, CloseCode>> = {
  WS_ERR_INVALID_UTF8: 1007,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 1008,
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 1009,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
};

/** `undefined`: it is an error of the network. */
function violationCode(name = ''): CloseCode | undefined {
  return name.startsWith('WS_ERR_') ? (VIOLATIONS[name] ?? 1002) : undefined;
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

function traceOf({ traceparent, tracestate }: IncomingHttpHeaders): TraceContext | undefined {
  if (typeof traceparent !== 'string') return undefined;
  return { traceparent, tracestate: typeof tracestate === 'string' ? tracestate : undefined };
}
