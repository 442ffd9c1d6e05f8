/**
 * The unfinished runs that this process has, by the incarnation of their session and in the order of their
 * messages.
 */
import type { RunAttempt, RunRecord } from '../stores/store.ts';
import type { Run } from './run.ts';

export class KnownRuns {
  readonly #sessions = new Map<string, Map<string, Run>>();
  #count = 0;
  /** How many look for runs in the store now, and which have ended here since the first began. */
  #searches = 0;
  readonly #overSince = new Set<string>();

  get size(): number {
    return this.#count;
  }

  get(incarnation: string, runId: string): Run | undefined {
    return this.#sessions.get(incarnation)?.get(runId);
  }

  /** Whether this attempt of a run is here, or a later one. */
  has(incarnation: string, { runId, attempt }: RunAttempt): boolean {
    return (this.get(incarnation, runId)?.spec.attempt ?? 0) >= attempt;
  }

  of(incarnation: string): Run[] {
    return [...(this.#sessions.get(incarnation)?.values() ?? [])];
  }

  all(): Run[] {
    return [...this.#sessions.values()].flatMap((session) => [...session.values()]);
  }

  /** The run whose answer is being written in the session. */
  running(incarnation: string): Run | undefined {
    for (const run of this.#sessions.get(incarnation)?.values() ?? []) {
      if (run.state === 'running') return run;
    }
    return undefined;
  }

  /** Until it has ended nothing else takes it up. */
  add(run: Run): void {
    const { incarnation, runId } = run.spec;
    const runs = this.#sessions.get(incarnation) ?? new Map<string, Run>();
    this.#sessions.set(incarnation, runs.set(runId, run));
    this.#count += 1;
    void run.settled.then((end) => {
      this.#count -= 1;
      if (this.#searches > 0 && end !== 'released') this.#overSince.add(runId);
      // A higher attempt of it may be there by now.
      if (runs.get(runId) === run) runs.delete(runId);
      if (runs.size === 0 && this.#sessions.get(incarnation) === runs)
        this.#sessions.delete(incarnation);
    });
  }

  /** From now on this attempt is not known; whoever calls has given it up. */
  forget({ spec }: Run): void {
    this.#sessions.get(spec.incarnation)?.delete(spec.runId);
  }

  /** `work` looks for runs in the store: what it finds there may be over by now, see `isOver`. */
  async search<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#searches += 1;
    try {
      return await work();
    } finally {
      this.#searches -= 1;
      if (this.#searches === 0) this.#overSince.clear();
    }
  }

  /** Whether a run has ended here since the search began that found it. */
  isOver({ runId }: RunRecord): boolean {
    return this.#overSince.has(runId);
  }
}
