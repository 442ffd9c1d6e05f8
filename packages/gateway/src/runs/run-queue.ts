/** Who executes which run, and when. */

export interface RunJob {
  readonly runId: string;
  /** Of its session: what has the same id later has a queue of its own. */
  readonly incarnation: string;
}

/** A job that has its turn. */
export interface Executing {
  /** Resolves when its turn is over: the next of its session may begin. Must not reject. */
  readonly over: Promise<unknown>;
  /** Asked when it is over: resolves when nothing of it works any more; `undefined`: nothing does. */
  lingering(): Promise<void> | undefined;
}

export interface RunQueue {
  /** Where the work is done. Called once, before the first `submit`. */
  process(execute: (job: RunJob) => Executing): void;
  /**
   * Executes the job when its turn comes: one of a session at a time, in the order of submission.
   * Returns how many jobs of the session end before it starts; 0: it is the next one.
   */
  submit(job: RunJob): number;
  /** Takes a job that has not started back. `false`: it has, or there is none. */
  withdraw(job: RunJob): boolean;
  /** Starts nothing any more; what waits stays in the store. */
  pause(): void;
}
