/** How much one connection may send: a bucket for its messages, and one for their bytes. */
import { ProtocolError } from '@parley/protocol';
import { TokenBucket } from './token-bucket.ts';

export interface InboundRates {
  /** Messages a second; 0: no limit. */
  readonly messageRate: number;
  /** Bytes a second; 0: no limit. */
  readonly byteRate: number;
}

/** What may be sent at once, after a pause: so many seconds of the rate. */
const BURST_S = 10;
/** With so many refusals, and no pause that filled the buckets between them, a connection is cut. */
const MAX_REFUSALS = 500;

export class InboundLimits {
  readonly #limits: readonly { rate: number; unit: string; bucket: TokenBucket }[];
  #refusals = 0;

  /** Times are milliseconds of any clock that does not go back. */
  constructor({ messageRate, byteRate }: InboundRates, now: number) {
    const limit = (rate: number, unit: string) =>
      rate === 0 ? [] : [{ rate, unit, bucket: new TokenBucket(rate, rate * BURST_S, now) }];
    this.#limits = [...limit(messageRate, 'messages'), ...limit(byteRate, 'bytes')];
  }

  /** It goes on and on: to refuse it costs more than to end it. */
  get exhausted(): boolean {
    return this.#refusals >= MAX_REFUSALS;
  }

  /** Another limit has refused a message: it counts as refused here. */
  countRefusal(): void {
    this.#refusals += 1;
  }

  /** Takes a message of `size` bytes, or returns its refusal. */
  take(size: number, now: number): ProtocolError | undefined {
    if (this.#refusals > 0 && this.#limits.every(({ bucket }) => bucket.isFull(now))) {
      this.#refusals = 0;
    }
    for (const { rate, unit, bucket } of this.#limits) {
      const delay = bucket.delay(unit === 'bytes' ? size : 1, now);
      if (delay === 0) continue;
      this.#refusals += 1;
      return new ProtocolError(
        'RATE_LIMITED',
        `This connection may send ${rate} ${unit} a second, and ${BURST_S} times as many after a pause. Send it again in ${delay} ms.`,
        { limit: rate, retry_after_ms: delay },
      );
    }
    for (const { unit, bucket } of this.#limits) bucket.take(unit === 'bytes' ? size : 1, now);
    return undefined;
  }
}
