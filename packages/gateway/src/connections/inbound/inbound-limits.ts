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
  readonly #rates: InboundRates;
  readonly #messages: TokenBucket | undefined;
  readonly #bytes: TokenBucket | undefined;
  #refusals = 0;

  /** Times are milliseconds of any clock that does not go back. */
  constructor(rates: InboundRates, now: number) {
    this.#rates = rates;
    this.#messages = bucket(rates.messageRate, now);
    this.#bytes = bucket(rates.byteRate, now);
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
    const [messages, bytes] = [this.#messages, this.#bytes];
    if (this.#refusals > 0 && isFull(messages, now) && isFull(bytes, now)) this.#refusals = 0;
    const delay = messages?.delay(1, now) ?? 0;
    if (delay > 0) return this.#refuse(this.#rates.messageRate, 'messages', delay);
    const bytesDelay = bytes?.delay(size, now) ?? 0;
    if (bytesDelay > 0) return this.#refuse(this.#rates.byteRate, 'bytes', bytesDelay);
    messages?.take(1, now);
    bytes?.take(size, now);
    return undefined;
  }

  #refuse(rate: number, unit: string, delay: number): ProtocolError {
    this.#refusals += 1;
    return new ProtocolError(
      'RATE_LIMITED',
      `This connection may send ${rate} ${unit} a second, and ${BURST_S} times as many after a pause. Send it again in ${delay} ms.`,
      { limit: rate, retry_after_ms: delay },
    );
  }
}

function bucket(rate: number, now: number): TokenBucket | undefined {
  return rate === 0 ? undefined : new TokenBucket(rate, rate * BURST_S, now);
}

function isFull(bucket: TokenBucket | undefined, now: number): boolean {
  return bucket?.isFull(now) ?? true;
}
