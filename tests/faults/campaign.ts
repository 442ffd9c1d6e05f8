/** Fifty people in mid-answer, and a server that is killed under them again and again. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HistoryEntry } from '@parley/protocol';
import { check, type Expectation } from './checker.ts';
import { FaultClient, type World } from './fault-client.ts';
import type { Violation } from './record.ts';
import { between, seeded } from './seeded.ts';
import { freePort, ServerProcess } from './server-process.ts';

export interface CampaignOptions {
  readonly seed: number;
  /** Ends after so many kills that count … */
  readonly kills: number;
  /** … or when no more would fit into this time, milliseconds. */
  readonly budget: number;
  readonly plant?: string;
  /** Milliseconds that the last life of the server has to bring everything to its end. */
  readonly quiesce?: number;
}

export interface CampaignResult {
  readonly violations: readonly Violation[];
  /** Kills with most clients joined and answers before their eyes. */
  readonly kills: number;
  /** Of all kills, how many clients were in mid-answer on average. */
  readonly inMidAnswer: number;
  readonly clients: number;
  readonly messages: number;
  readonly events: number;
  readonly frames: number;
  readonly stops: number;
  readonly ends: Readonly<Record<string, number>>;
  readonly milliseconds: number;
}

/** How many follow each session: 50 clients, half of them in company. */
const SESSIONS = [
  ...Array.from({ length: 12 }, () => 1),
  ...Array.from({ length: 8 }, () => 2),
  ...Array.from({ length: 4 }, () => 4),
  6,
];
const JOINED = 0.8;
const IN_MID_ANSWER = 0.5;
/** The longest wait for a state that has to come, milliseconds. */
const PATIENCE = 30_000;

/** What the simulator's words are to a script. */
export const expectation: Expectation = {
  answer: (content) => {
    const tokens = Number(/tokens=(\d+)/.exec(content)?.[1]);
    return Array.from({ length: tokens }, (_, n) => `t${n + 1} `).join('');
  },
  askedOnce: new Set(['fragile']),
};

export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-faults-'));
  const campaign = new Campaign(options, dataDir, await freePort());
  try {
    return await campaign.run();
  } finally {
    await campaign.end();
    await rm(dataDir, { recursive: true, force: true });
  }
}

class Campaign implements World {
  readonly url: string;
  epoch = 0;
  busy = true;
  up: Promise<void>;
  readonly #options: CampaignOptions;
  readonly #dataDir: string;
  readonly #port: number;
  readonly #clients: FaultClient[];
  readonly #waiting = new Set<() => void>();
  #isUp = Promise.withResolvers<void>();
  #server: ServerProcess | undefined;

