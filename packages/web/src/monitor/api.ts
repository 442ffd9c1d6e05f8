/** What the monitor asks of the server; the fields are described in docs/http-api.md. */

/** How long something took: upper bounds of the buckets in seconds, and how many fell into each, one more than bounds. */
export interface Histogram {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
}

export interface AgentTotals {
  readonly runs: Readonly<Record<'complete' | 'cancelled' | 'error' | 'interrupted', number>>;
  readonly first_chunk: Histogram;
  readonly duration: Histogram;
}

/** Totals since the node's start, and how much there is now. Seconds and bytes. */
export interface Metrics {
  readonly started_at: string;
  readonly gauges: {
    readonly connections: number;
    readonly sessions: number;
    readonly runs_running: number;
    readonly runs_waiting: number;
    readonly outbox_bytes: number;
  };
  readonly messages: Readonly<Record<'received' | 'sent', Readonly<Record<string, number>>>>;
  readonly bytes: Readonly<Record<'received' | 'sent', number>>;
  readonly refusals: readonly { readonly code: string; readonly count: number }[];
  readonly agents: Readonly<Record<string, AgentTotals>>;
  readonly store_commit: Histogram;
  readonly event_loop_delay: { readonly p99: number; readonly max: number };
  readonly memory: { readonly rss: number };
}

export interface NodeReport {
  readonly node: string;
  readonly address: string;
  readonly version: string;
  readonly role: 'all' | 'gateway' | 'worker';
  readonly state: 'serving' | 'draining' | 'silent';
  readonly heard_at: string;
  readonly faults: Readonly<Record<string, string>>;
  readonly metrics: Metrics;
}

export interface Connection {
  readonly id: string;
  readonly person: string | null;
  readonly address: string;
  readonly profile: string;
  readonly since: string;
  readonly sessions: number;
  readonly bytes_behind: number;
}

export interface ConnectionPage {
  readonly node: string;
  readonly connections: readonly Connection[];
  readonly total: number;
  readonly has_more: boolean;
}

export interface SessionInfo {
  readonly id: string;
  readonly title: string | null;
  readonly agent: string;
  readonly created_at: string;
  readonly last_used: string;
  readonly last_seq: number;
}

/** An event of a log; what else it has depends on its type. */
export interface LogEntry {
  readonly type: string;
  readonly seq: number;
  readonly timestamp: string;
  readonly message_id: string;
  readonly run_id?: string;
  readonly attempt?: number;
  readonly [field: string]: unknown;
}

export interface LogPage {
  readonly messages: readonly LogEntry[];
  readonly first_seq: number;
  readonly last_seq: number;
}

/** The server has answered, and refused. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly code: string;

  constructor(status: number, { code, message }: { code: string; message: string }) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Without an answer for so long the server is away, milliseconds. */
const PATIENCE_MS = 5_000;

/** @throws {Refusal}; {Error} where the server does not answer. */
async function request<Data>(method: string, path: string, body?: object): Promise<Data> {
  const response = await fetch(path, {
    method,
    signal: AbortSignal.timeout(PATIENCE_MS),
    ...(body && {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    }),
  });
  const answer = (await response.json()) as {
    data: Data;
    error: { code: string; message: string };
  };
  if (!response.ok) throw new Refusal(response.status, answer.error);
  return answer.data;
}

export async function loadReports(): Promise<readonly NodeReport[]> {
  return (await request<{ nodes: readonly NodeReport[] }>('GET', '/api/monitor')).nodes;
}

export function loadConnections(query: Readonly<Record<string, string>>): Promise<ConnectionPage> {
  return request('GET', `/api/monitor/connections?${new URLSearchParams(query)}`);
}

export async function cutConnection(id: string): Promise<void> {
  await request('DELETE', `/api/monitor/connections/${encodeURIComponent(id)}`);
}

export async function drainNode(node: string, force: boolean): Promise<void> {
  await request('POST', `/api/monitor/nodes/${encodeURIComponent(node)}/drain`, { force });
}

export function loadSession(id: string): Promise<SessionInfo> {
  return request('GET', `/api/sessions/${encodeURIComponent(id)}`);
}

export function loadLog(id: string, query: Readonly<Record<string, string>>): Promise<LogPage> {
  const path = `/api/sessions/${encodeURIComponent(id)}/messages`;
  return request('GET', `${path}?${new URLSearchParams(query)}`);
}
