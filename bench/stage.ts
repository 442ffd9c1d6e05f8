/** A peer on one processor, the load on another, and what both of them take. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Profile } from './flame-graph.ts';
import type { Done, Work } from './load/work.ts';
import type { Peer } from './peers/peers.ts';
import { processorMs, residentBytes } from './process.ts';

const SERVER_CORE = '0';
const LOAD_CORE = '1';
const PROFILER = join(import.meta.dirname, 'profiler.ts');
const BUN = join(import.meta.dirname, '../node_modules/.bin/bun');
/** A server is at rest that took no tick of processor time for so long. */
const REST_MS = 400;

/** A work whose server is not known yet. */
export type Unbound<Some> = Some extends unknown ? Omit<Some, 'port'> : never;

export interface Measured extends Done {
  /** Processor time of the server in the time that was measured, of all time. */
  readonly server: number;
  /** What it did in that time, where that was recorded. */
  readonly profile?: Profile;
}

export class Serving {
  readonly #child: ChildProcess;
  readonly #port: number;
  readonly #isProfiled: boolean;

  private constructor(child: ChildProcess, port: number, isProfiled: boolean) {
    this.#child = child;
    this.#port = port;
    this.#isProfiled = isProfiled;
  }

  static async start(
    { script, args = [], bun = false }: Peer,
    isProfiled = false,
  ): Promise<Serving> {
    const path = join(import.meta.dirname, 'peers', script);
    const child = onServerCore([
      ...(bun
        ? [BUN]
        : [process.execPath, '--expose-gc', ...(isProfiled ? ['--import', PROFILER] : [])]),
      path,
      ...args,
    ]);
    const gone = once(child, 'exit').then(([code]) =>
      Promise.reject(new Error(`${script} ended with ${code}.`)),
    );
    gone.catch(() => {});
    const [{ port }] = (await Promise.race([once(child, 'message'), gone])) as [{ port: number }];
    return new Serving(child, port, isProfiled);
  }

  async measure(work: Unbound<Work>): Promise<Measured> {
    const load = onCore(LOAD_CORE, [process.execPath, join(import.meta.dirname, 'load/load.ts')]);
    const exit = once(load, 'exit');
    const gone = exit.then(([code]) => Promise.reject(new Error(`The load ended with ${code}.`)));
    gone.catch(() => {});
    load.send({ ...work, port: this.#port });
    await Promise.race([once(load, 'message'), gone]);
    const held = work.what === 'idle' ? await this.#held() : 0;
    const [before, began] = [this.#spent(), performance.now()];
    if (this.#isProfiled) this.#child.send('record');
    load.send('ready');
    const [done] = (await Promise.race([once(load, 'message'), gone])) as [Done];
    const spent = this.#spent() - before;
    const server = spent / (performance.now() - began);
    const recorded = this.#isProfiled ? { profile: await this.#ask<Profile>('recorded') } : {};
    const figures: Record<string, number> = { ...done.figures };
    if (work.what === 'idle') {
      const opened = work.connections - work.before;
      figures.bytes = ((await this.#held()) - held) / opened;
      figures.each = (spent * 1_000) / opened;
    }
    load.disconnect();
    // Before the server ends, which would tear connections that the load still has.
    await exit;
    return { load: done.load, server, figures, ...recorded };
  }

  async stop(): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.disconnect();
    await exit;
  }

  /** Processor time since it began, milliseconds. */
  #spent(): number {
    return processorMs(this.#child.pid as number);
  }

  /** Memory that the process has when it is at rest and has no garbage, bytes. */
  async #held(): Promise<number> {
    for (let spent = -1; spent !== this.#spent(); ) {
      spent = this.#spent();
      await delay(REST_MS);
    }
    await this.#ask('collect');
    return residentBytes(this.#child.pid as number);
  }

  async #ask<Answer>(question: 'collect' | 'recorded'): Promise<Answer> {
    const answered = once(this.#child, 'message');
    this.#child.send(question);
    const [answer] = (await answered) as [Answer];
    return answer;
  }
}

/** Starts a program where all servers are measured. */
export function onServerCore(command: readonly string[], options: SpawnOptions = {}): ChildProcess {
  return onCore(SERVER_CORE, command, options);
}

/** `taskset` puts itself away: the process is that of the command. */
function onCore(
  core: string,
  command: readonly string[],
  options: SpawnOptions = {},
): ChildProcess {
  const [first, ...rest] =
    availableParallelism() > 1 ? ['taskset', '-c', core, ...command] : command;
  return spawn(first as string, rest, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    ...options,
  });
}
