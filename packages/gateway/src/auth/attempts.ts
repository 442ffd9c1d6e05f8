/** Makes guessing useless: after some failures from an address no secret from there is looked at for a while. */
import { hash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ProtocolError } from '@parley/protocol';
import type { RateLimiterAbstract } from 'rate-limiter-flexible';
import type { ClientAddress } from '../address.ts';
import type { MakeLimiter } from '../budget.ts';
import type { Logger } from '../log.ts';

/** Failures are counted over so many seconds. */
const WINDOW_S = 60;
/** Secrets that are remembered to have been right; each is some hundred bytes. */
const MAX_KNOWN = 10_000;
/** Where others are being looked at it is tried again after so long, twice as long each time, milliseconds. */
const PAUSE_MS = 5;
const MAX_PAUSE_MS = 100;

export class Attempts {
  readonly #limit: number;
  readonly #log: Logger;
  readonly #failures: RateLimiterAbstract;
  /** Those that are being looked at, on whichever node: each may turn out to be a failure. */
  readonly #looking: RateLimiterAbstract;
  /** Who came last from an address: of each node one at a time asks for a place, in their order. */
  readonly #lines = new Map<string, Promise<unknown>>();
  /**
   * Addresses and hashes of secrets that were right from there: whoever came in before is not locked out
   * by somebody who guesses at the same address. In the order in which they were last shown.
   */
  readonly #known = new Set<string>();

  /** `limit`: failures a minute from one address; 0 is no limit. */
  constructor(limit: number, limiter: MakeLimiter, log: Logger) {
    this.#limit = limit;
    this.#log = log;
    this.#failures = limiter('failures', limit, WINDOW_S);
    this.#looking = limiter('looking', limit, WINDOW_S);
  }

  /**
   * Lets a secret be looked at; what rejects with `UNAUTHORIZED` is a failure.
   *
   * @throws {ProtocolError} `RATE_LIMITED`: there were too many, and it was not looked at.
   */
  async make<Result>(
    address: ClientAddress,
    secret: string,
    look: () => Promise<Result>,
  ): Promise<Result> {
    if (this.#limit === 0) return look();
    const mark = `${address.network} ${hash('sha256', secret, 'base64')}`;
    const leave = this.#known.has(mark) ? undefined : await this.#wait(address.network);
    try {
      const result = await look();
      this.#remember(mark);
      return result;
    } catch (error) {
      if (error instanceof ProtocolError && error.code === 'UNAUTHORIZED') {
        this.#known.delete(mark);
        await this.#count(address);
      }
      throw error;
    } finally {
      leave?.();
    }
  }

  /** Resolves when it may be looked at, with what ends that. */
  async #wait(network: string): Promise<() => void> {
    const before = this.#lines.get(network);
    const turn = before ? before.then(() => this.#enter(network)) : this.#enter(network);
    const line = turn.catch(() => {});
    this.#lines.set(network, line);
    try {
      return await turn;
    } finally {
      if (this.#lines.get(network) === line) this.#lines.delete(network);
    }
  }

  /** Waits while those that are being looked at could fail as often as may be. */
  async #enter(network: string): Promise<() => void> {
    for (let pause = PAUSE_MS; ; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
      // In this order, and the other way round at the end: it is counted in one of them at any time.
      const [looking, failures] = await Promise.all([
        this.#looking.penalty(network),
        this.#failures.get(network),
      ]);
      const until = performance.now() + looking.msBeforeNext;
      const leave = () => {
        // Taken from a later window it would be a place more.
        if (performance.now() < until) void this.#looking.reward(network).catch(() => {});
      };
      const failed = failures?.consumedPoints ?? 0;
      if (failed + looking.consumedPoints <= this.#limit) return leave;
      leave();
      if (failed >= this.#limit) throw this.#refusal(failures?.msBeforeNext ?? 0);
      await delay(pause);
    }
  }

  #remember(mark: string): void {
    this.#known.delete(mark);
    this.#known.add(mark);
    for (const oldest of this.#known) {
      if (this.#known.size <= MAX_KNOWN) break;
      this.#known.delete(oldest);
    }
  }

  async #count({ address, network }: ClientAddress): Promise<void> {
    const { consumedPoints } = await this.#failures.penalty(network);
    if (consumedPoints !== this.#limit) return;
    this.#log.warn({ address }, 'too many tokens from an address were wrong');
  }

  #refusal(delay: number): ProtocolError {
    return new ProtocolError(
      'RATE_LIMITED',
      `${this.#limit} tokens or tickets from your address were wrong within a minute. None is looked at for ${delay} ms.`,
      { limit: this.#limit, retry_after_ms: Math.max(1, delay) },
    );
  }
}
