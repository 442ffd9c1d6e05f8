/** What a Prometheus server scrapes of this process. */
import type { Metric, Registry } from 'prom-client';
import type { HistogramSnapshot } from './histogram.ts';
import type { MetricsSnapshot } from './snapshot.ts';

type Labels = Readonly<Record<string, string | number>>;

/** One line of what is scraped; `metricName`: where it is another than that of the metric. */
interface Sample {
  readonly labels: Labels;
  readonly value: number;
  readonly metricName?: string;
}

interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly name: string;
  readonly help: string;
  readonly samples: (state: State) => readonly Sample[];
}

interface State extends MetricsSnapshot {
  readonly parts: Parts;
}

/** What the node needs; `fault`: why a part is not ready, `undefined` where it is. */
type Parts = readonly { readonly name: string; readonly fault: string | undefined }[];

export interface Exposition {
  /** The text that is scraped, and its media type. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** The library is loaded at the first scrape: no start waits for it, and who never scrapes never pays for it. */
export function createExposition(
  snapshot: () => MetricsSnapshot,
  readiness: () => Promise<Parts>,
): Exposition {
  let registry: Promise<Registry> | undefined;
  let state: State;
  return {
    async render() {
      registry ??= createRegistry(() => state);
      const [loaded, parts] = await Promise.all([registry, readiness()]);
      state = { ...snapshot(), parts };
      return { contentType: loaded.contentType, text: await loaded.metrics() };
    },
  };
}

/** The figures of the process and of Node are the library's, ours are read from what is counted already. */
async function createRegistry(state: () => State): Promise<Registry> {
  const { collectDefaultMetrics, Registry } = await import('prom-client');
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  // Gauges that are called as only a counter may be; those without the ending, by type, tell the same.
  for (const kind of ['handles', 'requests', 'resources'])
    registry.removeSingleMetric(`nodejs_active_${kind}_total`);
  for (const { samples, ...definition } of DEFINITIONS) {
    const get = async () => ({ ...definition, aggregator: 'sum', values: samples(state()) });
    // Its own kinds count themselves; of one that is registered it asks no more than this.
    registry.registerMetric({ ...definition, get } as unknown as Metric);
  }
  return registry;
}

const DEFINITIONS: readonly Definition[] = [
  gauge(
    'parley_connections',
    'WebSocket connections that are open.',
    (gauges) => gauges.connections,
  ),
  gauge(
    'parley_connections_behind',
    'Connections whose reader has not taken yet what was sent.',
    (gauges) => gauges.connections_behind,
  ),
  gauge(
    'parley_outbox_bytes',
    'Bytes that wait for readers that are behind.',
    (gauges) => gauges.outbox_bytes,
  ),
  gauge(
    'parley_inbox_messages',
    'Messages of clients that wait to be handled.',
    (gauges) => gauges.inbox_messages,
  ),
  gauge(
    'parley_sessions',
    'Sessions that someone follows on this node.',
    ({ sessions }) => sessions,
  ),
  gauge(
    'parley_store_writes_waiting',
    'Writes that the store has not answered yet.',
    (gauges) => gauges.store_writes_waiting,
  ),
  {
    type: 'gauge',
    name: 'parley_runs',
    help: 'Runs that have not ended: running, or waiting for their turn.',
    samples: ({ gauges }) => [
      { labels: { state: 'running' }, value: gauges.runs_running },
      { labels: { state: 'waiting' }, value: gauges.runs_waiting },
    ],
  },
  gauge(
    'parley_max_connections',
    'The setting maxConnections: more are refused.',
    (gauges) => gauges.max_connections,
  ),
  gauge(
    'parley_max_runs',
    'The setting maxRuns: more wait for their turn.',
    (gauges) => gauges.max_runs,
  ),
  {
    type: 'gauge',
    name: 'parley_part_ready',
    help: 'Whether a part that this node needs is ready (1) or not (0), as /readyz says it.',
    samples: ({ parts }) =>
      parts.map(({ name, fault }) => ({
        labels: { part: name },
        value: fault === undefined ? 1 : 0,
      })),
  },
  {
    type: 'counter',
    name: 'parley_connections_opened_total',
    help: 'WebSocket connections that were opened.',
    samples: ({ connections_opened }) => [{ labels: {}, value: connections_opened }],
  },
  {
    type: 'counter',
    name: 'parley_closes_total',
    help: 'Connections that this server decided to close, by close code.',
    samples: ({ closes }) => closes.map(toSample),
  },
  {
    type: 'counter',
    name: 'parley_messages_total',
    help: 'Messages over WebSocket connections, by direction and type.',
    samples: ({ messages }) =>
      Object.entries(messages).flatMap(([direction, byType]) =>
        Object.entries(byType).map(([type, value]) => ({ labels: { direction, type }, value })),
      ),
  },
  {
    type: 'counter',
    name: 'parley_message_bytes_total',
    help: 'Bytes of messages over WebSocket connections: received as unpacked, sent as they go out.',
    samples: ({ bytes }) =>
      Object.entries(bytes).map(([direction, value]) => ({ labels: { direction }, value })),
  },
  {
    type: 'counter',
    name: 'parley_refusals_total',
    help: 'Upgrades, messages and requests that were answered with an error, by its code.',
    samples: ({ refusals }) => refusals.map(toSample),
  },
  {
    type: 'counter',
    name: 'parley_http_requests_total',
    help: 'HTTP requests answered, by method, route and class of status.',
    samples: ({ requests }) => requests.map(toSample),
  },
  {
    type: 'counter',
    name: 'parley_runs_ended_total',
    help: 'Runs that have ended here, by agent and end.',
    samples: ({ agents }) =>
      Object.entries(agents).flatMap(([agent, { runs }]) =>
        Object.entries(runs).map(([end, value]) => ({ labels: { agent, end }, value })),
      ),
  },
  histogram(
    'parley_run_first_chunk_seconds',
    'From the call of an agent to its first text.',
    ({ agents }) =>
      Object.entries(agents).map(([agent, { first_chunk }]) => [{ agent }, first_chunk] as const),
  ),
  histogram(
    'parley_run_duration_seconds',
    'From the call of an agent to the end of its run on disk.',
    ({ agents }) =>
      Object.entries(agents).map(([agent, { duration }]) => [{ agent }, duration] as const),
  ),
  histogram(
    'parley_store_commit_seconds',
    'How long a batch of writes took to get on disk.',
    ({ store_commit }) => [[{}, store_commit]],
  ),
];

function gauge(
  name: string,
  help: string,
  read: (gauges: MetricsSnapshot['gauges']) => number,
): Definition {
  const samples = ({ gauges }: State) => [{ labels: {}, value: read(gauges) }];
  return { type: 'gauge', name, help, samples };
}

function histogram(
  name: string,
  help: string,
  read: (state: State) => readonly (readonly [Labels, HistogramSnapshot])[],
): Definition {
  const samples = (state: State) =>
    read(state).flatMap(([labels, { bounds, counts, sum }]) => {
      let count = 0;
      const buckets = counts.map((own, index) => {
        count += own;
        const le = bounds[index] ?? '+Inf';
        return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count };
      });
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels, value: sum },
        { metricName: `${name}_count`, labels, value: count },
      ];
    });
  return { type: 'histogram', name, help, samples };
}

function toSample({ count, ...labels }: Labels & { readonly count: number }): Sample {
  return { labels, value: count };
}
