/** Makes guessing useless: after some failures from an address no secret from there is looked at for a while. */
import { hash } from 'node:crypto';
import { ProtocolError } from '@parley/protocol';
import type { RateLimiterAbstract } from 'rate-limiter-flexible';
import type { ClientAddress } from '../address.ts';
import type { MakeLimiter } from '../budget.ts';
import type { Logger } from '../log.ts';

/** Failures are counted over so many seconds. */
const WINDOW_S = 60;
/** Secrets that are remembered to have been right; each is some hundred bytes. */
const MAX_KNOWN = 10_000;

export class Attempts {
  readonly #limit: number;
  readonly #log: Logger;
  readonly #failures: RateLimiterAbstract;
  /** What is being looked at, by address: each may turn out to be a failure. */
  readonly #looking = new Map<string, Set<Promise<void>>>();
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
    const done = this.#known.has(mark) ? undefined : await this.#admit(address.network);
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
      done?.();
    }
  }

  /** Waits while those that are being looked at could fail as often as may be; returns what ends its turn. */
  async #admit(network: string): Promise<() => void> {
    for (;;) {
      const failures = await this.#failures.get(network);
      const failed = failures?.consumedPoints ?? 0;
      if (failed >= this.#limit) throw this.#refusal(failures?.msBeforeNext ?? 0);
      const looking = this.#looking.get(network) ?? new Set();
      if (failed + looking.size < this.#limit) return this.#enter(network, looking);
      await Promise.race(looking);
    }
  }

  #enter(network: string, looking: Set<Promise<void>>): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#looking.set(network, looking.add(promise));
    return () => {
      looking.delete(promise);
      if (looking.size === 0) this.#looking.delete(network);
      resolve();
    };
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
