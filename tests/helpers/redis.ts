/** A real Redis of a test file's own: on a free port, with its own data directory, gone with the file. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';

export interface Redis {
  /** Each its own database, so that tests are apart. */
  newUrl(): string;
  /** What is kept in one of them. */
  keys(url: string): Promise<string[]>;
  /** SIGKILL: nothing of it is kept. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** CONFIG SET. */
  configure(name: string, value: string): Promise<void>;
  stop(): Promise<void>;
}

const run = promisify(execFile);
const READY = 'Ready to accept connections';

export async function startRedis(): Promise<Redis> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-redis-'));
  const port = await freePort();
  let server: ChildProcess | undefined;
  let databases = 0;

  const isRunning = () => server !== undefined && server.exitCode === null && !server.signalCode;

  async function start(): Promise<void> {
    if (isRunning()) return;
    const options = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--databases', '64'];
    const child = spawn('redis-server', [...options, '--dir', directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    server = child;
    const said: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      said.push(line);
      if (!line.includes(READY)) continue;
      child.stdout.resume();
      return;
    }
    throw new Error(`redis-server did not start:\n${said.join('\n')}`);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!server || !isRunning()) return;
    const exited = once(server, 'exit');
    server.kill(signal);
    await exited;
  }

  await start();
  return {
    newUrl() {
      const url = `redis://127.0.0.1:${port}/${databases}`;
      databases += 1;
      return url;
    },
    async keys(url) {
      const { stdout } = await promisify(execFile)('redis-cli', ['-u', url, 'KEYS', '*']);
      return stdout.split('\n').filter((key) => key !== '');
    },
    kill: () => end('SIGKILL'),
    start,
    async configure(name, value) {
      await run('redis-cli', ['-p', `${port}`, 'config', 'set', name, value]);
    },
    async stop() {
      await end('SIGTERM');
      await rm(directory, { recursive: true, force: true });
    },
  };
}
