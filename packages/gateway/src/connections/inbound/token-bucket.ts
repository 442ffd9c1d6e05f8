/** So much a second, and what was not used for a while at once: RFC 2697's bucket. Times are milliseconds. */
export class TokenBucket {
  /** A second, as it is given: each number with a fraction would be an object of its own. */
  readonly #rate: number;
  readonly #size: number;
  #level: number;
  #at: number;

  /** Full at first. `rate`: a second. `size`: how much may be taken at once. */
  constructor(rate: number, size: number, now: number) {
    this.#rate = rate;
    this.#size = size;
    this.#level = size;
    this.#at = now;
  }

  isFull(now: number): boolean {
    return this.#refill(now) >= this.#size;
  }

  /** How long until `amount` can be taken. What is more than the bucket holds can be, when it is full. */
  delay(amount: number, now: number): number {
    const lacking = Math.min(amount, this.#size) - this.#refill(now);
    return lacking <= 0 ? 0 : Math.ceil((lacking * 1_000) / this.#rate);
  }

  /** Below zero it is a debt that is paid before anything else can be taken. */
  take(amount: number, now: number): void {
    this.#level = this.#refill(now) - amount;
  }

  #refill(now: number): number {
    const gained = (Math.max(0, now - this.#at) * this.#rate) / 1_000;
    this.#level = Math.min(this.#size, this.#level + gained);
    this.#at = Math.max(this.#at, now);
    return this.#level;
  }
}
