/** All runs of this process: submitted, stopped, found again after a restart, and drained. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  ProtocolError,
  type RunEnd,
  type ServerMessageOf,
  type SessionEventOf,
} from '@parley/protocol';
import { defineAgent } from '../agents/agent.ts';
import type { AgentRegistry } from '../agents/registry.ts';
import type { Logger } from '../log.ts';
import type { RunRecord, Store } from '../stores/store.ts';
import { readHistory } from './history.ts';
import { Lease } from './lease.ts';
import { type Claim, findSuperseded, shownQuestions, withQuestion } from './recovery.ts';
import { type Publish, Run, type RunFault, type RunSpec } from './run.ts';
import type { RunQueue } from './run-queue.ts';

export interface RunManagerDeps {
  /** The id of this node, another one after each start. */
  readonly node: string;
  /** `false`: others execute what is posted here. */
  readonly executes: boolean;
  readonly store: Store;
  readonly queue: RunQueue;
  readonly agents: AgentRegistry;
  readonly publish: Publish;
  readonly log: Logger;
  readonly runTimeout: number;
  readonly maxAnswerLength: number;
  /** After so long without a word from it a node is dead, milliseconds; default: 5,000. */
  readonly leaseMs?: number;
}

/** Whether a run waits, and for how many of its session; for none: for a place among all that may run. */
export interface Turn {
  readonly waits: boolean;
  readonly position: number;
}

const INTERRUPTED: RunFault = {
  code: 'INTERRUPTED',
  message: 'The server stopped while the answer was being written.',
};
/** The store has so long to take the ends of a drain; then they are left to the next start, milliseconds. */
const END_GRACE_MS = 1_000;

export class RunManager {
  readonly #deps: RunManagerDeps;
  /** Unfinished runs by session, in the order of their messages. */
  readonly #sessions = new Map<string, Map<string, Run>>();
  #count = 0;
  /** What comes now is for the next start. */
  #drained = false;
  readonly #lease: Lease;
  /** What others leave is for others. */
  #draining = false;
  #looking: Promise<void> | undefined;
  #taking: Promise<void> = Promise.resolve();
  #nextTake: Promise<void> | undefined;
  /** How many look for runs in the store now, and which have ended here since the first began. */
  #searches = 0;
  readonly #overSince = new Set<string>();

  constructor(deps: RunManagerDeps) {
    this.#deps = deps;
    this.#lease = new Lease({ ...deps, giveUpLost: () => this.takeUpOwn() });
    deps.queue.process(async ({ sessionId, runId }) => {
      const run = this.#sessions.get(sessionId)?.get(runId);
      await run?.execute();
      return { idle: run?.whenIdle() ?? Promise.resolve() };
    });
  }

  get node(): string {
    return this.#deps.node;
  }

  /** Which node executes what is posted here; `null`: any that does. */
  get executor(): string | null {
    return this.#deps.executes ? this.#deps.node : null;
  }

  /** Unfinished runs in all, waiting ones included. */
  get size(): number {
    return this.#count;
  }

