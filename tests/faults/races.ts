/** Nodes that race for the same lost runs, while those that lost them write on. */
import type { ServerMessage, SessionEvent } from '@parley/protocol';
import { defineAgent } from '../../packages/gateway/src/index.ts';
import type { Store } from '../../packages/gateway/src/stores/store.ts';
import { newAnswer, newMessage, newSession, newToolCall } from '../contract/store-records.ts';
import { runNode, silence } from '../helpers/nodes.ts';
import { between, type Random, seeded } from '../helpers/seeded.ts';

export interface RaceOptions {
  readonly seed: number;
  readonly races: number;
  /** Of each node its own, to one database. */
  readonly stores: readonly Store[];
}

export interface RaceResult {
  readonly races: number;
  /** Writes of attempts that were no longer the highest, and were refused. */
  readonly refused: number;
  readonly findings: string[];
}

/** How many sessions are raced for at once. */
const SESSIONS = 20;
/** How often each run is taken over. */
const TAKEOVERS = 5;
/** Between two words of an agent at the most, milliseconds. */
const PAUSE_MS = 20;

function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[between(random, 0, items.length - 1)] as Item;
}

/**
 * Claims of one run at the same instant on every store, and writes of every attempt that there ever was
 * in between: one race each.
 */
export async function raceForClaims({ seed, races, stores }: RaceOptions): Promise<RaceResult> {
  const random = seeded(seed);
  const findings: string[] = [];
  let refused = 0;
  let raced = 0;

  async function raceInSession(id: string): Promise<void> {
    const message = newMessage(id, 'm');
    const { runId } = message.run;
    const first = pick(random, stores);
    await first.createSession(newSession(id));
    await first.appendMessage({ ...message, run: { ...message.run, node: 'nobody' } });
    let highest = 1;
    let calls = 0;

    /** An attempt writes, wherever; what begins when there is a higher one has to be refused. */
    async function write(attempt: number, isEnd: boolean): Promise<boolean> {
      const store = pick(random, stores);
      const isStale = attempt < highest;
      calls += 1;
      const how = isEnd ? 'end' : pick(random, ['event', 'start']);
      const done =
        how === 'start'
          ? await store.markStarted(runId, attempt)
          : (how === 'end'
              ? await store.finishRun(newAnswer(message, { attempt, content: `by ${attempt}` }))
              : await store.appendRunEvent(newToolCall(message, `${attempt}/${calls}`, attempt))
            ).outcome === 'appended';
      if (isStale && done) findings.push(`${id}: ${how} of attempt ${attempt} after ${highest}`);
      if (!done) refused += 1;
      return done;
    }

    for (let take = 0; take < TAKEOVERS; take += 1) {
      const nodes = stores.map((_, index) => `${id} ${take} ${index}`);
      await Promise.all(
        stores.map((store, index) => store.keepAlive(nodes[index] as string, 600_000)),
      );
      const claims = stores.map(async (store, index) => {
        const claimed = await store.claimRuns(id, nodes[index] as string);
        for (const { attempt } of claimed) highest = Math.max(highest, attempt);
        return claimed;
      });
      const stale = Array.from({ length: 6 }, () => write(between(random, 1, highest), false));
      const claimed = (await Promise.all(claims)).flat();
      await Promise.all(stale);
      raced += 1;
      const won = claimed.map(({ attempt }) => attempt);
      if (won.length !== 1 || won[0] !== take + 2) {
        findings.push(`${id}: take-over ${take + 1} gave the attempts ${won}`);
      }
      // All that there ever were write on; who won dies again.
      await Promise.all(
        Array.from({ length: 6 }, (_, lower) => write(Math.max(1, highest - lower), false)),
      );
      if (take < TAKEOVERS - 1) {
        await Promise.all(nodes.map((node) => pick(random, stores).keepAlive(node, 0)));
        await write(between(random, 1, highest - 1), true);
      }
    }
    const everyone = Array.from({ length: highest + 1 }, (_, index) => index + 1);
    const ends = await Promise.all(
      [...everyone, ...everyone].map((attempt) => write(attempt, true)),
    );
    if (ends.filter(Boolean).length !== 1) findings.push(`${id}: ended ${ends.filter(Boolean)}`);
    findings.push(...judgeRun(id, await whole(first, id)));
  }

  for (let round = 0; raced < races; round += 1) {
    const ids = Array.from({ length: SESSIONS }, (_, index) => `claims ${seed} ${round} ${index}`);
    await Promise.all(ids.map(raceInSession));
  }
  return { races: raced, refused, findings };
}

