/** Starts the server in a process of its own, and ends it the hard way. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { GatewayOptions } from '../../packages/gateway/src/index.ts';

/** Settings of the gateway. */
export type ServerOptions = Pick<
  GatewayOptions,
  'pingInterval' | 'idleTimeout' | 'stallTimeout'
> & {
  readonly port: number;
} & (
    | { readonly dataDir: string }
    /** As one of several nodes. */
    | { readonly store: string; readonly bus: string; readonly signingKeys: readonly string[] }
  );

export interface LoopDelay {
  readonly type: 'delay';
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly samples: number;
}

interface HistoryReads {
  readonly type: 'reads';
  /** How often it has read the log of a session from PostgreSQL. */
  readonly count: number;
}

export type ToServer = 'measure' | 'report' | 'reads';
export type FromServer = { type: 'ready'; port: number; pid: number } | LoopDelay | HistoryReads;

export type StartOptions = ServerOptions & {
  /** Faults from `plants.ts`, separated by a comma and a space, put into the source as it is loaded. */
  readonly plant?: string | undefined;
  /** A program with its arguments that runs the server's command line, such as strace. */
  readonly under?: readonly string[];
};

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export class ServerProcess {
  readonly pid: number;
  readonly port: number;
  /** Resolves when the process is gone, whatever ended it. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #child: ChildProcess;
  readonly #said: () => string;

  private constructor(
    child: ChildProcess,
    said: () => string,
    ready: { pid: number; port: number },
    exited: ServerProcess['exited'],
  ) {
    this.#child = child;
    this.#said = said;
    this.pid = ready.pid;
    this.port = ready.port;
    this.exited = exited;
  }

  /** Resolves when it listens. */
  static async start(options: StartOptions): Promise<ServerProcess> {
    const { plant, under = [], ...settings } = options;
    const preload = plant === undefined ? [] : ['--import', here('./plant.ts')];
    const command = [
      ...under,
      process.execPath,
      ...preload,
      here('./server.ts'),
      JSON.stringify(settings),
    ];
    const child = spawn(command[0] as string, command.slice(1), {
      // What a server says that was made to fail is not worth reading.
      stdio: ['ignore', plant === undefined ? 'inherit' : 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, NODE_ENV: 'production', FAULT_PLANT: plant },
    });
    let stderr = '';
    child.stderr?.on('data', (bytes) => {
      stderr = (stderr + bytes).slice(-20_000);
    });
    const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
    const failed = once(child, 'error').then(([error]) => Promise.reject(error));
    const ready = await Promise.race([
      once(child, 'message').then(([message]) => message as FromServer),
      exited,
      failed,
    ]);
    failed.catch(() => {});
    if (!('type' in ready) || ready.type !== 'ready') {
      throw new Error(`The server did not start (${JSON.stringify(ready)}):\n${stderr}`);
    }
    const missing =
      plant?.split(', ').filter((name) => !stderr.includes(`planted ${name}\n`)) ?? [];
    if (missing.length > 0) {
      process.kill(ready.pid, 'SIGKILL');
      throw new Error(`The server started without its fault ${missing}:\n${stderr}`);
    }
    return new ServerProcess(child, () => stderr, ready, exited);
  }

  /** Ends it as a crash would, with no chance to tidy up. */
  async kill(): Promise<void> {
    // Under another program the child is that one; it ends with what it runs.
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      process.kill(this.pid, 'SIGKILL');
    }
    await this.exited;
  }

  /** Ends it gently, as a deployment does. Rejects with what it said where it does not end well. */
  async terminate(): Promise<void> {
    process.kill(this.pid, 'SIGTERM');
    const { code, signal } = await this.exited;
    if (code !== 0)
      throw new Error(`The drained server ended with ${code ?? signal}:\n${this.#said()}`);
  }

  /** Begins to measure how late the event loop is. */
  measure(): void {
    this.#child.send('measure' satisfies ToServer);
  }

  /** How often it has read the log of a session, as one of several nodes. */
  async historyReads(): Promise<number> {
    this.#child.send('reads' satisfies ToServer);
    const [message] = await once(this.#child, 'message');
    return (message as HistoryReads).count;
  }

  async report(): Promise<LoopDelay> {
    this.#child.send('report' satisfies ToServer);
    const [message] = await once(this.#child, 'message');
    return message as LoopDelay;
  }
}