  /**
   * Takes on the run of a message that is on disk. `stopped`: it has been stopped before it could
   * begin, and ends at once.
   */
  submit(
    question: SessionEventOf<'chat_message'>,
    run: Pick<RunSpec, 'runId' | 'answerId' | 'agent' | 'attempt' | 'audience'>,
    { stopped = false }: { readonly stopped?: boolean } = {},
  ): Turn {
    const { session_id: sessionId, message_id: replyTo, data } = question;
    // It was found in the store before whoever put it there has said so.
    const known = this.#sessions.get(sessionId)?.get(run.runId);
    if (known && known.spec.attempt >= run.attempt)
      return { waits: known.state === 'queued', position: 0 };
    const history = () => readHistory(this.#deps.store, question);
    const taken = new Run(
      { ...run, sessionId, replyTo, message: data.content, history },
      { ...this.#deps, lease: this.#lease },
    );
    // Before its turn may come.
    if (stopped) void taken.stop();
    return this.#take(taken);
  }

  #take(run: Run): Turn {
    const { sessionId, runId } = run.spec;
    this.#know(run);
    if (this.#drained) run.release();
    const position = this.#deps.queue.submit({ sessionId, runId });
    const waits = run.state === 'queued';
    if (waits) this.#deps.publish(run.messages.status('queued', position));
    return { waits, position };
  }

  /** Until it has ended nothing else takes it up. */
  #know(run: Run): void {
    const { sessionId, runId } = run.spec;
    const runs = this.#sessions.get(sessionId) ?? new Map<string, Run>();
    this.#sessions.set(sessionId, runs.set(runId, run));
    this.#count += 1;
    void run.settled.then((end) => {
      this.#count -= 1;
      if (this.#searches > 0 && end !== 'released') this.#overSince.add(runId);
      // A higher attempt of it may be there by now.
      if (runs.get(runId) === run) runs.delete(runId);
      if (runs.size === 0 && this.#sessions.get(sessionId) === runs)
        this.#sessions.delete(sessionId);
    });
  }

  /** The run whose answer is being written in the session, if it is sure that it is written here. */
  running(sessionId: string): Run | undefined {
    return this.#lease.isHeld ? this.#running(sessionId) : undefined;
  }

  #running(sessionId: string): Run | undefined {
    for (const run of this.#sessions.get(sessionId)?.values() ?? []) {
      if (run.state === 'running') return run;
    }
    return undefined;
  }

  /** How a run of this process ends, once it has; `undefined`: it is none, or no longer. */
  settled(sessionId: string, runId: string): Promise<RunEnd | 'released'> | undefined {
    return this.#sessions.get(sessionId)?.get(runId)?.settled;
  }

  /** The `run_status` of each run that waits in the session, with its place. */
  waiting(sessionId: string): ServerMessageOf<'run_status'>[] {
    return [...(this.#sessions.get(sessionId)?.values() ?? [])].flatMap((run, place) =>
      run.state === 'queued' ? [run.messages.status('queued', place)] : [],
    );
  }

  /**
   * Stops all runs of the session, waiting ones included. Resolves when each end is on disk, with the
   * ids of the runs that this cancelled.
   */
  cancelAll(sessionId: string): Promise<string[]> {
    return this.#stop([...(this.#sessions.get(sessionId)?.values() ?? [])]);
  }

  /** Stops one run, like `cancelAll`; `undefined` where it is not among the session's. */
  async cancel(sessionId: string, runId: string): Promise<string[] | undefined> {
    const run = this.#sessions.get(sessionId)?.get(runId);
    return run && this.#stop([run]);
  }

  /** Stops the runs of the session whose messages are not shown any more; nobody waits for that. */
  supersede(sessionId: string): void {
    this.#supersede(sessionId).catch((error) => {
      const fields = { err: error, session_id: sessionId };
      this.#deps.log.error(fields, 'replaced answers were not stopped');
    });
  }

  async #supersede(sessionId: string): Promise<void> {
    const shown = await shownQuestions(this.#deps.store, sessionId);
    const runs = [...(this.#sessions.get(sessionId)?.values() ?? [])];
    await this.#stop(runs.filter(({ spec }) => !shown.has(spec.replyTo)));
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
    sessionId: string,
    approvalId: string,
    decision: { approved: boolean; reason?: string },
    decidedBy: string,
  ): Promise<boolean> {
    return (await this.#running(sessionId)?.decide(approvalId, decision, decidedBy)) ?? false;
  }

  /** Gives up the runs of a session that is no more. */
  abandon(sessionId: string): void {
    this.#giveUp([...(this.#sessions.get(sessionId)?.values() ?? [])]);
  }

  #giveUp(runs: readonly Run[]): void {
    // None of those that wait is to begin in place of one that was given up.
    for (const run of runs) this.#deps.queue.withdraw(run.spec);
    for (const run of runs) run.release();
  }

  /** Takes up what nodes that live no more have left unfinished, now and from now on. */
  async start(): Promise<void> {
    if (!this.#deps.executes) return;
    // The lease does not wait for what there is to be taken over, however much that is.
    await this.#lease.begin(() => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    });
    await this.#takeOver();
    await this.takeUpOwn();
  }

  async #look(): Promise<void> {
    if (this.#draining) return;
    try {
      if (this.#lease.mayTakeOver) await this.#takeOver();
      await this.takeUpOwn();
    } catch (error) {
      this.#deps.log.error({ err: error }, 'runs of other nodes were not looked for');
    }
  }

  #takeOver(): Promise<void> {
    return this.#search(() => this.#claimLost());
  }

  async #claimLost(): Promise<void> {
    const { store, log, node } = this.#deps;
    const lost = await store.unfinishedRuns(null);
    const sessions = new Set(lost.map(({ sessionId }) => sessionId));
    const records = await Promise.all([...sessions].map((id) => store.claimRuns(id, node)));
    this.#giveUpLower(records.flat());
    const claimed = await Promise.all(records.flat().map((record) => withQuestion(store, record)));
    const superseded = await findSuperseded(store, claimed);
    // None begins before it is known which are not to, and those have their ends.
    const goOn = await Promise.all(
      claimed.map((one) => this.#takeUp(one, superseded.has(one.record.runId))),
    );
    for (const begin of goOn) begin?.();
    if (claimed.length > 0)
      log.info({ runs: claimed.length }, 'unfinished runs were taken up again');
  }

  /**
   * Takes up what other nodes were told for this one, in the order of the messages, and gives up what
   * others have taken over. Who asks while that is read waits for one more reading, together with all who do.
   */
  takeUpOwn(): Promise<void> {
    this.#nextTake ??= this.#taking
      .catch(() => {})
      .then(() => {
        this.#nextTake = undefined;
        this.#taking = this.#search(() => this.#takeUpNew());
        return this.#taking;
      });
    return this.#nextTake;
  }

  async #takeUpNew(): Promise<void> {
    const { store, node } = this.#deps;
    const here = this.#all();
    const own = await store.unfinishedRuns(node);
    this.#giveUpLower(own);
    const ids = new Set(own.map(({ runId }) => runId));
    this.#giveUp(here.filter((run) => isUnended(run) && !ids.has(run.spec.runId)));
    for (const { sessionId, runId, stopped } of own) {
      if (stopped) void this.cancel(sessionId, runId);
    }
    const isUnknown = ({ sessionId, runId }: RunRecord) =>
      !this.#sessions.get(sessionId)?.has(runId);
    const found = await Promise.all(
      own.filter(isUnknown).map((record) => withQuestion(store, record)),
    );
    for (const one of found) {
      if (isUnknown(one.record)) await this.#takeUpPosted(one);
    }
  }

  async #takeUpPosted(claim: Claim): Promise<void> {
    const begin = await this.#takeUp(claim, false);
    begin?.();
    if (claim.question?.data.replaces !== undefined) this.supersede(claim.record.sessionId);
  }

  /** Gives up attempts that are not the highest any more: this node was taken for dead meanwhile. */
  #giveUpLower(records: readonly RunRecord[]): void {
    const lower = records.flatMap(({ sessionId, runId, attempt }) => {
      const run = this.#sessions.get(sessionId)?.get(runId);
      return run && run.spec.attempt < attempt ? [run] : [];
    });
    this.#giveUp(lower);
    for (const run of lower) this.#sessions.get(run.spec.sessionId)?.delete(run.spec.runId);
  }

  /**
   * Takes up a run that is in the store and that this process does not know: its message was put on
   * disk, and the store failed before it could say so. `tell` is given the message first.
   */
  adopt(
    sessionId: string,
    runId: string,
    tell: (question: SessionEventOf<'chat_message'>) => void,
  ): Promise<void> {
    return this.#search(() => this.#adopt(sessionId, runId, tell));
  }

  async #adopt(
    sessionId: string,
    runId: string,
    tell: (question: SessionEventOf<'chat_message'>) => void,
  ): Promise<void> {
    const { store, node, executes } = this.#deps;
    if (!executes) return;
    const record = (await store.unfinishedRuns(node)).find((one) => one.runId === runId);
    if (!record || this.settled(sessionId, runId)) return;
    const known = await withQuestion(store, record);
    // It was asked for twice at once.
    if (this.settled(sessionId, runId)) return;
    if (known.question) tell(known.question);
    await this.#takeUpPosted(known);
  }