  constructor(options: CampaignOptions, dataDir: string, port: number) {
    this.#options = options;
    this.#dataDir = dataDir;
    this.#port = port;
    this.url = `ws://127.0.0.1:${port}/ws`;
    this.up = this.#isUp.promise;
    const places = SESSIONS.flatMap((size, index) =>
      Array.from({ length: size }, () => ({ session: `s${index + 1}`, ahead: size === 1 ? 2 : 1 })),
    );
    this.#clients = places.map(({ session, ahead }, index) => {
      const random = seeded(options.seed + index + 1);
      return new FaultClient(`c${index + 1}`, session, this, random, ahead);
    });
  }

  async run(): Promise<CampaignResult> {
    const { seed, budget, quiesce = PATIENCE } = this.#options;
    const began = performance.now();
    const random = seeded(seed);
    const crowds: number[] = [];
    await this.#start();
    for (const client of this.#clients) client.start();
    let lap = 0;
    while (crowds.length < this.#options.kills) {
      const lapBegan = performance.now();
      if (lapBegan - began + 1.5 * lap > budget) break;
      await this.#until(() => this.#crowded, PATIENCE, 'most clients are in mid-answer');
      // Mostly early, when everyone resumes; at times after a life that was long enough to forget it.
      const life = random() < 0.2 ? between(random, 400, 2_000) : between(random, 0, 400);
      await new Promise((resolve) => setTimeout(resolve, life));
      await this.#until(() => this.#crowded, PATIENCE, 'most clients are in mid-answer again');
      crowds.push(this.#count(({ inMidAnswer }) => inMidAnswer));
      await this.#kill();
      await this.#start();
      lap = performance.now() - lapBegan;
    }
    this.busy = false;
    const settled = () => this.#clients.every(({ settled }) => settled) && this.#equal();
    // What never settles is for the checker to name.
    await this.#until(settled, quiesce, 'everything has ended').catch(() => {});
    const logs = await this.#readLogs();
    for (const client of this.#clients) client.leave();
    const late = await this.#joinLate();
    const violations = check([...this.#clients, ...late], logs, expectation);
    const entries = [...logs.values()].flat();
    return {
      violations,
      kills: crowds.length,
      inMidAnswer: Math.round(crowds.reduce((sum, n) => sum + n, 0) / crowds.length),
      clients: this.#clients.length,
      messages: entries.filter(({ type }) => type === 'chat_message').length,
      events: entries.length,
      frames: this.#clients.reduce((sum, client) => sum + client.entries.length, 0),
      stops: this.#clients.reduce((sum, { seen }) => sum + seen.stopped.size, 0),
      ends: countBy(entries.filter(({ type }) => type === 'agent_response')),
      milliseconds: performance.now() - began,
    };
  }

  async end(): Promise<void> {
    for (const client of this.#clients) client.leave();
    await this.#server?.kill();
  }

  noticed(): void {
    for (const look of this.#waiting) look();
  }

  get #crowded(): boolean {
    const { length } = this.#clients;
    return (
      this.#count(({ joined }) => joined) >= JOINED * length &&
      this.#count(({ inMidAnswer }) => inMidAnswer) >= IN_MID_ANSWER * length
    );
  }

  #count(is: (client: FaultClient) => boolean): number {
    return this.#clients.filter(is).length;
  }

  /** Whether all who follow a session are at the same `seq`. */
  #equal(): boolean {
    const ends = Map.groupBy(this.#clients, ({ session }) => session).values();
    return [...ends].every((group) => new Set(group.map(({ seen }) => seen.last)).size === 1);
  }

  async #start(): Promise<void> {
    this.epoch += 1;
    const { plant } = this.#options;
    this.#server = await ServerProcess.start({ dataDir: this.#dataDir, port: this.#port, plant });
    this.#isUp.resolve();
  }

  async #kill(): Promise<void> {
    this.#isUp = Promise.withResolvers<void>();
    this.up = this.#isUp.promise;
    await this.#server?.kill();
  }

  #until(is: () => boolean, patience: number, what: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => {
      if (is()) resolve();
    };
    const timer = setTimeout(() => {
      const joined = this.#count((client) => client.joined);
      const inMidAnswer = this.#count((client) => client.inMidAnswer);
      reject(
        new Error(`It did not come to this: ${what}. ${joined} joined, ${inMidAnswer} in answers.`),
      );
    }, patience);
    this.#waiting.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(look);
    });
  }

  /** Every log from its first event on, as HTTP gives it. */
  async #readLogs(): Promise<Map<string, HistoryEntry[]>> {
    const logs = new Map<string, HistoryEntry[]>();
    for (const session of new Set(this.#clients.map((client) => client.session))) {
      const log: HistoryEntry[] = [];
      for (let more = true; more; ) {
        const after = log.at(-1)?.seq ?? 0;
        const url = `http://127.0.0.1:${this.#port}/api/sessions/${session}/messages`;
        const response = await fetch(`${url}?after_seq=${after}&limit=100`);
        if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
        const { data } = (await response.json()) as {
          data: { messages: HistoryEntry[]; has_more: boolean };
        };
        log.push(...data.messages);
        more = data.has_more && data.messages.length > 0;
      }
      logs.set(session, log);
    }
    return logs;
  }

  /** One more client for each session, who asks nothing and reads what is there. */
  async #joinLate(): Promise<FaultClient[]> {
    const sessions = [...new Set(this.#clients.map(({ session }) => session))];
    const late = sessions.map(
      (session) => new FaultClient(`late-${session}`, session, this, seeded(0)),
    );
    try {
      for (const client of late) client.start();
      const all = () => late.every(({ joined }) => joined);
      await this.#until(all, PATIENCE, 'late joiners have joined');
    } finally {
      for (const client of late) client.leave();
    }
    return late;
  }
}

function countBy(ends: readonly HistoryEntry[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of ends) counts[String(status)] = (counts[String(status)] ?? 0) + 1;
  return counts;
}
