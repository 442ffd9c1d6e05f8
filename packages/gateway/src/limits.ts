/** How much one person and one address may do, over however many connections. */
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

/** How a place is given back that was not counted. */
const NOTHING = () => {};

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

  /**
   * Takes the place of a TCP connection, whatever it is for, at its address; the returned function gives
   * it back. `undefined`: there is none.
   */
  reachFrom(address: ClientAddress): (() => void) | undefined {
    const { maxConnectionsPerAddress: limit } = this.#options;
    if (limit === 0 || this.#isExempt(address)) return NOTHING;
    return place(this.#connections.reached, address.network, limit + REQUESTS_PER_ADDRESS);
  }

  /**
   * Takes the place of a WebSocket at its address; the returned function gives it back.
   *
   * @throws {ProtocolError} `CONNECTION_LIMIT`
   */
  connectFrom(address: ClientAddress): () => void {
    if (this.#isExempt(address)) return NOTHING;
    const { maxConnectionsPerAddress: limit } = this.#options;
    return enter(this.#connections.addresses, address.network, limit, 'from your address');
  }

  /** The same for the person whose it is. */
  connectAs(personId: string): () => void {
    const { maxConnectionsPerPerson: limit } = this.#options;
    return enter(this.#connections.people, personId, limit, 'of yours');
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

function enter(tally: Tally, key: string, limit: number, whose: string): () => void {
  const leave = place(tally, key, limit);
  if (leave) return leave;
  throw new ProtocolError(
    'CONNECTION_LIMIT',
    `${limit} connections ${whose} are open, as many as may be. Close one, or try again later.`,
    { limit, retry_after_ms: PLACE_RETRY_MS },
  );
}

/** One of so many places, and how it is given back; `undefined`: all are taken. */
function place(tally: Tally, key: string, limit: number): (() => void) | undefined {
  if (limit > 0 && tally.of(key) >= limit) return undefined;
  tally.add(key);
  return () => tally.remove(key);
}
