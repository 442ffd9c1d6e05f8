/** So much of each key within a time, wherever it comes in. */
import type { RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';

/** Counts so many points of each key within so many seconds, under a name. */
export type MakeLimiter = (name: string, points: number, seconds: number) => RateLimiterAbstract;

/** A rate is counted over so many seconds, so that all of it may come at once. */
export const WINDOW_S = 10;
/** What is bought at once, of all that a window has: so much may be left unused where it was bought. */
const BATCH = 0.01;

interface Purchase {
  credit: number;
  /** Bought nothing: the window has no more. */
  readonly isLast: boolean;
  /** When the window ends, on the clock of `performance.now`. */
  readonly until: number;
}

/**
 * Buys from the limiter in small batches: who has credit waits for no promise, and a limiter that several
 * processes share is asked once for many.
 */
export class Budget {
  readonly #limiter: RateLimiterAbstract;
  readonly #batch: number;
  readonly #purchases = new Map<string, Purchase>();
  readonly #buying = new Map<string, Promise<void>>();

  /** `rate`: a second, 1 or more. `name`: what is counted. */
  constructor(rate: number, name: string, limiter: MakeLimiter) {
    const points = rate * WINDOW_S;
    this.#limiter = limiter(name, points, WINDOW_S);
    this.#batch = Math.max(1, Math.floor(points * BATCH));
  }

  /** Takes one, and says in how many milliseconds there is one where there is none; 0: it is taken. */
  take(key: string): number | Promise<number> {
    const purchase = this.#purchases.get(key);
    const left = purchase ? purchase.until - performance.now() : 0;
    if (!purchase || left <= 0) return this.#buyAndTake(key);
    if (purchase.credit > 0) {
      purchase.credit -= 1;
      return 0;
    }
    return purchase.isLast ? Math.ceil(left) : this.#buyAndTake(key);
  }

  async #buyAndTake(key: string): Promise<number> {
    let buying = this.#buying.get(key);
    if (!buying) {
      buying = this.#buy(key).finally(() => this.#buying.delete(key));
      this.#buying.set(key, buying);
    }
    await buying;
    return this.take(key);
  }

  async #buy(key: string): Promise<void> {
    const { consumedPoints, msBeforeNext } = await this.#limiter
      .consume(key, this.#batch)
      .catch((error) => {
        if (error instanceof Error) throw error;
        // Not a fault: it has less than that.
        return error as RateLimiterRes;
      });
    const before = consumedPoints - this.#batch;
    const credit = Math.max(0, Math.min(this.#batch, this.#limiter.points - before));
    this.#forgetPast();
    this.#purchases.delete(key);
    const until = performance.now() + Math.max(1, msBeforeNext);
    this.#purchases.set(key, { credit, isLast: credit === 0, until });
  }

  /** In the order in which they were bought: those that are over are among the first. */
  #forgetPast(): void {
    const now = performance.now();
    for (const [key, { until }] of this.#purchases) {
      if (until > now) break;
      this.#purchases.delete(key);
    }
  }
}
