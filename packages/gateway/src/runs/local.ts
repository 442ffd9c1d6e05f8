import type { Executed, RunJob, RunQueue } from './run-queue.ts';

/** The queue of a single process. What it holds is in the store too, so that it need not be kept. */
export class LocalRunQueue implements RunQueue {
  /** How many run at once in all. */
  readonly #maxRunning: number;
  /** The jobs of each session in order; the first one runs or is ready to. */
  readonly #sessions = new Map<string, RunJob[]>();
  /** Sessions whose first job has not started, in the order in which they became so. */
  readonly #ready = new Set<string>();
  #running = 0;
  /**
   * Agents whose turn is over and that have not come back. They hold nobody up, up to as many as may
   * run; more of them keep the places of those that could.
   */
  #lingering = 0;
  #paused = false;
  #execute: (job: RunJob) => Promise<Executed> = async () => ({ idle: Promise.resolve() });

  constructor(options: { readonly maxRunning: number }) {
    this.#maxRunning = options.maxRunning;
  }

  process(execute: (job: RunJob) => Promise<Executed>): void {
    this.#execute = execute;
  }

  submit(job: RunJob): number {
    const jobs = this.#sessions.get(job.sessionId);
    if (jobs) return jobs.push(job) - 1;
    this.#sessions.set(job.sessionId, [job]);
    this.#ready.add(job.sessionId);
    this.#startReady();
    return 0;
  }

  withdraw(runId: string): boolean {
    for (const [sessionId, jobs] of this.#sessions) {
      const place = jobs.findIndex((job) => job.runId === runId);
      if (place === -1) continue;
      if (place === 0 && !this.#ready.has(sessionId)) return false;
      jobs.splice(place, 1);
      if (jobs.length === 0) {
        this.#sessions.delete(sessionId);
        this.#ready.delete(sessionId);
      }
      return true;
    }
    return false;
  }

  pause(): void {
    this.#paused = true;
  }

  #startReady(): void {
    for (const sessionId of this.#ready) {
      if (this.#paused || this.#running >= this.#maxRunning) return;
      this.#ready.delete(sessionId);
      void this.#run(sessionId);
    }
  }

  async #run(sessionId: string): Promise<void> {
    const jobs = this.#sessions.get(sessionId) as RunJob[];
    this.#running += 1;
    const { idle } = await this.#execute(jobs[0] as RunJob);
    jobs.shift();
    if (jobs.length === 0) this.#sessions.delete(sessionId);
    else this.#ready.add(sessionId);
    if (this.#lingering >= this.#maxRunning) {
      this.#startReady();
      await idle;
    }
    this.#running -= 1;
    this.#lingering += 1;
    this.#startReady();
    await idle;
    this.#lingering -= 1;
  }
}
