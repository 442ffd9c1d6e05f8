/** Nodes in processes of their own over a real PostgreSQL and a real Redis, behind a balancer. */
import { type Balancer, startBalancer } from '../helpers/balancer.ts';
import { freePort } from '../helpers/free-port.ts';
import { SIGNING_KEYS } from '../helpers/nodes.ts';
import { type Postgres, startPostgres } from '../helpers/postgres.ts';
import { type Redis, startRedis } from '../helpers/redis.ts';
import { ServerProcess } from './server-process.ts';

export interface ClusterOptions {
  readonly nodes: number;
  /** A fault from `plants.ts` in each of the nodes. */
  readonly plant?: string | undefined;
}

export class Cluster {
  readonly postgres: Postgres;
  /** The address of what all nodes keep. */
  readonly database: string;
  readonly redis: Redis;
  readonly balancer: Balancer;
  readonly ports: readonly number[];
  readonly #start: (port: number) => Promise<ServerProcess>;
  readonly #nodes = new Map<number, ServerProcess>();

  /** Resolves when all nodes listen. */
  static async start({ nodes, plant }: ClusterOptions): Promise<Cluster> {
    const [postgres, redis] = await Promise.all([startPostgres({ durable: true }), startRedis()]);
    const database = await postgres.newDatabase();
    const settings = {
      store: database,
      bus: redis.newUrl(),
      signingKeys: SIGNING_KEYS,
      plant,
    };
    const ports: number[] = [];
    while (ports.length < nodes) ports.push(await freePort());
    const parts = { postgres, database, redis, ports, balancer: await startBalancer(ports) };
    const cluster = new Cluster(parts, (port) => ServerProcess.start({ ...settings, port }));
    try {
      await Promise.all(ports.map((port) => cluster.startNode(port)));
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  private constructor(
    parts: Pick<Cluster, 'postgres' | 'database' | 'redis' | 'balancer' | 'ports'>,
    start: (port: number) => Promise<ServerProcess>,
  ) {
    this.postgres = parts.postgres;
    this.database = parts.database;
    this.redis = parts.redis;
    this.balancer = parts.balancer;
    this.ports = parts.ports;
    this.#start = start;
  }

  /** The node that listens on this port. */
  node(port: number): ServerProcess {
    const node = this.#nodes.get(port);
    if (!node) throw new Error(`No node listens on ${port}.`);
    return node;
  }

  async startNode(port: number): Promise<void> {
    this.#nodes.set(port, await this.#start(port));
  }

  /** Resolves when every node says that it is ready. */
  async ready(): Promise<void> {
    for (const port of this.ports) {
      // A node that is not ready is asked again at once: it is about how soon it is.
      while (!(await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
    }
  }

  async stop(): Promise<void> {
    this.balancer.close();
    await Promise.all([...this.#nodes.values()].map((node) => node.kill()));
    await Promise.all([this.postgres.stop(), this.redis.stop()]);
  }
}
