/** A node that the kernel stops in mid-answer for longer than its lease, and lets go on afterwards. */
import { isDeepStrictEqual } from 'node:util';
import type { ServerMessage, SessionEvent } from '@parley/protocol';
import { openPostgresStore } from '../../packages/gateway/src/stores/postgres.ts';
import type { RunRecord, Store } from '../../packages/gateway/src/stores/store.ts';
import { newAnswer, newMessage, newToolCall } from '../contract/store-records.ts';
import { between, type Random, seeded } from '../helpers/seeded.ts';
import { TestSocket } from '../helpers/socket.ts';
import { View } from '../helpers/view.ts';
import { Cluster } from './cluster.ts';

export interface StopOptions {
  readonly seed: number;
  readonly rounds: number;
  /** With an answer that is being written when the node is stopped, each round. */
  readonly sessions: number;
  /** Words of an answer in its second attempt. */
  readonly words: number;
  /** Put into each node, from `plant.ts`. */
  readonly plant?: string;
}

export interface StopResult {
  readonly takenOver: number;
  /** How their runs ended, in the attempt of the node that took over. */
  readonly ends: Readonly<Record<string, number>>;
  /** Writes of the first attempt after the second had begun. */
  readonly refused: number;
  /** How long it took until another node wrote, milliseconds, at the most. */
  readonly longest: number;
  readonly findings: readonly string[];
}

/** Who stops the answer: nobody; somebody on the node that has taken over; somebody on the one that is stopped. */
type Stopper = 'nobody' | 'other' | 'owner';
const STOPPERS: readonly Stopper[] = ['nobody', 'other', 'owner'];

const QUESTION = 'long';

export async function stopNodes(options: StopOptions): Promise<StopResult> {
  const { seed, rounds, plant } = options;
  const random = seeded(seed);
  const findings: string[] = [];
  const ends: Record<string, number> = {};
  let [takenOver, refused, longest] = [0, 0, 0];
  const cluster = await Cluster.start({ nodes: 2, plant });
  const store = await openPostgresStore(cluster.database);
  try {
    for (let round = 0; round < rounds; round += 1) {
      const cases = await openCases(cluster, random, options);
      const { pid } = cluster.node(cases.owner);
      process.kill(pid, 'SIGSTOP');
      const stopped = performance.now();
      await Promise.all(cases.all.map((one) => one.isTakenOver()));
      longest = Math.max(longest, performance.now() - stopped);
      takenOver += cases.all.length;
      refused += await writeStale(store, cases.all, findings);
      await Promise.all(cases.all.map((one) => one.stopOnOther()));
      const onOwner = cases.all.map((one) => one.stopOnOwner());
      for (const one of cases.all) one.resumes();
      process.kill(pid, 'SIGCONT');
      await Promise.all(onOwner);
      await Promise.all(cases.all.map((one) => one.end()));
      for (const one of cases.all) {
        const { status } = await one.judge(store);
        ends[status] = (ends[status] ?? 0) + 1;
      }
      findings.push(...cases.all.flatMap((one) => one.leave()));
    }
    return { takenOver, ends, refused, longest: Math.round(longest), findings };
  } finally {
    await store.close();
    // One that is stopped ends as well.
    await cluster.stop();
  }
}

/** Sessions with an answer that everyone hears; all of them are written on the node that is called owner. */
async function openCases(cluster: Cluster, random: Random, { sessions, words }: StopOptions) {
  const which = between(random, 0, 1);
  const [owner, other] = [cluster.ports[which], cluster.ports[1 - which]] as [number, number];
  const stoppers = Array.from({ length: sessions }, () => STOPPERS[between(random, 0, 2)]);
  const all = await Promise.all(
    stoppers.map((stopper = 'nobody') => Case.open({ owner, other }, stopper, words)),
  );
  return { owner, all };
}

/** What the node that is stopped may have had on its way to the store; returns how often that was refused. */
async function writeStale(store: Store, cases: readonly Case[], findings: string[]) {
  const records = new Map((await store.unfinishedRuns()).map((one) => [one.sessionId, one]));
  const refused = await Promise.all(
    cases.map(async ({ id }) => {
      const record = records.get(id) as RunRecord;
      const append = { ...newMessage(id, record.replyTo), run: record };
      const taken = [
        (await store.appendRunEvent(newToolCall(append, 'stale'))).outcome === 'appended',
        await store.markStarted(record.runId, 1),
        (await store.finishRun(newAnswer(append))).outcome === 'appended',
      ];
      if (taken.some(Boolean)) findings.push(`${id}: stale writes were taken: ${taken}`);
      return taken.filter((isTaken) => !isTaken).length;
    }),
  );
  return refused.reduce((sum, count) => sum + count, 0);
}

/** A session with a long answer, with somebody on the node that writes it and somebody on the other. */
class Case {
  readonly id: string;
  readonly #stopper: Stopper;
  readonly #disposals: (() => void)[] = [];
  readonly #findings: string[] = [];
  readonly #onOwner: View;
  readonly #onOther: View;
  /** When the node was let go on, and when a stop was acknowledged. */
  #resumed = Number.POSITIVE_INFINITY;
  #acknowledged = Number.POSITIVE_INFINITY;

