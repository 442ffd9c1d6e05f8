/** A peer on one processor, the load on another, and what both of them take. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Done, Work } from './load/work.ts';
import type { Peer } from './peers/peers.ts';

/** In which the kernel counts processor time, milliseconds: USER_HZ is 100 on Linux. */
const TICK_MS = 10;
const SERVER_CORE = '0';
const LOAD_CORE = '1';
const PAGE_BYTES = 4_096;
const BUN = join(import.meta.dirname, '../node_modules/.bin/bun');

/** A work whose server is not known yet. */
export type Unbound<Some> = Some extends unknown ? Omit<Some, 'port'> : never;

export interface Measured extends Done {
  /** Processor time of the server in the time that was measured, of all time. */
  readonly server: number;
}

export class Serving {
  readonly #child: ChildProcess;
  readonly port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(
    { script, args = [], bun = false }: Peer,
    flags: readonly string[] = [],
  ): Promise<Serving> {
    const path = join(import.meta.dirname, 'peers', script);
    const child = onCore(SERVER_CORE, [
      ...(bun ? [BUN] : [process.execPath, ...flags]),
      path,
      ...args,
    ]);
    const gone = once(child, 'exit').then(([code]) =>
      Promise.reject(new Error(`${script} ended with ${code}.`)),
    );
    gone.catch(() => {});
    const [{ port }] = (await Promise.race([once(child, 'message'), gone])) as [{ port: number }];
    return new Serving(child, port);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Processor time since it began, milliseconds. */
  spent(): number {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  }

  /** Memory that the process has, bytes. */
  resident(): number {
    return Number(readFileSync(`/proc/${this.pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  }

  async measure(work: Unbound<Work>): Promise<Measured> {
    const load = onCore(LOAD_CORE, [process.execPath, join(import.meta.dirname, 'load/load.ts')]);
    const gone = once(load, 'exit').then(([code]) =>
      Promise.reject(new Error(`The load ended with ${code}.`)),
    );
    gone.catch(() => {});
    const empty = this.resident();
    load.send({ ...work, port: this.port });
    await Promise.race([once(load, 'message'), gone]);
    const [before, began] = [this.spent(), performance.now()];
    const [done] = (await Promise.race([once(load, 'message'), gone])) as [Done];
    const server = (this.spent() - before) / (performance.now() - began);
    const bytes = (this.resident() - empty) / work.connections;
    load.disconnect();
    return { load: done.load, server, figures: { ...done.figures, bytes } };
  }

  async stop(): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.disconnect();
    await exit;
  }
}

/** `taskset` puts itself away: the process is that of the command. */
function onCore(core: string, command: readonly string[]): ChildProcess {
  const [first, ...rest] =
    availableParallelism() > 1 ? ['taskset', '-c', core, ...command] : command;
  return spawn(first as string, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}
