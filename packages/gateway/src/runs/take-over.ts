/** What this node executes although it was not said to it here: what others left, and what they put down for it. */
import type { SessionEventOf } from '@parley/protocol';
import { defineAgent } from '../agents/agent.ts';
import type { AgentRegistry } from '../agents/registry.ts';
import type { RunRecord, SessionIdentity } from '../stores/store.ts';
import type { KnownRuns } from './known-runs.ts';
import type { Lease } from './lease.ts';
import { type Claim, findSuperseded, withQuestion } from './recovery.ts';
import { INTERRUPTED, Run, type RunDeps, type SubmittedRun } from './run.ts';
import type { RunQueue } from './run-queue.ts';

export interface TakeOverDeps extends RunDeps {
  readonly node: string;
  readonly queue: RunQueue;
  readonly agents: AgentRegistry;
  readonly lease: Lease;
  readonly known: KnownRuns;
  readonly submit: (question: SessionEventOf<'chat_message'>, run: SubmittedRun) => void;
  /** Nobody waits for that. */
  readonly stop: (runs: readonly Run[]) => void;
  readonly supersede: (session: SessionIdentity) => void;
}

export class TakeOver {
  readonly #deps: TakeOverDeps;
  /** What others leave is for others. */
  #ended = false;
  #looking: Promise<void> | undefined;
  #taking: Promise<void> = Promise.resolve();
  #nextTake: Promise<void> | undefined;

  constructor(deps: TakeOverDeps) {
    this.#deps = deps;
  }

  /** Takes up what nodes that live no more have left unfinished, now and from now on. */
  async start(): Promise<void> {
    // The lease does not wait for what there is to be taken over, however much that is.
    await this.#deps.lease.begin(() => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    });
    await this.#takeOver();
    await this.takeUpOwn();
  }

  /** Takes nothing over any more; resolves when it does not. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#looking;
  }

  async #look(): Promise<void> {
    if (this.#ended) return;
    try {
      if (this.#deps.lease.mayTakeOver) await this.#takeOver();
      await this.takeUpOwn();
    } catch (error) {
      this.#deps.log.error({ err: error }, 'runs of other nodes were not looked for');
    }
  }

  #takeOver(): Promise<void> {
    return this.#deps.known.search(() => this.#claimLost());
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
        this.#taking = this.#deps.known.search(() => this.#takeUpNew());
        return this.#taking;
      });
    return this.#nextTake;
  }

  async #takeUpNew(): Promise<void> {
    const { store, node, known } = this.#deps;
    const here = known.all();
    const own = await store.unfinishedRuns(node);
    this.#giveUpLower(own);
    const ids = new Set(own.map(({ runId }) => runId));
    this.giveUp(here.filter((run) => isUnended(run) && !ids.has(run.spec.runId)));
    for (const { incarnation, runId, stopped } of own) {
      const run = known.get(incarnation, runId);
      if (stopped && run) this.#deps.stop([run]);
    }
    const isUnknown = ({ incarnation, runId }: RunRecord) => !known.get(incarnation, runId);
    const found = await Promise.all(
      own.filter(isUnknown).map((record) => withQuestion(store, record)),
    );
    // What was replaced before it was known here must not begin; of what is here already, see `supersede`.
    const superseded = await findSuperseded(store, found);
    for (const one of found) {
      const { record, question } = one;
      const { sessionId: id, incarnation } = record;
      if (!isUnknown(record)) continue;
      const begin = await this.#takeUp(one, superseded.has(record.runId));
      begin?.();
      if (question?.data.replaces !== undefined) this.#deps.supersede({ id, incarnation });
    }
  }

  /** Gives up attempts that are not the highest any more: this node was taken for dead meanwhile. */
  #giveUpLower(records: readonly RunRecord[]): void {
    const { known } = this.#deps;
    const lower = records.flatMap(({ incarnation, runId, attempt }) => {
      const run = known.get(incarnation, runId);
      return run && run.spec.attempt < attempt ? [run] : [];
    });
    this.giveUp(lower);
    for (const run of lower) known.forget(run);
  }

  /**
   * Takes up a run that is in the store and that this process does not know: its message was put on
   * disk, and the store failed before it could say so. `tell` is given the message first.
   */
  async adopt(
    runId: string,
    tell: (question: SessionEventOf<'chat_message'>) => void,
  ): Promise<void> {
    const { store, node, known } = this.#deps;
    const record = (await store.unfinishedRuns(node)).find((one) => one.runId === runId);
    if (!record || known.get(record.incarnation, runId)) return;
    const { question } = await withQuestion(store, record);
    // It was asked for twice at once.
    if (known.get(record.incarnation, runId)) return;
    if (question) tell(question);
    // There may be others before it.
    await this.takeUpOwn();
  }

  /** Ends a claimed run that is not to go on; returns what begins one that is. */
  async #takeUp(
    { record, question }: Claim,
    isSuperseded: boolean,
  ): Promise<(() => void) | undefined> {
    const { known, agents, submit, stop } = this.#deps;
    const { incarnation, runId, answerId, attempt, audience } = record;
    if (known.isOver(record)) return undefined;
    const here = known.get(incarnation, runId);
    if (here && known.has(incarnation, record)) {
      // Taken up by another way meanwhile: a second one would end it before its eyes.
      if (record.stopped) stop([here]);
      return undefined;
    }
    const agent = agents.get(record.agent);
    const repeatable = agent && !(record.started && agent.onInterrupt === 'fail');
    // A question that was cleaned up cannot be asked again.
    if (repeatable && question && !isSuperseded && !record.stopped) {
      return () => {
        if (known.isOver(record)) return;
        submit(question, { runId, incarnation, answerId, audience, agent, attempt });
      };
    }
    const run = new Run(
      {
        ...record,
        agent: agent ?? defineAgent({ name: record.agent, run: () => '' }),
        message: '',
        history: async () => [],
      },
      this.#deps,
    );
    known.add(run);
    if (isSuperseded || record.stopped) await run.stop();
    else if (agent) await run.interrupt(INTERRUPTED);
    else {
      const message = `The agent ${record.agent} is no longer there.`;
      await run.interrupt({ code: 'AGENT_NOT_FOUND', message });
    }
    return undefined;
  }

  /** Neither begins nor ends them: other attempts will. */
  giveUp(runs: readonly Run[]): void {
    // None of those that wait is to begin in place of one that was given up.
    for (const run of runs) this.#deps.queue.withdraw(run.spec);
    for (const run of runs) run.release();
  }
}

function isUnended({ state }: Run): boolean {
  return state === 'queued' || state === 'running';
}
