/** Fifty people in mid-answer, whatever becomes of the server, and the verdict on what they saw. */
import type { HistoryEntry } from '@parley/protocol';
import { seeded } from '../helpers/seeded.ts';
import { check, type Expectation } from './checker.ts';
import { FaultClient, type World } from './fault-client.ts';
import type { Violation } from './record.ts';

export interface Verdict {
  readonly violations: readonly Violation[];
  readonly clients: number;
  readonly messages: number;
  readonly events: number;
  readonly frames: number;
  readonly stops: number;
  /** How many runs ended how. */
  readonly ends: Readonly<Record<string, number>>;
}

/** How many follow each session: 50 clients, most of them in company. */
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
const EXPECTATION: Expectation = {
  answer: (content) => {
    const tokens = Number(/tokens=(\d+)/.exec(content)?.[1]);
    return Array.from({ length: tokens }, (_, n) => `t${n + 1} `).join('');
  },
  askedOnce: new Set(['fragile']),
};

export class Crowd implements World {
  readonly url: string;
  epoch = 0;
  busy = true;
  up: Promise<void>;
  readonly clients: readonly FaultClient[];
  readonly #port: number;
  readonly #waiting = new Set<() => void>();
  #isUp = Promise.withResolvers<void>();

  constructor(seed: number, port: number) {
    this.#port = port;
    this.url = `ws://127.0.0.1:${port}/ws`;
    this.up = this.#isUp.promise;
    const places = SESSIONS.flatMap((size, index) =>
      Array.from({ length: size }, () => ({ session: `s${index + 1}`, ahead: size === 1 ? 2 : 1 })),
    );
    this.clients = places.map(({ session, ahead }, index) => {
      const random = seeded(seed + index + 1);
      return new FaultClient(`c${index + 1}`, session, this, random, ahead);
    });
    for (const client of this.clients) client.start();
  }

  /** The server listens: everyone comes back. */
  serverIsUp(): void {
    this.epoch += 1;
    this.#isUp.resolve();
  }

  /** The server is about to go: whoever loses it waits for the next one. */
  serverIsDown(): void {
    this.#isUp = Promise.withResolvers<void>();
    this.up = this.#isUp.promise;
  }

  noticed(): void {
    for (const look of this.#waiting) look();
  }

  /** How many see an answer being written. */
  get inMidAnswer(): number {
    return this.#count(({ inMidAnswer }) => inMidAnswer);
  }

  /** Resolves when most have joined and are in mid-answer: what a fault is worth something at. */
  gathered(): Promise<void> {
    const { length } = this.clients;
    const is = () =>
      this.#count(({ joined }) => joined) >= JOINED * length &&
      this.inMidAnswer >= IN_MID_ANSWER * length;
    return this.#until(is, PATIENCE, 'most clients have joined and are in mid-answer');
  }

  /** Lets everything come to its end, and holds what was seen against the logs. */
  async verdict(): Promise<Verdict> {
    this.busy = false;
    const settled = () => this.clients.every((client) => client.settled) && this.#equal();
    // What never settles is for the checker to name.
    await this.#until(settled, PATIENCE, 'everything has ended').catch(() => {});
    const logs = await this.#readLogs();
    this.leave();
    const late = await this.#joinLate();
    const entries = [...logs.values()].flat();
    return {
      violations: check([...this.clients, ...late], logs, EXPECTATION),
      clients: this.clients.length,
      messages: entries.filter(({ type }) => type === 'chat_message').length,
      events: entries.length,
      frames: this.clients.reduce((sum, client) => sum + client.entries.length, 0),
      stops: this.clients.reduce((sum, { seen }) => sum + seen.stopped.size, 0),
      ends: countBy(entries.filter(({ type }) => type === 'agent_response')),
    };
  }

  /** Holds what was seen so far against the logs. */
  async check(): Promise<Violation[]> {
    return check(this.clients, await this.#readLogs(), EXPECTATION);
  }

  leave(): void {
    for (const client of this.clients) client.leave();
  }

  #count(is: (client: FaultClient) => boolean): number {
    return this.clients.filter(is).length;
  }

  /** Whether all who follow a session are at the same `seq`. */
  #equal(): boolean {
    const ends = Map.groupBy(this.clients, ({ session }) => session).values();
    return [...ends].every((group) => new Set(group.map(({ seen }) => seen.last)).size === 1);
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

  get #sessions(): Set<string> {
    return new Set(this.clients.map(({ session }) => session));
  }

  /** Every log from its first event on, as HTTP gives it. */
  async #readLogs(): Promise<Map<string, HistoryEntry[]>> {
    const logs = new Map<string, HistoryEntry[]>();
    for (const session of this.#sessions) {
      const log: HistoryEntry[] = [];
      for (let more = true; more; ) {
        const after = log.at(-1)?.seq ?? 0;
        const url = `http://127.0.0.1:${this.#port}/api/sessions/${session}/messages`;
        const response = await fetch(`${url}?after_seq=${after}&limit=100`);
        // A session whose creation nobody was told of need not be there.
        if (response.status === 404) break;
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
    const late = [...this.#sessions].map(
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
