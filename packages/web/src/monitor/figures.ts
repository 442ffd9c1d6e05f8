/**
 * The figures of the charts, made of what nodes have said: rates are differences of totals, so that a node
 * that has started anew is a gap and not a peak.
 */
import type { AgentTotals, Histogram, Metrics, NodeReport } from './api.ts';
import { POLL_MS, type Sample } from './poll.ts';

/** What is missing is a gap in the chart. */
export type Figure = number | null;

/** At one time: how many there are, how many there were a second, seconds, bytes. */
export interface Figures {
  readonly connections: Figure;
  readonly sessions: Figure;
  readonly running: Figure;
  readonly waiting: Figure;
  readonly received: Figure;
  readonly sent: Figure;
  readonly bytesReceived: Figure;
  readonly bytesSent: Figure;
  readonly refused: Figure;
  readonly failed: Figure;
  readonly firstTextP50: Figure;
  readonly firstTextP99: Figure;
  readonly commitP50: Figure;
  readonly commitP99: Figure;
  /** Of the node that is worst. */
  readonly loopP99: Figure;
  readonly loopLongest: Figure;
  readonly memory: Figure;
}

export interface AgentFigures {
  readonly name: string;
  /** Answers that have ended. */
  readonly ended: number;
  /** 0 to 1. */
  readonly failedShare: number;
  readonly firstTextP50: Figure;
  readonly firstTextP99: Figure;
  readonly durationP50: Figure;
  readonly durationP99: Figure;
}

/** Over how long something has to have been measured to say how long it takes, milliseconds. */
const SPAN_MS = 30_000;
/** What is further apart was not observed in between, milliseconds. */
const GAP_MS = 5 * POLL_MS;

/** For each sample; of one node, or of all together. */
export function figuresOf(samples: readonly Sample[], node?: string): readonly Figures[] {
  return samples.map((sample, index) => {
    const now = heard(sample, node);
    const pairs = pairsOf(samples[index - 1], sample, node);
    const seconds = (sample.at - (samples[index - 1]?.at ?? sample.at)) / 1_000;
    const isGap = seconds * 1_000 > GAP_MS;
    const rate = (read: (metrics: Metrics) => number): Figure =>
      pairs.length === 0 || isGap ? null : sum(pairs, difference(read)) / seconds;
    const count = (read: (metrics: Metrics) => number): Figure =>
      now.length === 0 ? null : now.reduce((total, { metrics }) => total + read(metrics), 0);
    const worst = (read: (metrics: Metrics) => number): Figure =>
      now.length === 0 ? null : Math.max(...now.map(({ metrics }) => read(metrics)));
    const span = pairsOf(spanStart(samples, index), sample, node);
    const firstText = merge(span, (metrics) =>
      Object.values(metrics.agents).map((agent) => agent.first_chunk),
    );
    const commit = merge(span, ({ store_commit }) => [store_commit]);
    return {
      connections: count(({ gauges }) => gauges.connections),
      sessions: count(({ gauges }) => gauges.sessions),
      running: count(({ gauges }) => gauges.runs_running),
      waiting: count(({ gauges }) => gauges.runs_waiting),
      received: rate(({ messages }) => total(messages.received)),
      sent: rate(({ messages }) => total(messages.sent)),
      bytesReceived: rate(({ bytes }) => bytes.received),
      bytesSent: rate(({ bytes }) => bytes.sent),
      refused: rate(({ refusals }) => refusals.reduce((all, one) => all + one.count, 0)),
      failed: rate(({ agents }) => Object.values(agents).reduce((all, one) => all + bad(one), 0)),
      firstTextP50: quantile(firstText, 0.5),
      firstTextP99: quantile(firstText, 0.99),
      commitP50: quantile(commit, 0.5),
      commitP99: quantile(commit, 0.99),
      loopP99: worst(({ event_loop_delay: { p99 } }) => p99),
      loopLongest: worst(({ event_loop_delay: { max } }) => max),
      memory: count(({ memory }) => memory.rss),
    };
  });
}

