import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlink } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { temporaryDirectory } from '../helpers/gateway.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PRELOAD = fileURLToPath(new URL('./free-port.ts', import.meta.url));

/** A directory in which a program finds Parley's packages, as in a project that depends on them. */
export async function projectDirectory(): Promise<string> {
  const directory = await temporaryDirectory();
  await symlink(`${ROOT}/node_modules`, `${directory}/node_modules`);
  return directory;
}

/** A program of the documentation, run in a directory of its own; it does not outlive the test. */
export class Program {
  readonly #child: ChildProcessWithoutNullStreams;
  output = '';
  readonly ended: Promise<number | null>;
  #listeners = new Set<() => void>();

  constructor(
    args: readonly string[],
    cwd: string,
    env: Record<string, string> = {},
    onFinished: (dispose: () => Promise<void>) => void = onTestFinished,
  ) {
    this.#child = spawn(process.execPath, ['--import', PRELOAD, ...args], {
      cwd,
      env: { ...process.env, ...env },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        for (const listener of this.#listeners) listener();
      });
    }
    this.ended = once(this.#child, 'close').then(([code]) => {
      for (const listener of this.#listeners) listener();
      return code;
    });
    onFinished(async () => {
      this.#child.kill('SIGKILL');
      await this.ended;
    });
  }

  /** The first match in what it has written, as soon as there is one. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.output);
      if (match) return match;
      if (this.#child.exitCode !== null) {
        throw new Error(`It ended and never said ${pattern}:\n${this.output}`);
      }
      await new Promise<void>((resolve) => {
        const listener = () => {
          this.#listeners.delete(listener);
          resolve();
        };
        this.#listeners.add(listener);
      });
    }
  }

  /** The port that it says it listens on. */
  async port(): Promise<string> {
    return (await this.says(/(?:localhost|port)"?:\s?(\d+)/))[1] ?? '';
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