  /** Resolves when both hear the answer. */
  static async open(
    ports: { readonly owner: number; readonly other: number },
    stopper: Stopper,
    words: number,
  ): Promise<Case> {
    const url = (port: number) => `ws://127.0.0.1:${port}/ws`;
    const disposals: (() => void)[] = [];
    const onFinished = (dispose: () => void) => void disposals.push(dispose);
    const creator = await TestSocket.open(url(ports.owner), { onFinished });
    const id = await creator.create({ agent_name: 'talker' });
    creator.cut();
    const views = [ports.owner, ports.other].map((port) => new View(url(port), id, { onFinished }));
    const one = new Case(id, stopper, views as [View, View], disposals);
    for (const view of views) {
      await view.join();
      one.#listen(view);
    }
    one.#onOwner.say(QUESTION, `${words}`);
    for (const view of views) await view.until(({ answer }) => answer !== undefined);
    return one;
  }

  private constructor(
    id: string,
    stopper: Stopper,
    [onOwner, onOther]: readonly [View, View],
    disposals: (() => void)[],
  ) {
    this.id = id;
    this.#stopper = stopper;
    this.#onOwner = onOwner;
    this.#onOther = onOther;
    this.#disposals = disposals;
  }

  #listen({ socket }: View): void {
    let highest = 1;
    socket?.onMessage(({ type, reply_to, attempt = 0, data }: ServerMessage) => {
      if (reply_to !== QUESTION) return;
      highest = Math.max(highest, attempt);
      if (type !== 'agent_chunk') return;
      const said = Math.max(...data.content.split('@').map((word) => Number(word) || 0));
      const is = `${this.id}, stopped by ${this.#stopper}: a word of attempt ${attempt}, said at ${said}, was heard`;
      if (attempt < highest) this.#findings.push(`${is} after attempt ${highest}`);
      if (attempt === 1 && said >= this.#resumed)
        this.#findings.push(`${is}: its node went on at ${this.#resumed}`);
      if (said > this.#acknowledged)
        this.#findings.push(`${is}: its stop was acknowledged at ${this.#acknowledged}`);
    });
  }

  isTakenOver(): Promise<void> {
    return this.#onOther.until(({ answer }) => answer?.attempt === 2);
  }

  async stopOnOther(): Promise<void> {
    if (this.#stopper === 'other') await this.#stop(this.#onOther);
  }

  /** The node that is stopped finds it when it goes on. */
  async stopOnOwner(): Promise<void> {
    if (this.#stopper === 'owner') await this.#stop(this.#onOwner);
  }

  async #stop({ socket }: View): Promise<void> {
    socket?.send({ type: 'run_cancel', message_id: 'stop', session_id: this.id });
    await socket?.find(({ type, reply_to }) => type === 'message_ack' && reply_to === 'stop');
    this.#acknowledged = Date.now();
  }

  resumes(): void {
    this.#resumed = Date.now();
  }

  /** Both have the end, and that of a second answer, because the node that was stopped serves on. */
  async end(): Promise<void> {
    for (const view of [this.#onOwner, this.#onOther]) await view.ended(1);
    this.#onOwner.say('short', '1');
    for (const view of [this.#onOwner, this.#onOther]) await view.ended(2);
  }

  /** What everyone has is the log, and that has one end of the run, by the second attempt. */
  async judge(store: Store): Promise<{ status: string }> {
    const { events = [] } = (await store.readSession(this.id, { limit: 1_000 })) ?? {};
    for (const view of [this.#onOwner, this.#onOther]) {
      const log = view.log();
      if (isDeepStrictEqual(log, events)) continue;
      this.#findings.push(`${this.id}: somebody has ${JSON.stringify(log)}`);
    }
    const own = events.filter(({ reply_to }) => reply_to === QUESTION);
    const attempts = own.map(({ attempt = 0 }) => attempt);
    if (attempts.some((attempt, index) => attempt < (attempts[index - 1] ?? 0)))
      this.#findings.push(`${this.id}: the attempts in its log are ${attempts}`);
    const ends = own.flatMap((event) => (event.type === 'agent_response' ? [event] : []));
    const [end] = ends as [SessionEvent & { type: 'agent_response' }];
    const is = `${this.id}, stopped by ${this.#stopper}: ended ${ends.length} times,`;
    const { status } = end.data;
    const isRight =
      status === (this.#stopper === 'nobody' ? 'complete' : 'cancelled') ||
      // It was at its end before the node that was asked went on.
      (this.#stopper === 'owner' && Date.parse(end.timestamp) <= this.#acknowledged);
    if (ends.length !== 1 || own.at(-1) !== end || end.attempt !== 2 || !isRight)
      this.#findings.push(`${is} ${status} in attempt ${end.attempt}`);
    return { status };
  }

  /** Returns what was found. */
  leave(): string[] {
    for (const dispose of this.#disposals) {
      try {
        dispose();
      } catch (error) {
        this.#findings.push(`${this.id}: ${(error as Error).message}`);
      }
    }
    return this.#findings;
  }
}
