/**
 * What one process counts, as it stands: totals since its start, and how much there is of something now. Plain
 * JSON, for what is scraped here and for who asks every node.
 */
import type { CloseCode, ErrorCode } from '@parley/protocol';
import type { AgentSnapshot } from './agent-metrics.ts';
import type { EventLoopSnapshot } from './event-loop.ts';
import type { HistogramSnapshot } from './histogram.ts';
import type { TrafficSnapshot } from './traffic.ts';

export interface ConnectionGauges {
  /** WebSocket connections that are open. */
  readonly connections: number;
  /** Those of them whose reader has not taken what was sent yet. */
  readonly connections_behind: number;
  /** Bytes that wait for such readers, beside what the system keeps for them. */
  readonly outbox_bytes: number;
  /** Messages of clients that wait to be handled. */
  readonly inbox_messages: number;
}

export interface RunGauges {
  readonly runs_running: number;
  /** Runs that wait for their turn. */
  readonly runs_waiting: number;
}

export interface Gauges extends ConnectionGauges, RunGauges {
  /** The settings, beside which the others are read. */
  readonly max_connections: number;
  readonly max_runs: number;
  /** Sessions that someone follows here. */
  readonly sessions: number;
  /** Writes that the store was asked for and has not answered. */
  readonly store_writes_waiting: number;
}

/** What was refused. */
export const REFUSED = ['upgrade', 'message', 'request'] as const;
export type Refused = (typeof REFUSED)[number];

export interface MetricsSnapshot extends TrafficSnapshot {
  /** When the counting began, RFC 3339: a total that is lower than before has begun anew. */
  readonly started_at: string;
  readonly gauges: Gauges;
  readonly connections_opened: number;
  readonly closes: readonly { readonly code: CloseCode; readonly count: number }[];
  readonly refusals: readonly {
    readonly what: Refused;
    readonly code: ErrorCode;
    readonly count: number;
  }[];
  readonly requests: readonly {
    readonly method: string;
    readonly route: string;
    readonly status: string;
    readonly count: number;
  }[];
  /** By name. */
  readonly agents: Readonly<Record<string, AgentSnapshot>>;
  /** How long batches of writes took to get on disk; nothing in the memory store does. */
  readonly store_commit: HistogramSnapshot;
  readonly event_loop_delay: EventLoopSnapshot;
  /** Bytes. */
  readonly memory: {
    readonly rss: number;
    readonly heap_used: number;
    readonly heap_total: number;
  };
}
