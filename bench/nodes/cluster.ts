/** Real nodes in processes of their own on one real PostgreSQL and one real Redis, and what each has spent. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../tests/helpers/free-port.ts';
import { type Postgres, startPostgres } from '../../tests/helpers/postgres.ts';
import { startRedis } from '../../tests/helpers/redis.ts';

const ROOT = join(import.meta.dirname, '../..');
/** In which the kernel counts processor time, microseconds: USER_HZ is 100 on Linux. */
const TICK_US = 10_000;

export interface Node {
  readonly ws: string;
  readonly pid: number;
  /** After the garbage was collected, bytes. */
  memory(): Promise<{ readonly heap: number; readonly resident: number }>;
  stop(): Promise<void>;
}

/** Everything counted since the start of each part. */
export interface Spent {
  /** Milliseconds, of `performance.now()`. */
  readonly at: number;
  /** Processor time of each node, of PostgreSQL and of Redis, microseconds. */
  readonly nodes: readonly number[];
  readonly postgres: number;
  readonly redis: number;
  /** Transactions that wrote, and all of them; bytes of its write-ahead log. */
  readonly commits: number;
  readonly transactions: number;
  readonly walBytes: number;
  /** Commands that nodes have sent to Redis, and bytes from and to them. */
  readonly commands: number;
  readonly redisIn: number;
  readonly redisOut: number;
}

export class Cluster {
  readonly nodes: Node[] = [];
  readonly #postgres: Postgres;
  readonly #redis: { stop(): Promise<void> };
  readonly #store: string;
  readonly #bus: string;
  #postmaster = 0;
  /** Of PostgreSQL. */
  version = '';

  private constructor(
    postgres: Postgres,
    redis: { stop(): Promise<void> },
    store: string,
    bus: string,
  ) {
    this.#postgres = postgres;
    this.#redis = redis;
    this.#store = store;
    this.#bus = bus;
  }

  static async start(count: number): Promise<Cluster> {
    // With fsync, as it is used.
    const [postgres, redis] = await Promise.all([startPostgres({ durable: true }), startRedis()]);
    const cluster = new Cluster(postgres, redis, await postgres.newDatabase(), redis.newUrl());
    try {
      await cluster.#begin(count);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  async #begin(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) this.nodes.push(await this.startNode());
    // A child of the postmaster that is always there.
    const text = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'";
    const [row] = await this.#postgres.query(this.#store, text);
    this.#postmaster = Number(statOf(Number(row?.pid))?.[1]);
    const [shown] = await this.#postgres.query(this.#store, 'SHOW server_version');
    this.version = String(shown?.server_version);
  }

  /** A node that `spent` does not count. */
  async startNode(): Promise<Node> {
    const port = await freePort();
    const args = ['--expose-gc', '--import', join(import.meta.dirname, 'collect.ts')];
    const child = spawn(
      process.execPath,
      [...args, join(ROOT, 'packages/gateway/src/main.ts'), 'serve', '--port', `${port}`],
      {
        cwd: ROOT,
        env: {
          ...process.env,
          NODE_ENV: 'production',
          PARLEY_STORE: this.#store,
          PARLEY_BUS: this.#bus,
          PARLEY_SIGNING_KEYS: 'of a cluster that is measured and then gone',
          PARLEY_AGENT: 'simulator',
          PARLEY_MAX_CONNECTIONS: '100000',
          PARLEY_MAX_RUNS: '10000',
          PARLEY_MESSAGE_RATE: '0',
          PARLEY_LOG_LEVEL: 'warn',
          PARLEY_OLLAMA_URL: '',
        },
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      },
    );
    let isWanted = true;
    child.once('exit', (code, signal) => {
      if (isWanted)
        console.error(`a node ended (${signal ?? code}): what was measured is worth nothing`);
    });
    while (!(await isReady(port))) {
      if (child.exitCode !== null) throw new Error('A node did not start.');
      await delay(50);
    }
    return {
      ws: `ws://127.0.0.1:${port}/ws`,
      pid: child.pid ?? 0,
      memory: () => memoryOf(child),
      async stop() {
        isWanted = false;
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
      },
    };
  }

  async spent(): Promise<Spent> {
    const [redis, [row]] = await Promise.all([
      redisInfo(new URL(this.#bus)),
      this.#postgres.query(
        this.#store,
        `SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS commits,
          (SELECT sum(xact_commit) FROM pg_stat_database) AS transactions,
          pg_current_wal_lsn() - '0/0' AS wal`,
      ),
    ]);
    // What a script does is counted with its own name, and is no command of a node.
    const sent = ['spublish', 'eval', 'evalsha', 'del', 'ssubscribe', 'sunsubscribe', 'ping'];
    const calls = (name: string) =>
      Number(redis.get(`cmdstat_${name}`)?.match(/calls=(\d+)/)?.[1] ?? 0);
    const figure = (name: string) => Number(redis.get(name) ?? 0);
    return {
      at: performance.now(),
      nodes: this.nodes.map(({ pid }) => processorOf(pid)),
      postgres: processorOfFamily(this.#postmaster),
      redis: (figure('used_cpu_user') + figure('used_cpu_sys')) * 1e6,
      commits: Number(row?.commits),
      transactions: Number(row?.transactions),
      walBytes: Number(row?.wal),
      commands: sent.reduce((sum, name) => sum + calls(name), 0),
      redisIn: figure('total_net_input_bytes'),
      redisOut: figure('total_net_output_bytes'),
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    await Promise.all([this.#postgres.stop(), this.#redis.stop()]);
  }
}

async function isReady(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function memoryOf(child: ChildProcess): Promise<{ heap: number; resident: number }> {
  const answer = once(child, 'message');
  child.send('memory');
  const [usage] = (await answer) as [NodeJS.MemoryUsage];
  return { heap: usage.heapUsed + usage.external, resident: usage.rss };
}

/** The fields of /proc/PID/stat from the state on; `undefined`: it is gone. */
function statOf(pid: number): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ');
  } catch {
    return undefined;
  }
}

function processorOf(pid: number): number {
  const stat = statOf(pid);
  return (Number(stat?.[11] ?? 0) + Number(stat?.[12] ?? 0)) * TICK_US;
}

/** Of a process and of its children, those that have ended included. */
function processorOfFamily(pid: number): number {
  const own = statOf(pid);
  const ended = (Number(own?.[13] ?? 0) + Number(own?.[14] ?? 0)) * TICK_US;
  const children = readdirSync('/proc').filter((name) => statOf(Number(name))?.[1] === `${pid}`);
  return children.reduce(
    (sum, child) => sum + processorOf(Number(child)),
    processorOf(pid) + ended,
  );
}

async function redisInfo({ hostname, port }: URL): Promise<Map<string, string>> {
  const socket = connect(Number(port), hostname);
  socket.end('INFO everything\r\nQUIT\r\n');
  let text = '';
  for await (const piece of socket) text += piece;
  return new Map(
    [...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
}
