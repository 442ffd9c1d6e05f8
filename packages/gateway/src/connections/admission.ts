/** Which upgrades become a connection: who is asking, from where, and whether there is room. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ProtocolError, SUBPROTOCOL } from '@parley/protocol';
import type { ClientAddress } from '../address.ts';
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
import { checkOrigin, checkSocketOrigin, type OriginRules } from '../origin.ts';

export interface AdmissionOptions {
  readonly authentication: Authentication;
  readonly limits: Limits;
  readonly originRules: OriginRules;
  readonly frameAncestors: readonly string[];
  readonly maxConnections: number;
}

export interface Admitted {
  /** `undefined`: who is asking is to be said by the first message. */
  readonly identity: Identity | undefined;
  /** A `Set-Cookie` for the answer to the upgrade. */
  readonly cookie: string | undefined;
}

/** The one of RFC 6455. */
export const WEBSOCKET_VERSION = '13';
/** After a restart clients come back spread over so long, milliseconds. */
const RETURN_SPREAD_MS = 5_000;

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #count: () => number;
  #ended = false;

  /** `count`: how many connections there are, those that are being admitted included. */
  constructor(options: AdmissionOptions, count: () => number) {
    this.#options = options;
    this.#count = count;
  }

  /** From now on nobody is admitted. */
  end(): void {
    this.#ended = true;
  }

  /** @throws {ProtocolError} Why this upgrade becomes no connection. */
  async admit(request: IncomingMessage, socket: Duplex, address: ClientAddress): Promise<Admitted> {
    const { limits, originRules, authentication } = this.#options;
    checkUpgrade(request);
    checkOrigin(request, address, originRules);
    this.#needRoom();
    limits.connectFrom(address, socket);
    const offered = offeredProtocols(request.headers);
    const isPlain = !offered.includes(SUBPROTOCOL);
    if (isPlain && offered.some(isCredential)) {
      throw new ProtocolError(
        'INVALID_MESSAGE',
        'Offer parley.v1 beside what says who is asking: one of the subprotocols has to be chosen, and that is no secret.',
      );
    }
    const identity = await authentication.ofRequest(request, address, { isUpgrade: true });
    if (!identity && isPlain) {
      throw unauthorized(
        'Without the subprotocol parley.v1 the request itself has to say who is asking.',
      );
    }
    // What shows nothing has to come from a page, or from this machine.
    if (identity?.isAssumed) checkSocketOrigin(request, address, originRules);
    const refusal = await limits.take(identity?.principal.id, address);
    if (refusal) throw refusal;
    if (identity) this.enter(identity, socket);
    // It has taken a while.
    this.#needRoom();
    return { identity, cookie: this.#cookieOf(identity, address) };
  }

  /**
   * Counts the socket among the connections of a person, for as long as it is open.
   *
   * @throws {ProtocolError} `CONNECTION_LIMIT` where they have as many as may be.
   */
  enter({ principal }: Identity, socket: Duplex): void {
    // What has gone would not give its place back.
    if (!socket.destroyed) this.#options.limits.connectAs(principal.id, socket);
  }

  /** @throws {ProtocolError} `CONNECTION_LIMIT` */
  #needRoom(): void {
    if (this.#ended) {
      throw new ProtocolError(
        'CONNECTION_LIMIT',
        'The server is stopping. Come back in a moment.',
        { retry_after_ms: returnDelay() },
      );
    }
    const limit = this.#options.maxConnections;
    if (this.#count() > limit) {
      throw new ProtocolError(
        'CONNECTION_LIMIT',
        `${limit} connections are open, as many as may be. Try again later.`,
        { limit, retry_after_ms: returnDelay() },
      );
    }
  }

  #cookieOf(identity: Identity | undefined, address: ClientAddress): string | undefined {
    if (!identity?.setCookie) return undefined;
    return cookieFor(identity.setCookie, cookieScope(this.#options, address));
  }
}

/**
 * Only GET upgrades; `ws` takes draft 8 as well, whose clients say in another header where they come from, and any version
 * of HTTP.
 *
 * @throws {ProtocolError} `METHOD_NOT_ALLOWED`, `INVALID_MESSAGE`
 */
function checkUpgrade({ method, httpVersion, headers }: IncomingMessage): void {
  if (method !== 'GET') {
    throw new ProtocolError('METHOD_NOT_ALLOWED', 'Expected an upgrade by GET.');
  }
  // What follows the request is frames already: who announces a body means something else by it.
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0) {
    throw new ProtocolError('INVALID_MESSAGE', 'Expected an upgrade without a body.');
  }
  if (httpVersion === '1.1' && headers['sec-websocket-version'] === WEBSOCKET_VERSION) return;
  throw new ProtocolError(
    'INVALID_MESSAGE',
    `Expected an upgrade by HTTP/1.1 with Sec-WebSocket-Version: ${WEBSOCKET_VERSION}.`,
  );
}

/** Full jitter: everyone who comes back comes at another time. */
export function returnDelay(): number {
  return Math.floor(Math.random() * RETURN_SPREAD_MS);
}
