/** All runs of this process: submitted, stopped, found again after a restart, and drained. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  ProtocolError,
  type RunEnd,
  type ServerMessageOf,
  type SessionEventOf,
} from '@parley/protocol';
import type { AgentRegistry } from '../agents/registry.ts';
import type { Logger } from '../log.ts';
import type { RunGauges } from '../metrics/snapshot.ts';
import type { RunAttempt, SessionIdentity, Store, UnendedRun } from '../stores/store.ts';
import type { Traces } from '../traces.ts';
import { type Arrival, Arrivals } from './arrivals.ts';
import { readHistory } from './history.ts';
import { KnownRuns } from './known-runs.ts';
import { Lease } from './lease.ts';
import { supersededQuestions } from './recovery.ts';
import { INTERRUPTED, type Publish, Run, type RunDeps, type SubmittedRun } from './run.ts';
import { queued } from './run-messages.ts';
import type { RunJob, RunQueue } from './run-queue.ts';
import { TakeOver } from './take-over.ts';

export interface RunManagerDeps {
  /** The id of this node, another one after each start. */
  readonly node: string;
  /** `false`: others execute what is posted here. */
  readonly executes: boolean;
  readonly store: Store;
  readonly queue: RunQueue;
  readonly agents: AgentRegistry;
  readonly publish: Publish;
  readonly withdraw: RunDeps['withdraw'];
  readonly log: Logger;
  /** `undefined`: none. */
  readonly traces?: Traces | undefined;
  readonly metrics: RunDeps['metrics'];
  readonly runTimeout: number;
  readonly maxAnswerLength: number;
  /** After so long without a word from it a node is dead, milliseconds; default: 5,000. */
  readonly leaseMs?: number | undefined;
}

/** Whether a run waits, and for how many of its session; for none: for a place among all that may run. */
export interface Turn {
  readonly waits: boolean;
  readonly position: number;
  /** The run's place in its trace, where traces are on. */
  readonly traceparent?: string | undefined;
}

/** The store has so long to take the ends of a drain; then they are left to the next start, milliseconds. */
const END_GRACE_MS = 1_000;

export class RunManager {
  readonly #deps: RunManagerDeps;
  readonly #runDeps: RunDeps;
  readonly #known = new KnownRuns();
  /** The messages whose runs are not here yet. */
  readonly arrivals = new Arrivals();
  /** What comes now is for the next start. */
  #drained = false;
  readonly #lease: Lease;
  readonly #takeOver: TakeOver;