/** Of the agents that have answered within the window, the slowest to say something first. */
export function agentFigures(samples: readonly Sample[], node?: string): readonly AgentFigures[] {
  const pairs = pairsOf(samples[0], samples.at(-1), node);
  const names = new Set(pairs.flatMap(({ after }) => Object.keys(after.agents)));
  const figures = Array.from(names, (name): AgentFigures => {
    const count = (read: (agent: AgentTotals) => number) =>
      sum(pairs, ({ before, after }) => {
        const [earlier, later] = [before.agents[name], after.agents[name]];
        return (later ? read(later) : 0) - (earlier ? read(earlier) : 0);
      });
    const timing = (kind: 'first_chunk' | 'duration') =>
      merge(pairs, ({ agents }) => (agents[name] ? [agents[name][kind]] : []));
    const ended = count(({ runs }) => total(runs));
    const [firstText, duration] = [timing('first_chunk'), timing('duration')];
    return {
      name,
      ended,
      failedShare: ended === 0 ? 0 : count(bad) / ended,
      firstTextP50: quantile(firstText, 0.5),
      firstTextP99: quantile(firstText, 0.99),
      durationP50: quantile(duration, 0.5),
      durationP99: quantile(duration, 0.99),
    };
  });
  return figures
    .filter(({ ended, firstTextP50 }) => ended > 0 || firstTextP50 !== null)
    .sort((a, b) => (b.firstTextP99 ?? 0) - (a.firstTextP99 ?? 0));
}

/**
 * Below which value so large a part lies, between the bounds of its bucket as if it were filled evenly; of what
 * has no bound above, the one below. `null`: nothing was measured.
 */
export function quantile({ bounds, counts }: Histogram, part: number): Figure {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (all === 0) return null;
  let left = part * all;
  for (const [bucket, count] of counts.entries()) {
    const upper = bounds[bucket];
    if (upper === undefined) break;
    const lower = bounds[bucket - 1] ?? 0;
    if (left <= count) return lower + (upper - lower) * (count === 0 ? 1 : left / count);
    left -= count;
  }
  return bounds.at(-1) ?? null;
}

interface Pair {
  readonly before: Metrics;
  readonly after: Metrics;
}

/** What the nodes have counted at both times, without having started anew in between. */
function pairsOf(before: Sample | undefined, after: Sample | undefined, node?: string): Pair[] {
  if (!before || !after || before === after) return [];
  return heard(after, node).flatMap((report): Pair[] => {
    const earlier = before.reports.get(report.node);
    if (!earlier || earlier.metrics.started_at !== report.metrics.started_at) return [];
    return [{ before: earlier.metrics, after: report.metrics }];
  });
}

/** Of a node that is silent nothing is known. */
function heard({ reports }: Sample, node?: string): NodeReport[] {
  return [...reports.values()].filter(
    (report) => report.state !== 'silent' && (node === undefined || report.node === node),
  );
}

/** The sample from which on it is measured how long something takes at another one. */
function spanStart(samples: readonly Sample[], index: number): Sample | undefined {
  const end = samples[index];
  let start = index;
  while (start > 0 && end && end.at - (samples[start]?.at ?? 0) < SPAN_MS) start -= 1;
  return samples[start];
}

/** What was measured between the two times of all pairs, in one histogram. */
function merge(pairs: readonly Pair[], read: (metrics: Metrics) => Histogram[]): Histogram {
  let bounds: readonly number[] = [];
  const counts: number[] = [];
  const add = (histogram: Histogram, sign: 1 | -1): void => {
    bounds = histogram.bounds;
    for (const [bucket, count] of histogram.counts.entries())
      counts[bucket] = (counts[bucket] ?? 0) + sign * count;
  };
  for (const { before, after } of pairs) {
    for (const histogram of read(after)) add(histogram, 1);
    for (const histogram of read(before)) add(histogram, -1);
  }
  return { bounds, counts };
}

function difference(read: (metrics: Metrics) => number) {
  return ({ before, after }: Pair): number => read(after) - read(before);
}

function sum(pairs: readonly Pair[], read: (pair: Pair) => number): number {
  return pairs.reduce((all, pair) => all + read(pair), 0);
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}

function bad({ runs }: AgentTotals): number {
  return runs.error + runs.interrupted;
}
