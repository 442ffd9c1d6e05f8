/** Everyone is cut off from a cluster and comes back at the same moment. */
import { Cluster } from './cluster.ts';
import { Herd } from './herd-process.ts';

const NODES = 3;
const PROCESSES = 2;

/** Resolves with how long it took, and how often the logs were read for it. */
export async function stampede(clients: number) {
  const cluster = await Cluster.start({ nodes: NODES });
  const url = `ws://127.0.0.1:${cluster.balancer.port}/ws`;
  const count = Math.ceil(clients / PROCESSES);
  const herds = Array.from(
    { length: PROCESSES },
    (_, n) => new Herd({ url, first: n * count, count }),
  );
  try {
    await Promise.all(herds.map((herd) => herd.begin()));
    const before = await historyReads(cluster);
    const results = await Promise.all(herds.map((herd) => herd.resume()));
    const times = results.flatMap((result) => result.times).sort((a, b) => a - b);
    return {
      clients: times.length,
      wrong: results.flatMap(({ wrong }) => wrong),
      reads: (await historyReads(cluster)) - before,
      p50: times[Math.floor(times.length / 2)],
      last: times.at(-1) ?? 0,
    };
  } finally {
    for (const herd of herds) herd.leave();
    await cluster.stop();
  }
}

async function historyReads(cluster: Cluster): Promise<number> {
  const reads = await Promise.all(cluster.ports.map((port) => cluster.node(port).historyReads()));
  return reads.reduce((sum, each) => sum + each, 0);
}
