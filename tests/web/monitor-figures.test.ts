/** What the charts of the monitor are drawn from: what nodes have said, one time after the other. */
import { expect, test } from 'vitest';
import type { Metrics, NodeReport } from '../../packages/web/src/monitor/api.ts';
import { agentFigures, figuresOf, quantile } from '../../packages/web/src/monitor/figures.ts';
import { bytes, duration, rate, roundUp, span } from '../../packages/web/src/monitor/units.ts';

const BOUNDS = [0.1, 1, 10];
const histogram = (...counts: number[]) => ({ bounds: BOUNDS, counts });

interface Said {
  readonly sent?: number;
  readonly connections?: number;
  readonly startedAt?: string;
  readonly state?: NodeReport['state'];
  /** In each of the buckets. */
  readonly firstText?: readonly number[];
  readonly failed?: number;
  readonly loop?: number;
}

function report(node: string, said: Said): NodeReport {
  const { sent = 0, connections = 0, startedAt = 'start', state = 'serving', loop = 0 } = said;
  const { firstText = [0, 0, 0, 0], failed = 0 } = said;
  const complete = firstText.reduce((sum, count) => sum + count, 0) - failed;
  const metrics: Metrics = {
    started_at: startedAt,
    gauges: { connections, sessions: 0, runs_running: 0, runs_waiting: 0, outbox_bytes: 0 },
    messages: { received: {}, sent: { agent_chunk: sent - 1, pong: 1 } },
    bytes: { received: 0, sent: 0 },
    refusals: [],
    agents: {
      poet: {
        runs: { complete, cancelled: 0, error: failed, interrupted: 0 },
        first_chunk: histogram(...firstText),
        duration: histogram(0, 0, 0, 0),
      },
    },
    store_commit: histogram(0, 0, 0, 0),
    event_loop_delay: { p99: loop, max: 10 * loop },
    memory: { rss: 1 },
  };
  return { node, address: '', version: '1', role: 'all', state, heard_at: '', faults: {}, metrics };
}

/** Each 2 s after the one before. */
function samplesOf(...times: readonly Readonly<Record<string, Said>>[]) {
  return times.map((nodes, index) => ({
    at: index * 2_000,
    reports: new Map(Object.entries(nodes).map(([node, said]) => [node, report(node, said)])),
  }));
}

test('rates are differences of totals, of all nodes together or of one', () => {
  const samples = samplesOf(
    { a: { sent: 100, connections: 3 }, b: { sent: 10, connections: 1, loop: 2 } },
    { a: { sent: 120, connections: 5 }, b: { sent: 14, connections: 1, loop: 3 } },
  );
  const all = figuresOf(samples);
  expect(all.map(({ sent }) => sent)).toEqual([null, 12]);
  expect(all.map(({ connections }) => connections)).toEqual([4, 6]);
  expect(all.map(({ loopP99 }) => loopP99)).toEqual([2, 3]);
  expect(all.map(({ loopLongest }) => loopLongest)).toEqual([20, 30]);
  expect(figuresOf(samples, 'b').map(({ sent }) => sent)).toEqual([null, 2]);
  expect(figuresOf(samples, 'b').map(({ loopP99 }) => loopP99)).toEqual([2, 3]);
});

test('a node that has started anew, comes late or is silent is a gap, and no peak', () => {
  const samples = samplesOf(
    { a: { sent: 100 } },
    { a: { sent: 5_000, startedAt: 'again' }, late: { sent: 9_000 } },
    { a: { sent: 5_002, startedAt: 'again' }, late: { sent: 9_000, state: 'silent' } },
    { a: { sent: 5_004, startedAt: 'again', state: 'silent' } },
  );
  expect(figuresOf(samples).map(({ sent }) => sent)).toEqual([null, null, 1, null]);
  expect(figuresOf(samples).map(({ connections }) => connections)).toEqual([0, 0, 0, null]);
  const asleep = [samples[1], { ...samples[2], at: 60_000 }] as typeof samples;
  expect(figuresOf(asleep).map(({ sent }) => sent)).toEqual([null, null]);
});

test('how long something takes is of the last 30 s, and of the agents of all that was seen', () => {
  const samples = [
    ...samplesOf({ a: { firstText: [0, 0, 0, 0] } }, { a: { firstText: [100, 0, 0, 0] } }),
    { ...samplesOf({ a: { firstText: [100, 0, 10, 0], failed: 11 } })[0], at: 40_000 },
  ] as ReturnType<typeof samplesOf>;
  const medians = figuresOf(samples).map(({ firstTextP50 }) => firstTextP50);
  expect(medians).toEqual([null, 0.05, 5.5]);
  expect(agentFigures(samples)).toMatchObject([
    { name: 'poet', ended: 110, failedShare: 0.1, firstTextP50: expect.closeTo(0.055) },
  ]);
  expect(agentFigures(samplesOf({ a: {} }, { a: {} }))).toEqual([]);
});

test('a quantile lies within its bucket, and above the last bound nothing more is known', () => {
  expect(quantile(histogram(0, 0, 0, 0), 0.5)).toBe(null);
  expect(quantile(histogram(10, 0, 0, 0), 0.5)).toBeCloseTo(0.05);
  expect(quantile(histogram(0, 10, 0, 0), 1)).toBeCloseTo(1);
  expect(quantile(histogram(50, 49, 0, 1), 0.99)).toBeCloseTo(1);
  expect(quantile(histogram(0, 0, 0, 5), 0.5)).toBe(10);
});

test('figures have few digits and a unit', () => {
  expect([0.00034, 0.0123, 1.26, 75, 600].map((seconds) => duration(seconds, 'en'))).toEqual([
    '0.3 ms',
    '12 ms',
    '1.3 s',
    '75 s',
    '10 min',
  ]);
  expect([12, 1_500, 284_000_000].map((value) => bytes(value, 'de'))).toEqual([
    '12 B',
    '1,5 kB',
    '284 MB',
  ]);
  expect([0.25, 1_234.5].map((value) => rate(value, 'en'))).toEqual(['0.25/s', '1,235/s']);
  expect([0, 0.3, 3, 14, 101].map(roundUp)).toEqual([1, 0.4, 4, 20, 200]);
  expect([5_000, 75_000, 7_260_000, 270_000_000].map(span)).toEqual([
    '5 s',
    '1 min 15 s',
    '2 h 1 min',
    '3 d 3 h',
  ]);
});
