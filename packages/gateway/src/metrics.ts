/** What a Prometheus server may scrape of this process. */
import type { Registry } from 'prom-client';

export interface Gauges {
  /** WebSocket connections that are open. */
  readonly connections: () => number;
  /** Runs that have not ended, waiting ones included. */
  readonly runs: () => number;
  /** Sessions that someone on this node follows. */
  readonly sessions: () => number;
}

export interface Metrics {
  /** `route` is a pattern, never a path that somebody asked for: each value is a series of its own. */
  countRequest(method: string, route: string, status: number): void;
  /** The text that is scraped, and its media type. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/**
 * Counts from the start, without the library: it is loaded at the first scrape, so that a start does
 * not wait for it and who never scrapes never pays for it.
 */
export function createMetrics(gauges: Gauges): Metrics {
  const requests = new Map<string, { labels: Record<string, string>; count: number }>();
  let registry: Promise<Registry> | undefined;
  return {
    countRequest(method, route, status) {
      const labels = { method, route, status: `${Math.trunc(status / 100)}xx` };
      const key = Object.values(labels).join(' ');
      const entry = requests.get(key) ?? { labels, count: 0 };
      entry.count += 1;
      requests.set(key, entry);
    },
    async render() {
      registry ??= createRegistry(gauges, () => requests.values());
      const loaded = await registry;
      return { contentType: loaded.contentType, text: await loaded.metrics() };
    },
  };
}

async function createRegistry(
  gauges: Gauges,
  requests: () => Iterable<{ readonly labels: Record<string, string>; readonly count: number }>,
): Promise<Registry> {
  const { collectDefaultMetrics, Counter, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge('parley_connections', 'WebSocket connections that are open.', gauges.connections);
  gauge('parley_runs', 'Runs that have not ended, waiting ones included.', gauges.runs);
  gauge('parley_sessions', 'Sessions that someone follows on this node.', gauges.sessions);
  new Counter({
    name: 'parley_http_requests_total',
    help: 'HTTP requests answered, by method, route and class of status.',
    labelNames: ['method', 'route', 'status'],
    registers,
    collect() {
      this.reset();
      for (const { labels, count } of requests()) this.inc(labels, count);
    },
  });
  return registry;
}
