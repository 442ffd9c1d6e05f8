/** For how long the event loop kept what was due waiting. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Seconds, of the last 10 to 20 s; where nobody has asked for as long, of what passed since then. */
export interface EventLoopSnapshot {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** How often it is looked at, milliseconds; each look takes that long by itself. */
const RESOLUTION_MS = 10;
/** Of the time that one histogram is about, milliseconds: what happened once is told for so long. */
const WINDOW_MS = 10_000;
/** With fewer looks than of so long, parts of all of them say nothing, milliseconds. */
const FEW_LOOKS_MS = 1_000;
const NONE: EventLoopSnapshot = { p50: 0, p99: 0, max: 0 };

/** Begins with the first reading: an idle process that nobody asks is not woken by it. */
export class EventLoopDelay {
  #histogram: ReturnType<typeof monitorEventLoopDelay> | undefined;
  #since = 0;
  /** Of the window before. */
  #before = NONE;

  read(): EventLoopSnapshot {
    const now = performance.now();
    if (!this.#histogram) {
      this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      this.#histogram.enable();
      this.#since = now;
    }
    const histogram = this.#histogram;
    const age = now - this.#since;
    const part = (percentage: number) =>
      age < FEW_LOOKS_MS ? 0 : delay(histogram.percentile(percentage));
    const current = { p50: part(50), p99: part(99), max: delay(histogram.max) };
    const before = age < 2 * WINDOW_MS ? this.#before : NONE;
    if (age >= WINDOW_MS) {
      this.#before = current;
      this.#since = now;
      histogram.reset();
    }
    return {
      p50: Math.max(before.p50, current.p50),
      p99: Math.max(before.p99, current.p99),
      max: Math.max(before.max, current.max),
    };
  }

  close(): void {
    this.#histogram?.disable();
  }
}

/** Seconds, of nanoseconds that have what it takes to look in them. */
function delay(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1_000);
}
