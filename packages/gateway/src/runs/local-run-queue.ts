import { KeyedLists } from '../keyed-lists.ts';
import type { Executing, RunJob, RunQueue } from './run-queue.ts';

/** The queue of a single process. What it holds is in the store too, so that it need not be kept. */
export class LocalRunQueue implements RunQueue {
  /** How many run at once in all. */
  readonly #maxRunning: number;
  /** By incarnation, the jobs of each session in order; the first one runs or is ready to. */
  readonly #sessions = new KeyedLists<RunJob>();
  /** Sessions whose first job has not started, in the order in which they became so, each once. */
  readonly #ready: string[] = [];
  #running = 0;
  /**
   * Agents whose turn is over and that have not come back. They hold nobody up, up to as many as may
   * run; more of them keep the places of those that could.
   */
  #lingering = 0;
  #paused = false;
  #execute = (_job: RunJob): Executing => {
    throw new Error('It was not said where the work is done.');
  };

  constructor(options: { readonly maxRunning: number }) {
    this.#maxRunning = options.maxRunning;
  }

  process(execute: (job: RunJob) => Executing): void {
    this.#execute = execute;
  }

  submit(job: RunJob): number {
    const place = this.#sessions.push(job.incarnation, job);
    if (place > 0) return place;
    // Where there is room nobody waits for it.
    if (this.#hasRoom) this.#run(job.incarnation);
    else this.#ready.push(job.incarnation);
    return 0;
  }

  withdraw({ incarnation, runId }: RunJob): boolean {
    const jobs = this.#sessions.of(incarnation);
    const place = jobs.findIndex((job) => job.runId === runId);
    const turn = place === 0 ? this.#ready.indexOf(incarnation) : -1;
    if (place === -1 || (place === 0 && turn === -1)) return false;
    this.#sessions.remove(jobs, place);
    if (jobs.length === 0) this.#ready.splice(turn, 1);
    return true;
  }

  pause(): void {
    this.#paused = true;
  }

  get #hasRoom(): boolean {
    return !this.#paused && this.#running < this.#maxRunning;
  }

  #startReady(): void {
    while (this.#hasRoom) {
      const incarnation = this.#ready.shift();
      if (incarnation === undefined) return;
      this.#run(incarnation);
    }
  }

  #run(incarnation: string): void {
    const [job] = this.#sessions.of(incarnation) as readonly [RunJob];
    this.#running += 1;
    const executing = this.#execute(job);
    void executing.over.then(() => {
      this.#leave(incarnation);
      const lingering = executing.lingering();
      if (lingering) void this.#linger(lingering);
      else this.#free();
    });
  }

  #leave(incarnation: string): void {
    const jobs = this.#sessions.of(incarnation);
    this.#sessions.remove(jobs, 0);
    if (jobs.length > 0) this.#ready.push(incarnation);
  }

  #free(): void {
    this.#running -= 1;
    this.#startReady();
  }

  async #linger(lingering: Promise<void>): Promise<void> {
    if (this.#lingering >= this.#maxRunning) {
      this.#startReady();
      await lingering;
      this.#free();
      return;
    }
    this.#lingering += 1;
    this.#free();
    await lingering;
    this.#lingering -= 1;
  }
}
