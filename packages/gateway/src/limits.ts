/** How much one person and one address may do, over however many connections. */
import type { Duplex } from 'node:stream';
import { ProtocolError } from '@parley/protocol';
import type { ClientAddress } from './address.ts';
import { Budget, type MakeLimiter, WINDOW_S } from './budget.ts';
import { Tally } from './tally.ts';

/** 0 is no limit, in all of them. */
interface LimitRates {
  /** Messages and requests a second. */
  readonly personRate: number;
  readonly addressRate: number;
  /** At once. */
  readonly maxConnectionsPerPerson: number;
  readonly maxConnectionsPerAddress: number;
}

interface LimitOptions extends LimitRates {
  /** The address of this machine is not limited: it is its owner's. */
  readonly exemptsLoopback: boolean;
  /** Counts for all nodes together; connections each counts for itself. */
  readonly limiter: MakeLimiter;
}

/** Where nobody is asked who they are, everything is one person's. */
export const UNLIMITED_PERSON = {
  personRate: 0,
  maxConnectionsPerPerson: 0,
  maxSessionsPerPerson: 0,
  maxRunsPerPerson: 0,
};

/** When to come back for a place that somebody else has, milliseconds. */
const PLACE_RETRY_MS = 5_000;

/** TCP connections that ask by HTTP, or nothing, beside the WebSockets of an address: six a browser. */
const REQUESTS_PER_ADDRESS = 100;

type Refusal = ProtocolError | undefined;

export class Limits {
  readonly #options: LimitOptions;
  readonly #people: Budget | undefined;
  readonly #addresses: Budget | undefined;
  readonly #connections = { reached: new Tally(), people: new Tally(), addresses: new Tally() };

  constructor(options: LimitOptions) {
    const { personRate, addressRate, limiter } = options;
    this.#options = options;
    const budget = (name: string, rate: number) =>
      rate === 0 ? undefined : new Budget(rate, name, limiter);
    this.#people = budget('person', personRate);
    this.#addresses = budget('address', addressRate);
  }

  /**
   * Counts a message or a request, or returns its refusal; a promise only once in many. First by person:
   * what somebody sends too much is not taken from others at the same address.
   */
  take(personId: string | undefined, address: ClientAddress): Refusal | Promise<Refusal> {
    const refusal = personId === undefined ? undefined : this.#takeOfPerson(personId);
    if (!(refusal instanceof Promise)) return refusal ?? this.#takeOfAddress(address);
    return refusal.then((known) => known ?? this.#takeOfAddress(address));
  }

  /** Takes the place of a TCP connection, whatever it is for, at its address, until it closes. `false`: there is none. */
  reachFrom(address: ClientAddress, socket: Duplex): boolean {
    const { maxConnectionsPerAddress: limit } = this.#options;
    if (limit === 0 || this.#isExempt(address)) return true;
    const most = limit + REQUESTS_PER_ADDRESS;
    return takePlace(this.#connections.reached, address.network, most, socket);
  }

  /**
   * Takes the place of a WebSocket at its address, until it closes.
   *
   * @throws {ProtocolError} `CONNECTION_LIMIT`
   */
  connectFrom(address: ClientAddress, socket: Duplex): void {
    const { maxConnectionsPerAddress: limit } = this.#options;
    if (limit === 0 || this.#isExempt(address)) return;
    if (takePlace(this.#connections.addresses, address.network, limit, socket)) return;
    throw noPlace(limit, 'from your address');
  }

  /** The same for the person whose it is. */
  connectAs(personId: string, socket: Duplex): void {
    const { maxConnectionsPerPerson: limit } = this.#options;
    if (limit === 0 || takePlace(this.#connections.people, personId, limit, socket)) return;
    throw noPlace(limit, 'of yours');
  }

  #takeOfPerson(id: string): Refusal | Promise<Refusal> {
    return take(this.#people, id, this.#options.personRate, 'You');
  }

  #takeOfAddress(address: ClientAddress): Refusal | Promise<Refusal> {
    if (this.#isExempt(address)) return undefined;
    const { addressRate } = this.#options;
    return take(this.#addresses, address.network, addressRate, 'All at your address together');
  }

  #isExempt({ isLoopback }: ClientAddress): boolean {
    return this.#options.exemptsLoopback && isLoopback;
  }
}

function take(
  budget: Budget | undefined,
  key: string,
  rate: number,
  who: string,
): Refusal | Promise<Refusal> {
  const refusal = (delay: number): Refusal =>
    delay === 0
      ? undefined
      : new ProtocolError(
          'RATE_LIMITED',
          `${who} may send ${rate} messages and requests a second, counted over ${WINDOW_S} s. Send it again in ${delay} ms.`,
          { limit: rate, retry_after_ms: delay },
        );
  const delay = budget?.take(key) ?? 0;
  return typeof delay === 'number' ? refusal(delay) : delay.then(refusal);
}

function noPlace(limit: number, whose: string): ProtocolError {
  return new ProtocolError(
    'CONNECTION_LIMIT',
    `${limit} connections ${whose} are open, as many as may be. Close one, or try again later.`,
    { limit, retry_after_ms: PLACE_RETRY_MS },
  );
}

/** Takes one of so many places until the socket closes. `false`: all are taken. */
function takePlace(tally: Tally, key: string, limit: number, socket: Duplex): boolean {
  if (tally.of(key) >= limit) return false;
  tally.add(key);
  // It closes once, and `once` would keep a wrapper as long as it is open.
  socket.on('close', () => tally.remove(key));
  return true;
}
