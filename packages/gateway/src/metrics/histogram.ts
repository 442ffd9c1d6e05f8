/** How long something took, in buckets that are there from the start. */

/** Upper bounds of the buckets but the last one, which has none; seconds. From a commit to a disk to a long answer. */
const BOUNDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
  600,
];

export interface HistogramSnapshot {
  /** Upper bounds of the buckets, seconds. */
  readonly bounds: readonly number[];
  /** How many fell into each bucket and into none before it; one more than there are bounds. */
  readonly counts: readonly number[];
  /** Seconds. */
  readonly sum: number;
}

export class Histogram {
  readonly #counts = new Array<number>(BOUNDS.length + 1).fill(0);
  #sum = 0;

  observe(seconds: number): void {
    let bucket = 0;
    while (seconds > (BOUNDS[bucket] as number)) bucket += 1;
    (this.#counts[bucket] as number) += 1;
    this.#sum += seconds;
  }

  snapshot(): HistogramSnapshot {
    return { bounds: BOUNDS, counts: [...this.#counts], sum: this.#sum };
  }
}
