/**
 * How work grows with the nodes, and what each part costs, for docs/scaling.md: `npm run bench:nodes`, into
 * RESULTS-nodes.md. BENCH_RUNS and BENCH_SECONDS make it shorter or longer.
 */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from './nodes/client.ts';
import { Cluster } from './nodes/cluster.ts';
import { chunkCost, idleCost, messageCost, perUnit } from './nodes/costs.ts';
import { circumstances, type Figure, table } from './results.ts';

const RUNS = Number(process.env.BENCH_RUNS ?? 5);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 4);
const RESULTS = join(import.meta.dirname, 'RESULTS-nodes.md');

/** People who each wait for an answer before they ask again, dealt evenly to the nodes. */
const PEOPLE = 48;
const QUESTION = 'tokens=20';
const IDLE = 2_000;

const figures = new Map<string, { unit: string; runs: number[] }>();

function note(what: string, unit: string, value: number): void {
  const figure = figures.get(what) ?? { unit, runs: [] };
  figures.set(what, figure);
  figure.runs.push(value);
}

async function throughput(cluster: Cluster, count: number) {
  const clients = await Promise.all(
    Array.from({ length: PEOPLE }, async (_, index) => {
      const client = await Client.open(cluster.nodes[index % count]?.ws ?? '');
      await client.enter();
      return client;
    }),
  );
  let isOver = false;
  const asking = clients.map(async (client) => {
    while (!isOver) await client.ask(QUESTION);
  });
  const answered = () => clients.reduce((sum, { ends }) => sum + ends, 0);
  await delay(1_000);
  const [from, before] = [answered(), await cluster.spent()];
  await delay(SECONDS * 1_000);
  const answers = answered() - from;
  const cost = perUnit(before, await cluster.spent(), answers);
  isOver = true;
  await Promise.all(asking);
  for (const client of clients) client.close();
  return {
    redis: cost.redis,
    perSecond: answers / cost.seconds,
    processor: cost.node.slice(0, count).reduce((sum, each) => sum + each, 0),
  };
}

async function compare(cluster: Cluster): Promise<void> {
  for (let run = 0; run < RUNS; run += 1) {
    const found = new Map<number, Awaited<ReturnType<typeof throughput>>>();
    // Each number has each place in a run once in three, so that what warms up or fills favours none.
    for (let place = 0; place < 3; place += 1) {
      const count = ((run + place) % 3) + 1;
      found.set(count, await throughput(cluster, count));
    }
    const one = found.get(1);
    for (const [count, { perSecond, processor, redis }] of [...found].sort(([a], [b]) => a - b)) {
      const name = count === 1 ? '1 node' : `${count} nodes`;
      note(`${name}: answers`, '/s', perSecond);
      note(`${name}: processor time of the nodes for an answer`, 'µs', processor);
      note(`${name}: processor time of Redis for an answer`, 'µs', redis);
      if (count === 1 || !one) continue;
      note(
        `${name}: answers, of those of 1 node in the same run`,
        '%',
        (100 * perSecond) / one.perSecond,
      );
      note(
        `${name}: processor time, of that of 1 node in the same run`,
        '%',
        (100 * processor) / one.processor,
      );
    }
  }
}

async function measureMessages(cluster: Cluster): Promise<void> {
  for (let run = 0; run < RUNS; run += 1) {
    for (const [people, each] of [
      [1, 100],
      [PEOPLE, 30],
    ] as const) {
      const cost = await messageCost(cluster, people, each);
      const of = people === 1 ? 'A message alone' : `A message, ${people} at once`;
      note(`${of}: processor time of its node`, 'µs', cost.node[0] ?? 0);
      note(`${of}: processor time of PostgreSQL`, 'µs', cost.postgres);
      note(`${of}: commits of PostgreSQL for 100`, '', cost.commits * 100);
      note(`${of}: bytes of PostgreSQL's log`, 'B', cost.walBytes);
      note(`${of}: processor time of Redis`, 'µs', cost.redis);
      note(`${of}: commands to Redis`, '', cost.commands);
      note(`${of}: bytes to Redis`, 'B', cost.redisIn);
    }
  }
}

