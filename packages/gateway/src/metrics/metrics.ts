/**
 * What this process counts, from its start. Counting what happens with every message is adding to numbers,
 * without a look at the clock and without a text that is made for it.
 */
import { CLOSE_CODES, type CloseCode, ERROR_CODES, type ErrorCode } from '@parley/protocol';
import { AgentMetrics } from './agent-metrics.ts';
import { EventLoopDelay } from './event-loop.ts';
import { Histogram } from './histogram.ts';
import { type Gauges, type MetricsSnapshot, REFUSED, type Refused } from './snapshot.ts';
import { Traffic } from './traffic.ts';

/** These are there from the start, so that the first of each is seen to be one more. */
const EVERY_CLOSE = Object.keys(CLOSE_CODES).map((code) => ({ code: Number(code) as CloseCode }));
/** Of the refusals those that are not for what was asked; all of them would be many more series. */
const EVERY_FAULT = (Object.keys(ERROR_CODES) as ErrorCode[])
  .filter((code) => ERROR_CODES[code].status >= 500)
  .flatMap((code) => REFUSED.map((what) => ({ what, code })));

export class Metrics {
  readonly traffic = new Traffic();
  /** Seconds. */
  readonly storeCommit = new Histogram();
  readonly #startedAt = new Date().toISOString();
  readonly #gauges: () => Gauges;
  readonly #agents: Map<string, AgentMetrics>;
  readonly #requests = new Counts<{ method: string; route: string; status: string }>();
  readonly #refusals = new Counts(EVERY_FAULT);
  readonly #closes = new Counts(EVERY_CLOSE);
  readonly #eventLoop = new EventLoopDelay();
  #opened = 0;

  /** `gauges` are read with each snapshot; `agents`: the names of all that there are. */
  constructor(gauges: () => Gauges, agents: readonly string[]) {
    this.#gauges = gauges;
    this.#agents = new Map(agents.map((name) => [name, new AgentMetrics()]));
  }

  /** Names are those of agents that there are, or were when a run was left unfinished: so there are only so many series. */
  ofAgent(name: string): AgentMetrics {
    const known = this.#agents.get(name);
    if (known) return known;
    const added = new AgentMetrics();
    this.#agents.set(name, added);
    return added;
  }

  countOpened(): void {
    this.#opened += 1;
  }

  countClose(code: CloseCode): void {
    this.#closes.add({ code });
  }

  /** Codes are of the protocol's tables, so that there are only so many series. */
  countRefusal(what: Refused, code: ErrorCode): void {
    this.#refusals.add({ what, code });
  }

  /** `route` is a pattern, never a path that somebody asked for: each value is a series of its own. */
  countRequest(method: string, route: string, status: number): void {
    this.#requests.add({ method, route, status: `${Math.trunc(status / 100)}xx` });
  }

  snapshot(): MetricsSnapshot {
    const { rss, heapUsed, heapTotal } = process.memoryUsage();
    return {
      started_at: this.#startedAt,
      gauges: this.#gauges(),
      ...this.traffic.snapshot(),
      connections_opened: this.#opened,
      closes: this.#closes.snapshot(),
      refusals: this.#refusals.snapshot(),
      requests: this.#requests.snapshot(),
      agents: Object.fromEntries(
        [...this.#agents].map(([name, agent]) => [name, agent.snapshot()]),
      ),
      store_commit: this.storeCommit.snapshot(),
      event_loop_delay: this.#eventLoop.read(),
      memory: { rss, heap_used: heapUsed, heap_total: heapTotal },
    };
  }

  close(): void {
    this.#eventLoop.close();
  }
}

/** How often something happened, by its labels. */
class Counts<Labels extends Readonly<Record<string, string | number>>> {
  readonly #entries = new Map<string, { readonly labels: Labels; count: number }>();

  /** `known`: what is there before it has happened. */
  constructor(known: readonly Labels[] = []) {
    for (const labels of known) this.#entryOf(labels);
  }

  add(labels: Labels): void {
    this.#entryOf(labels).count += 1;
  }

  #entryOf(labels: Labels): { count: number } {
    const key = Object.values(labels).join(' ');
    const known = this.#entries.get(key);
    if (known) return known;
    const added = { labels, count: 0 };
    this.#entries.set(key, added);
    return added;
  }

  snapshot(): readonly (Labels & { readonly count: number })[] {
    return [...this.#entries.values()].map(({ labels, count }) => ({ ...labels, count }));
  }
}
