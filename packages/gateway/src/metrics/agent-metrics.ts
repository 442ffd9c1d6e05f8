/** What is counted of the runs of one agent. */
import type { RunEnd } from '@parley/protocol';
import { Histogram, type HistogramSnapshot } from './histogram.ts';

export interface AgentSnapshot {
  /** Runs that have ended, by how. */
  readonly runs: Readonly<Record<RunEnd, number>>;
  /** From the call of the agent to its first text. */
  readonly first_chunk: HistogramSnapshot;
  /** From the call of the agent to the end of its run on disk. */
  readonly duration: HistogramSnapshot;
}

export class AgentMetrics {
  readonly #runs: Record<RunEnd, number> = { complete: 0, cancelled: 0, error: 0, interrupted: 0 };
  readonly #firstChunk = new Histogram();
  readonly #duration = new Histogram();

  /** `ms`: since the agent was called. */
  countFirstChunk(ms: number): void {
    this.#firstChunk.observe(ms / 1_000);
  }

  /** `ms`: since the agent was called; `undefined`: it was not. */
  countEnd(end: RunEnd, ms: number | undefined): void {
    this.#runs[end] += 1;
    if (ms !== undefined) this.#duration.observe(ms / 1_000);
  }

  snapshot(): AgentSnapshot {
    return {
      runs: { ...this.#runs },
      first_chunk: this.#firstChunk.snapshot(),
      duration: this.#duration.snapshot(),
    };
  }
}