  constructor(deps: RunManagerDeps) {
    this.#deps = deps;
    this.#lease = new Lease({ ...deps, giveUpLost: () => this.takeUpOwn() });
    this.#runDeps = { ...deps, lease: this.#lease };
    this.#takeOver = new TakeOver({
      ...deps,
      lease: this.#lease,
      known: this.#known,
      submit: (question, run) => {
        this.#submit(question, run, this.arrivals.of(run.runId));
      },
      // What does not end before this node stops is ended by the next one that has it.
      stop: (runs) => void this.#stop(runs).catch(() => {}),
      supersede: (session) => this.supersede(session),
    });
    deps.queue.process(({ incarnation, runId }) => {
      const run = this.#known.get(incarnation, runId);
      return {
        over: run?.execute() ?? Promise.resolve(),
        lingering: () => run?.whenIdle(),
      };
    });
  }

  get node(): string {
    return this.#deps.node;
  }

  /** Which node executes what is posted here; `null`: any that does. */
  get executor(): string | null {
    return this.#deps.executes ? this.#deps.node : null;
  }

  /** How many other nodes execute what is in the store. */
  get others(): number {
    return this.#lease.others;
  }

  /** How many nodes execute what is in the store, this one included. @throws StoreError */
  async countWorkers(): Promise<number> {
    const { executes, store, node } = this.#deps;
    return executes ? this.others + 1 : store.keepAlive(node, 0);
  }

  /** Unfinished runs in all, waiting ones included. */
  get size(): number {
    return this.#known.size;
  }

  measure(): RunGauges {
    const waiting = this.#known.all().filter(({ state }) => state === 'queued').length;
    return { runs_running: this.size - waiting, runs_waiting: waiting };
  }

  /**
   * Takes on the run of a message that was put on disk here, behind `before`, as the store has said; `undefined`:
   * this node does not have that one, because its message came to another node, see `takeUpInOrder`.
   * Where it has been stopped on its way here, it ends at once.
   */
  submit(
    question: SessionEventOf<'chat_message'>,
    run: SubmittedRun,
    before: RunAttempt | null,
    arrival?: Arrival,
  ): Turn | undefined {
    return before === null || this.#known.has(run.incarnation, before)
      ? this.#submit(question, run, arrival)
      : undefined;
  }

  /** Takes the run up from the store, and those before it first. */
  async takeUpInOrder(run: RunJob): Promise<Turn> {
    try {
      await this.takeUpOwn();
    } catch (error) {
      // It is done when the store is back.
      const fields = { err: error, run_id: run.runId };
      this.#deps.log.error(fields, 'runs before this one were not looked for');
    }
    return this.#turn(run);
  }

  #submit(
    question: SessionEventOf<'chat_message'>,
    run: SubmittedRun,
    arrival: Arrival | undefined,
  ): Turn {
    const { session_id: sessionId, message_id: replyTo, data } = question;
    // It was found in the store before whoever put it there has said so.
    if (this.#known.has(run.incarnation, run)) return this.#turn(run);
    const history = () => readHistory(this.#deps.store, question, run.incarnation);
    const trace = this.#deps.traces?.begin({ ...run, sessionId, replyTo });
    const spec = { ...run, ...trace?.spec, sessionId, replyTo, message: data.content, history };
    const taken = new Run(spec, this.#runDeps);
    if (trace) void taken.settled.then((end) => trace.end(end, taken.fault));
    // Before its turn may come.
    if (arrival?.stopped) arrival.settle(this.#stop([taken]));
    return this.#take(taken);
  }

  #take(run: Run): Turn {
    const { incarnation, runId } = run.spec;
    this.#known.add(run);
    if (this.#drained) run.release();
    const position = this.#deps.queue.submit({ incarnation, runId });
    const waits = run.state === 'queued';
    // It may have begun, and ended, by the end of the tick.
    if (waits) process.nextTick(() => this.#tellWaiting(run));
    return { waits, position, traceparent: run.spec.traceparent };
  }

  #tellWaiting(run: Run): void {
    const { waits, position } = this.#turn(run.spec);
    if (!waits) return;
    this.#deps.publish(run.spec.incarnation, run.messages.status('queued', position));
  }

  #turn({ incarnation, runId }: RunJob): Turn {
    const runs = this.#known.of(incarnation);
    const position = runs.findIndex(({ spec }) => spec.runId === runId);
    const run = runs[position];
    return {
      waits: run?.state === 'queued',
      position: Math.max(0, position),
      traceparent: run?.spec.traceparent,
    };
  }

  /** The run whose answer is being written in the session, if it is sure that it is written here. */
  running(incarnation: string): Run | undefined {
    return this.#lease.isHeldAt(performance.now()) ? this.#known.running(incarnation) : undefined;
  }

  /** How a run of this process ends, once it has; `undefined`: it is none, or no longer. */
  settled(incarnation: string, runId: string): Promise<RunEnd | 'released'> | undefined {
    return this.#known.get(incarnation, runId)?.settled;
  }

  /**
   * The `run_status` of each run that waits in the session, with its place: `found` in the store, where
   * another node has them.
   */
  waiting(
    { id, incarnation }: SessionIdentity,
    found: readonly UnendedRun[],
  ): ServerMessageOf<'run_status'>[] {
    const here = this.#known.of(incarnation);
    if (here.length === 0 && this.#deps.store.isShared) {
      return found.slice(1).map((run, index) => queued(id, run, index + 1));
    }
    return here.flatMap((run, place) =>
      run.state === 'queued' ? [run.messages.status('queued', place)] : [],
    );
  }

  /**
   * Stops all runs of the session, waiting ones and those of messages on their way included. Resolves when each
   * end is on disk, with the ids of the runs that this cancelled.
   */
  async cancelAll(incarnation: string): Promise<string[]> {
    const here = this.#stop(this.#known.of(incarnation));
    const arriving = this.arrivals.stop(incarnation) ?? [];
    return (await Promise.all([here, arriving])).flat();
  }

  /** Stops one run, like `cancelAll`; `undefined` where it is not among the session's. */
  async cancel(incarnation: string, runId: string): Promise<string[] | undefined> {
    const run = this.#known.get(incarnation, runId);
    return run ? this.#stop([run]) : this.arrivals.stop(incarnation, runId);
  }

  /** Stops the runs of the session whose messages are not shown any more; nobody waits for that. */
  supersede(session: SessionIdentity): void {
    this.#supersede(session).catch((error) => {
      const fields = { err: error, session_id: session.id };
      this.#deps.log.error(fields, 'replaced answers were not stopped');
    });
  }

  async #supersede(session: SessionIdentity): Promise<void> {
    const superseded = await supersededQuestions(this.#deps.store, session);
    const runs = this.#known.of(session.incarnation);
    await this.#stop(runs.filter(({ spec }) => superseded.has(spec.replyTo)));
  }

  async #stop(runs: readonly Run[]): Promise<string[]> {
    const ends = runs.map(async (run): Promise<[string, RunEnd | 'released']> => {
      this.#deps.queue.withdraw(run.spec);
      return [run.spec.runId, await run.stop()];
    });
    const settled = await Promise.all(ends);
    // What was not ended here is taken up at the next start: nobody must think that it is stopped.
    if (this.#drained && settled.some(([, end]) => end === 'released')) {
      throw new ProtocolError('INTERRUPTED', 'The server stops. Stop the answer when it is back.');
    }
    return settled.filter(([, end]) => end === 'cancelled').map(([id]) => id);
  }

  /** Decides on an approval of the session. `false`: none of this id is open. */
  async decide(
    incarnation: string,
    approvalId: string,
    decision: { approved: boolean; reason?: string },
    decidedBy: string,
  ): Promise<boolean> {
    return (
      (await this.#known.running(incarnation)?.decide(approvalId, decision, decidedBy)) ?? false
    );
  }

  /** Gives up the runs of a session that is no more. */
  abandon(incarnation: string): void {
    this.#takeOver.giveUp(this.#known.of(incarnation));
  }

  /** Takes up what nodes that live no more have left unfinished, now and from now on. */
  async start(): Promise<void> {
    if (this.#deps.executes) await this.#takeOver.start();
  }

  /** See `TakeOver.takeUpOwn`. */
  takeUpOwn(): Promise<void> {
    return this.#takeOver.takeUpOwn();
  }

  /** See `TakeOver.adopt`. */
  async adopt(
    runId: string,
    tell: (question: SessionEventOf<'chat_message'>) => void,
  ): Promise<void> {
    if (this.#deps.executes) await this.#takeOver.adopt(runId, tell);
  }

  /**
   * Starts nothing more and waits until running answers have ended, or `deadline` is aborted; what is
   * left then stays unfinished in the store, for the next start. What that would only end, without
   * what its agent has written, ends here.
   */
  async drain(deadline: AbortSignal): Promise<void> {
    const left = this.#takeOver.end();
    this.#deps.queue.pause();
    const aborted = new Promise<void>((resolve) => {
      if (deadline.aborted) resolve();
      else deadline.addEventListener('abort', () => resolve(), { once: true });
    });
    const active = this.#known.all().filter((run) => run.state !== 'queued');
    await Promise.race([Promise.all(active.map((run) => run.settled)), aborted]);
    this.#drained = true;
    const all = this.#known.all();
    const lost = all.filter(({ spec, text }) => spec.agent.onInterrupt === 'fail' && text !== '');
    // Of what is being put on disk at this moment some were stopped, by somebody who waits to hear so.
    const ending = all.filter(({ state }) => state === 'ending');
    const ends = [
      ...lost.map((run) => run.interrupt(INTERRUPTED)),
      ...ending.map(({ settled }) => settled),
    ];
    await Promise.race([Promise.all(ends), delay(END_GRACE_MS, undefined, { ref: false })]);
    for (const run of this.#known.all()) run.release();
    await left;
    if (this.#deps.executes) await this.#lease.end();
  }
}
