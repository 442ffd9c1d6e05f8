/**
 * The unfinished runs that this process has, by the incarnation of their session and in the order of their
 * messages.
 */
import { KeyedLists } from '../keyed-lists.ts';
import type { RunAttempt, RunRecord } from '../stores/store.ts';
import type { Run } from './run.ts';

export class KnownRuns {
  readonly #sessions = new KeyedLists<Run>();
  #count = 0;
  /** How many look for runs in the store now, and which have ended here since the first began. */
  #searches = 0;
  readonly #overSince = new Set<string>();

  get size(): number {
    return this.#count;
  }

  get(incarnation: string, runId: string): Run | undefined {
    return this.#sessions.of(incarnation).find(({ spec }) => spec.runId === runId);
  }

  /** Whether this attempt of a run is here, or a later one. */
  has(incarnation: string, { runId, attempt }: RunAttempt): boolean {
    return (this.get(incarnation, runId)?.spec.attempt ?? 0) >= attempt;
  }

  of(incarnation: string): Run[] {
    return [...this.#sessions.of(incarnation)];
  }

  all(): Run[] {
    return this.#sessions.all();
  }

  /** The run whose answer is being written in the session. */
  running(incarnation: string): Run | undefined {
    return this.#sessions.of(incarnation).find(({ state }) => state === 'running');
  }

  /** Until it has ended nothing else takes it up. An earlier attempt of it is not known from now on. */
  add(run: Run): void {
    const { incarnation, runId } = run.spec;
    const runs = this.#sessions.of(incarnation);
    const place = runs.findIndex(({ spec }) => spec.runId === runId);
    if (place === -1) this.#sessions.push(incarnation, run);
    else this.#sessions.replace(runs, place, run);
    this.#count += 1;
    void run.settled.then((end) => {
      this.#count -= 1;
      if (this.#searches > 0 && end !== 'released') this.#overSince.add(runId);
      this.forget(run);
    });
  }

  /** From now on this attempt is not known, if it still was. */
  forget(run: Run): void {
    const runs = this.#sessions.of(run.spec.incarnation);
    const place = runs.indexOf(run);
    if (place !== -1) this.#sessions.remove(runs, place);
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