async function measureChunks(cluster: Cluster): Promise<void> {
  const READERS = 10;
  for (let run = 0; run < RUNS; run += 1) {
    const alone = await chunkCost(cluster, 1, 0);
    const more = await chunkCost(cluster, 1 + READERS, 0);
    const afar = await chunkCost(cluster, 1, 1);
    const moreAfar = await chunkCost(cluster, 1, 1 + READERS);
    const node = (cost: typeof alone, index: number) => cost.node[index] ?? 0;
    note('A piece: processor time of the node that writes it, one reader', 'µs', node(alone, 0));
    note(
      'A piece: each further reader on the node that writes it',
      'µs',
      (node(more, 0) - node(alone, 0)) / READERS,
    );
    note(
      'A piece: processor time of another node, one reader',
      'µs',
      node(afar, 1) - node(alone, 1),
    );
    note(
      'A piece: each further reader on another node',
      'µs',
      (node(moreAfar, 1) - node(afar, 1)) / READERS,
    );
    note('A piece: processor time of Redis, nobody elsewhere', 'µs', alone.redis);
    note('A piece: processor time of Redis for each other node', 'µs', afar.redis - alone.redis);
    note('A piece: commands to Redis', '', alone.commands);
    note('A piece: bytes to Redis', 'B', alone.redisIn);
    note('A piece: bytes from Redis to each other node', 'B', afar.redisOut - alone.redisOut);
  }
}

async function measureIdle(cluster: Cluster): Promise<void> {
  for (let run = 0; run < Math.min(RUNS, 3); run += 1) {
    const cost = await idleCost(cluster, IDLE);
    note('An idle connection in a session of its own: memory that its node holds', 'B', cost.heap);
    note('An idle connection: growth of the process', 'B', cost.resident);
    note('An idle connection: processor time of its node', 'µs/s', cost.node);
    note('An idle connection: processor time of PostgreSQL', 'µs/s', cost.postgres);
    note('An idle connection: commands to Redis', '/1,000 s', cost.commands * 1_000);
    note('An idle connection: processor time of Redis', 'µs/s', cost.redis);
  }
}

const about = circumstances();
const cluster = await Cluster.start(3);
try {
  for (const [name, measure] of Object.entries({
    compare,
    measureMessages,
    measureChunks,
    measureIdle,
  })) {
    const start = performance.now();
    await measure(cluster);
    console.error(`${name}: ${Math.round((performance.now() - start) / 1_000)} s`);
  }
} finally {
  await cluster.stop();
}
const rows: Figure[] = [...figures].map(([what, figure]) => ({ what, ...figure }));
const redis = /v=(\S+)/.exec(
  execFileSync('redis-server', ['--version'], { encoding: 'utf8' }),
)?.[1];
const page = `# What several nodes do, and what each part costs

\`npm run bench:nodes\`; there is nothing random in it, so no seed. Nodes, PostgreSQL (with \`fsync\`), Redis and the
clients run on the same machine and share its processors, so more nodes cannot answer more here than the
processors can: what counts is the processor time of an answer, which should not grow with the nodes. Processor times are
the kernel's own, of whole processes. ${PEOPLE} people each wait for their answer (\`${QUESTION}\` of the agent
\`simulator\`, read by who asked) before they ask again; the numbers of nodes take turns. A message is one with an answer of
one word. A piece is a word, 100 a second in each of 10 answers. An idle connection is in a session of its own; its
memory is that after garbage collection, without the kernel's buffers.

${about}
- PostgreSQL ${cluster.version}, Redis ${redis}

${table(rows)}
`;
await writeFile(RESULTS, page);
console.log(page);