/** What the log of a session may not say: attempts that fall, more than one end, something after it. */
function judgeRun(id: string, events: readonly SessionEvent[]): string[] {
  const findings: string[] = [];
  const attempts = events.flatMap(({ attempt }) => attempt ?? []);
  if (attempts.some((attempt, index) => attempt < (attempts[index - 1] ?? 0))) {
    findings.push(`${id}: the attempts in its log are ${attempts}`);
  }
  const ends = events.filter(({ type }) => type === 'agent_response');
  if (ends.length !== 1) findings.push(`${id}: ${ends.length} ends`);
  if (events.at(-1)?.type !== 'agent_response') findings.push(`${id}: something follows its end`);
  if (events.some(({ seq }, index) => seq !== index + 1)) findings.push(`${id}: a hole in its log`);
  return findings;
}

/**
 * Nodes that fall silent in mid-answer and come back, again and again: all others race for what such
 * a node has, and it writes on. One race for each run that is taken over.
 */
export async function raceForAnswers(
  { seed, races, stores }: RaceOptions,
  leaseMs: number,
): Promise<RaceResult> {
  const random = seeded(seed);
  const findings: string[] = [];
  const highest = new Map<string, number>();
  let raced = 0;
  let refused = 0;
  let isOver = false;

  const agent = defineAgent({
    name: 'writer',
    /** Looks at no signal: it writes for as long as anybody listens. */
    async *run({ attempt }) {
      for (let word = 0; !isOver; word += 1) {
        yield `${attempt}.${word} `;
        const id = `${attempt}/${word}`;
        if (word % 10 === 9) yield { type: 'tool_call', id, name: 'look', arguments: {} };
        await new Promise((resolve) => setTimeout(resolve, random() * PAUSE_MS));
      }
    },
  });
  const hear = ({ type, run_id, attempt }: ServerMessage) => {
    if (run_id === undefined || attempt === undefined) return;
    const known = highest.get(run_id) ?? 1;
    if (attempt > known) {
      highest.set(run_id, attempt);
      raced += 1;
    } else if (attempt < known && type !== 'run_status') {
      findings.push(`${run_id}: ${type} of attempt ${attempt} was heard after ${known}`);
    }
  };
  const nodes = await Promise.all(
    stores.map(async (store) => ({ store, ...(await runNode(store, agent, leaseMs, hear)) })),
  );
  try {
    for (const { runs } of nodes) await runs.start();
    const ids = Array.from({ length: SESSIONS }, (_, index) => `answers ${seed} ${index}`);
    for (const [index, id] of ids.entries()) {
      const node = nodes[index % nodes.length];
      await node?.store.createSession(newSession(id));
      await node?.post(newMessage(id, 'm'));
    }
    const [asked] = stores as [Store];
    while (raced < races) {
      const victim = pick(random, nodes);
      const own = await asked.unfinishedRuns(victim.runs.node);
      const heal = silence(victim.store, victim.runs.node);
      const until = performance.now() + 20 * leaseMs;
      while ((await asked.unfinishedRuns(victim.runs.node)).length > 0) {
        if (performance.now() > until) throw new Error('Nobody took over what a silent node had.');
        await new Promise((resolve) => setTimeout(resolve, leaseMs / 20));
      }
      // What it would write past its own fence is refused by that of the store.
      const stale = own.map(({ sessionId, attempt }) =>
        victim.store.finishRun(newAnswer(newMessage(sessionId, 'm'), { attempt })),
      );
      heal();
      for (const { outcome } of await Promise.all(stale)) {
        if (outcome === 'stale') refused += 1;
        else findings.push('A stale end was taken.');
      }
    }
    isOver = true;
    for (const until = performance.now() + 20 * leaseMs; ; ) {
      if ((await asked.unfinishedRuns()).length === 0) break;
      if (performance.now() > until) throw new Error('There are answers without an end.');
      await new Promise((resolve) => setTimeout(resolve, leaseMs / 20));
    }
    for (const id of ids) {
      findings.push(...judgeRun(id, await whole(asked, id)));
    }
    return { races: raced, refused, findings };
  } finally {
    isOver = true;
    for (const { runs } of nodes) await runs.drain(AbortSignal.abort());
  }
}

async function whole(store: Store, id: string): Promise<SessionEvent[]> {
  const all: SessionEvent[] = [];
  for (;;) {
    const page = await store.readSession(id, { after: all.length, limit: 1_000 });
    if (!page || page.events.length === 0) return all;
    all.push(...page.events);
  }
}
