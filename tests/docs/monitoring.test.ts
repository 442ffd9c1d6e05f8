/** Dashboard, alert rules and the table of metrics, held against what a server prints. */
import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { type Scraped, scrape } from '../helpers/metrics.ts';
import { TestSocket } from '../helpers/socket.ts';
import { anchorsIn } from './pages.ts';
import { ROOT } from './program.ts';

interface Query {
  readonly from: string;
  readonly expr: string;
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string; readonly datasource: { uid: string } }[];
  }[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly definition?: string }[];
  };
}

const read = (file: string) => readFile(`${ROOT}/${file}`, 'utf8');
const operations = await read('docs/operations.md');
const dashboard = JSON.parse(await read('examples/monitoring/dashboard.json')) as Dashboard;
const { groups } = parse(await read('examples/monitoring/alerts.yml')) as {
  groups: readonly { readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const queries: readonly Query[] = [
  ...rules.map(({ alert, expr }) => ({ from: alert, expr })),
  ...dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ from: title, expr })),
  ),
  ...dashboard.templating.list.flatMap(({ name, definition }) =>
    definition === undefined ? [] : [{ from: name, expr: definition }],
  ),
];

/** Prometheus makes it itself, of whether a scrape succeeded. */
const OF_PROMETHEUS = 'up';
const NAME = /\b(?:up|(?:parley|nodejs|process)_[a-z0-9_]+)\b/g;

let scraped: Scraped;
/** By name of a series which labels it has. */
const labels = new Map<string, Set<string>>();

/** A server in which everything has happened that is counted by labels. */
beforeAll(async () => {
  const { http, ws } = await startGateway(
    { agents: [echoAgent], store: 'sqlite:', dataDir: await temporaryDirectory(onFinished) },
    onFinished,
  );
  const client = await TestSocket.open(ws, { onFinished });
  const session_id = await client.create();
  client.send({ type: 'chat_message', session_id, message_id: 'm', data: { content: 'x' } });
  await client.next('agent_response');
  await fetch(`${http}/none`);
  for (let sent = 0; sent < 1_200; sent += 1) client.raw('{}');
  await client.closed;
  scraped = await scrape(http);
  for (const name of scraped.names) {
    const series = scraped.named(name).map((one) => [...one.matchAll(/(\w+)="/g)]);
    labels.set(name, new Set(series.flatMap((found) => found.map(([, label = '']) => label))));
  }
  return () => Promise.all(disposals.reverse().map((dispose) => dispose()));
});
const disposals: (() => unknown)[] = [];
function onFinished(dispose: () => unknown): void {
  disposals.push(dispose);
}

test('every metric that the dashboard and the rules ask for is printed', () => {
  expect(queries.length).toBeGreaterThan(40);
  const unknown = queries.flatMap(({ from, expr }) => {
    const names = [...expr.matchAll(NAME)].map(([name]) => name);
    expect([from, names.length > 0]).toEqual([from, true]);
    return names
      .filter((name) => name !== OF_PROMETHEUS && !labels.has(name))
      .map((name) => `${from}: ${name}`);
  });
  expect(unknown).toEqual([]);
});

test('every label that they choose by is one of the metric’s', () => {
  const unknown = queries.flatMap(({ from, expr }) =>
    [...expr.matchAll(/((?:parley|nodejs|process)_[a-z0-9_]+)\{([^}]*)\}/g)].flatMap(
      ([, name = '', selectors = '']) =>
        [...selectors.matchAll(/(\w+)(?:=~|!=|!~|=)"/g)]
          .map(([, label = '']) => label)
          .filter((label) => !OF_SCRAPE.has(label) && !labels.get(name)?.has(label))
          .map((label) => `${from}: ${name} has no ${label}`),
    ),
  );
  expect(unknown).toEqual([]);
});
const OF_SCRAPE: ReadonlySet<string> = new Set(['job', 'instance']);

test('docs/operations.md has all metrics of ours, with type and labels, and no others', () => {
  const written = [...operations.matchAll(/^\| `(parley_\w+)` \| (\w+) \|(.*?)\| .+ \|$/gm)].map(
    ([, name, type, cell = '']) => {
      const named = cell.replaceAll(/\([^)]*\)/g, '').matchAll(/`(\w+)`/g);
      return [name, type, [...named].map(([, label]) => label)];
    },
  );
  const printed = [...scraped.types]
    .filter(([name]) => name.startsWith('parley_'))
    .map(([name, type]) => {
      const series = type === 'histogram' ? `${name}_count` : name;
      return [name, type, [...(labels.get(series) ?? [])]];
    });
  expect(written.sort()).toEqual(printed.sort());
  const others = [...operations.matchAll(/`((?:nodejs|process)_[a-z0-9_]+)`/g)];
  expect(others.filter(([, name = '']) => !labels.has(name))).toEqual([]);
});

test('[R12] every alert says how bad it is and where it stands what to do', () => {
  const anchors = anchorsIn({ file: 'docs/operations.md', text: operations });
  for (const { alert, labels: given, annotations } of rules) {
    expect(['critical', 'warning']).toContain(given.severity);
    expect(annotations.summary).toContain('$labels');
    expect(annotations.runbook).toBe(`docs/operations.md#${alert.toLowerCase()}`);
    expect(anchors).toContain(alert.toLowerCase());
  }
  const described = [...operations.matchAll(/^### (Parley\w+)$/gm)].map(([, alert]) => alert);
  expect(described).toEqual(rules.map(({ alert }) => alert));
});

test('the dashboard is of the data source that is chosen in it', () => {
  const [source, ...others] = dashboard.templating.list.map(({ name }) => name);
  expect(others).toEqual(['job', 'instance']);
  const uids = dashboard.panels.flatMap(({ targets = [] }) =>
    targets.map(({ datasource }) => datasource.uid),
  );
  expect(new Set(uids)).toEqual(new Set([`\${${source}}`]));
});