  /** What `work` finds unfinished in the store is not taken up where it has ended here since. */
  async #search<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#searches += 1;
    try {
      return await work();
    } finally {
      this.#searches -= 1;
      if (this.#searches === 0) this.#overSince.clear();
    }
  }

  /** Ends a claimed run that is not to go on; returns what begins one that is. */
  async #takeUp(
    { record, question }: Claim,
    isSuperseded: boolean,
  ): Promise<(() => void) | undefined> {
    const { sessionId, runId, answerId, attempt, audience } = record;
    if (this.#overSince.has(runId)) return undefined;
    const known = this.#sessions.get(sessionId)?.get(runId);
    if (known && known.spec.attempt >= attempt) {
      // Taken up by another way meanwhile: a second one would end it before its eyes.
      if (record.stopped) void this.#stop([known]);
      return undefined;
    }
    const agent = this.#deps.agents.get(record.agent);
    const repeatable = agent && !(record.started && agent.onInterrupt === 'fail');
    // A question that was cleaned up cannot be asked again.
    if (repeatable && question && !isSuperseded && !record.stopped) {
      return () => {
        if (this.#overSince.has(runId)) return;
        this.submit(question, { runId, answerId, audience, agent, attempt });
      };
    }
    const run = new Run(
      {
        ...record,
        agent: agent ?? defineAgent({ name: record.agent, run: () => '' }),
        message: '',
        history: async () => [],
      },
      { ...this.#deps, lease: this.#lease },
    );
    this.#know(run);
    if (isSuperseded || record.stopped) await run.stop();
    else if (agent) await run.interrupt(INTERRUPTED);
    else {
      const message = `The agent ${record.agent} is no longer there.`;
      await run.interrupt({ code: 'AGENT_NOT_FOUND', message });
    }
    return undefined;
  }

  /**
   * Starts nothing more and waits until running answers have ended, or `deadline` is aborted; what is
   * left then stays unfinished in the store, for the next start. What that would only end, without
   * what its agent has written, ends here.
   */
  async drain(deadline: AbortSignal): Promise<void> {
    this.#draining = true;
    this.#deps.queue.pause();
    const aborted = new Promise<void>((resolve) => {
      if (deadline.aborted) resolve();
      else deadline.addEventListener('abort', () => resolve(), { once: true });
    });
    const active = this.#all().filter((run) => run.state !== 'queued');
    await Promise.race([Promise.all(active.map((run) => run.settled)), aborted]);
    this.#drained = true;
    const lost = this.#all().filter(
      (run) => run.spec.agent.onInterrupt === 'fail' && run.text !== '',
    );
    const ends = lost.map((run) => run.interrupt(INTERRUPTED));
    await Promise.race([Promise.all(ends), delay(END_GRACE_MS, undefined, { ref: false })]);
    for (const run of this.#all()) run.release();
    await this.#looking;
    if (this.#deps.executes) await this.#lease.end();
  }

  #all(): Run[] {
    return [...this.#sessions.values()].flatMap((session) => [...session.values()]);
  }
}

function isUnended({ state }: Run): boolean {
  return state === 'queued' || state === 'running';
}
