/** What a Prometheus server may scrape of this process. */
import type { CloseCode, ErrorCode } from '@parley/protocol';
import type { Registry } from 'prom-client';

export interface Gauges {
  /** WebSocket connections that are open. */
  readonly connections: () => number;
  /** Runs that have not ended, waiting ones included. */
  readonly runs: () => number;
  /** Sessions that someone on this node follows. */
  readonly sessions: () => number;
}

/** What was refused. */
type Refused = 'upgrade' | 'message' | 'request';

export interface Metrics {
  /** Codes are of the protocol's tables, so that there are only so many series. */
  countRefusal(what: Refused, code: ErrorCode): void;
  countClose(code: CloseCode): void;
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
  const requests = new Counts();
  const refusals = new Counts();
  const closes = new Counts();
  let registry: Promise<Registry> | undefined;
  return {
    countRequest(method, route, status) {
      requests.add({ method, route, status: `${Math.trunc(status / 100)}xx` });
    },
    countRefusal(what, code) {
      refusals.add({ what, code });
    },
    countClose(code) {
      closes.add({ code: String(code) });
    },
    async render() {
      registry ??= createRegistry(gauges, { requests, refusals, closes });
      const loaded = await registry;
      return { contentType: loaded.contentType, text: await loaded.metrics() };
    },
  };
}

/** How often something happened, by its labels. */
class Counts {
  readonly #entries = new Map<string, { readonly labels: Record<string, string>; count: number }>();

  add(labels: Record<string, string>): void {
    const key = Object.values(labels).join(' ');
    const entry = this.#entries.get(key) ?? { labels, count: 0 };
    entry.count += 1;
    this.#entries.set(key, entry);
  }

  values() {
    return this.#entries.values();
  }
}

async function createRegistry(
  gauges: Gauges,
  counts: Readonly<Record<'requests' | 'refusals' | 'closes', Counts>>,
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
  const counter = (name: string, help: string, labelNames: string[], from: Counts) =>
    new Counter({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const { labels, count } of from.values()) this.inc(labels, count);
      },
    });
  counter(
    'parley_http_requests_total',
    'HTTP requests answered, by method, route and class of status.',
    ['method', 'route', 'status'],
    counts.requests,
  );
  counter(
    'parley_refusals_total',
    'Upgrades, messages and requests that were answered with an error, by its code.',
    ['what', 'code'],
    counts.refusals,
  );
  counter(
    'parley_closes_total',
    'Connections that this server decided to close, by close code.',
    ['code'],
    counts.closes,
  );
  return registry;
}
