/**
 * How much one connection may send: so many messages and so many bytes a second, and what was not used for a while at
 * once. They are RFC 2697's buckets, of which is kept what is lacking: most of the time nothing.
 */
import { ProtocolError } from '@parley/protocol';

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
  /** What is lacking in each bucket; more than it holds is a debt that is paid before anything else can be taken. */
  #messages = 0;
  #bytes = 0;
  #at: number;
  #refusals = 0;

  /** Times are milliseconds of any clock that does not go back. */
  constructor(rates: InboundRates, now: number) {
    this.#rates = rates;
    this.#at = now;
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
    const { messageRate, byteRate } = this.#rates;
    this.#refill(now);
    if (this.#messages === 0 && this.#bytes === 0) this.#refusals = 0;
    const delay = delayOf(1, this.#messages, messageRate);
    if (delay > 0) return this.#refuse(messageRate, 'messages', delay);
    const bytesDelay = delayOf(size, this.#bytes, byteRate);
    if (bytesDelay > 0) return this.#refuse(byteRate, 'bytes', bytesDelay);
    if (messageRate > 0) this.#messages += 1;
    if (byteRate > 0) this.#bytes += size;
    return undefined;
  }

  #refill(now: number): void {
    const elapsed = Math.max(0, now - this.#at) / 1_000;
    this.#at = Math.max(this.#at, now);
    this.#messages = Math.max(0, this.#messages - elapsed * this.#rates.messageRate);
    this.#bytes = Math.max(0, this.#bytes - elapsed * this.#rates.byteRate);
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

/** How long until so much can be taken, milliseconds. What is more than the bucket holds can be, when it is full. */
function delayOf(amount: number, lacking: number, rate: number): number {
  const size = rate * BURST_S;
  const short = Math.min(amount, size) - (size - lacking);
  return rate === 0 || short <= 0 ? 0 : Math.ceil((short * 1_000) / rate);
}
