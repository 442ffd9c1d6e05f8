/** For how long the event loop kept what was due waiting. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Seconds, of what passed between two readings. */
export interface EventLoopSnapshot {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** How often it is looked at, milliseconds; each look takes that long by itself. */
const RESOLUTION_MS = 10;
/** Who reads sooner is told the same again: several may read, and too few looks say nothing. Milliseconds. */
const MIN_WINDOW_MS = 1_000;
const NONE: EventLoopSnapshot = { p50: 0, p99: 0, max: 0 };

/** Begins with the first reading: an idle process that nobody asks is not woken by it. */
export class EventLoopDelay {
  #histogram: ReturnType<typeof monitorEventLoopDelay> | undefined;
  #since = 0;
  #last = NONE;

  read(): EventLoopSnapshot {
    const now = performance.now();
    if (!this.#histogram) {
      this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      this.#histogram.enable();
      this.#since = now;
    }
    if (now - this.#since < MIN_WINDOW_MS) return this.#last;
    this.#since = now;
    const histogram = this.#histogram;
    this.#last = {
      p50: delay(histogram.percentile(50)),
      p99: delay(histogram.percentile(99)),
      max: delay(histogram.max),
    };
    histogram.reset();
    return this.#last;
  }

  close(): void {
    this.#histogram?.disable();
  }
}

/** Seconds, of nanoseconds that have what it takes to look in them. */
function delay(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1_000);
}
