/** People in mid-answer, whatever becomes of the server, and the verdict on what they saw. */
import type { HistoryEntry } from '@parley/protocol';
import { seeded } from '../helpers/seeded.ts';
import { check, type Expectation } from './checker.ts';
import { FaultClient, type World } from './fault-client.ts';
import { readLog } from './logs.ts';
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
  /** How many answers were begun anew. */
  readonly retried: number;
  /** With which codes the server ended connections, and how often. */
  readonly closes: Readonly<Record<string, number>>;
  /** From the loss of a connection until everything missed was there, milliseconds. */
  readonly resumed: {
    readonly times: number;
    readonly p50: number;
    readonly p99: number;
    readonly max: number;
  };
}

/** How many follow each session: 50 clients, most of them in company. */
export const FIFTY = [
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

export interface CrowdOptions {
  /** Where clients connect, where that is not the server itself. */
  readonly through?: number;
  /** How many follow each session; default: fifty in all. */
  readonly sizes?: readonly number[];
  /** Begins the names of its sessions. */
  readonly name?: string;
  readonly heartbeat?: number;
  /** How many words a second they are answered with, at the least and at the most. Default: 25 and 60. */
  readonly pace?: readonly [from: number, to: number];
  /** The codes of errors that they may get, because what they are about was taken away. */
  readonly errors?: readonly string[];
}

export class Crowd implements World {
  readonly url: string;
  readonly heartbeat: number | undefined;
  epoch = 0;
  busy = true;
  up: Promise<void>;
  readonly pace: readonly [from: number, to: number];
  readonly clients: readonly FaultClient[];
  readonly #port: number;
  readonly #expectation: Expectation;
  readonly #waiting = new Set<() => void>();
  #isUp = Promise.withResolvers<void>();

  /** @param port of the server, from which logs are read */
  constructor(seed: number, port: number, options: CrowdOptions = {}) {
    const { through = port, sizes = FIFTY, name = 's', heartbeat } = options;
    const { pace = [25, 60], errors = [] } = options;
    this.pace = pace;
    this.#expectation = { ...EXPECTATION, errors: new Set(errors) };
    this.#port = port;
    this.url = `ws://127.0.0.1:${through}/ws`;
    this.heartbeat = heartbeat;
    this.up = this.#isUp.promise;
    const places = sizes.flatMap((size, index) =>
      Array.from({ length: size }, () => ({
        session: `${name}${index + 1}`,
        ahead: size === 1 ? 2 : 1,
      })),
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

  /** Resolves when all have joined. */
  joined(): Promise<void> {
    const is = () => this.clients.every(({ joined }) => joined);
    return this.#until(is, PATIENCE, 'all clients have joined');
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
    const all = [...this.clients, ...late];
    const ends = entries.filter(({ type }) => type === 'agent_response');
    return {
      violations: [...check(all, logs, this.#expectation), ...all.flatMap(unfinished)],
      clients: this.clients.length,
      messages: entries.filter(({ type }) => type === 'chat_message').length,
      events: entries.length,
      frames: this.clients.reduce((sum, client) => sum + client.entries.length, 0),
      stops: this.clients.reduce((sum, { seen }) => sum + seen.stopped.size, 0),
      ends: countBy(ends.map(({ status }) => status)),
      retried: ends.filter(({ attempt = 1 }) => attempt > 1).length,
      closes: countBy(this.clients.flatMap(({ closes }) => closes)),
      resumed: quantiles(this.clients.flatMap(({ resumes }) => resumes)),
    };
  }

  /** Holds what was seen so far against the logs. */
  async check(): Promise<Violation[]> {
    return check(this.clients, await this.#readLogs(), this.#expectation);
  }

  /** Resolves when everyone has an acknowledgement who waits for one now. */
  async served(): Promise<void> {
    const waiting = this.clients.flatMap(({ unacknowledged }) =>
      [...unacknowledged.keys()].map((id) => ({ unacknowledged, id })),
    );
    const are = () => waiting.every(({ unacknowledged, id }) => !unacknowledged.has(id));
    await this.#until(are, PATIENCE, 'what was sent is acknowledged');
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
    for (const session of this.#sessions) logs.set(session, await readLog(this.#port, session));
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

/** What somebody still shows as being written, after everything has ended. */
function unfinished({ client, session, seen }: FaultClient): Violation[] {
  if (!seen.answer) return [];
  const text = `${client} was never told the end of run ${seen.answer.run}`;
  return [{ rule: 'R6', session, text }];
}

function countBy(values: readonly unknown[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[String(value)] = (counts[String(value)] ?? 0) + 1;
  return counts;
}

function quantiles(values: readonly number[]): Verdict['resumed'] {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number) =>
    Math.round(sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0);
  return { times: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}
