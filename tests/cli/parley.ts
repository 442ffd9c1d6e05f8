import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const MAIN = fileURLToPath(new URL('../../packages/gateway/src/main.ts', import.meta.url));

export interface Surroundings {
  readonly cwd?: string;
  /** Beside the tests' own environment, which is passed on without any setting of Parley. */
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads; default: nothing. */
  readonly input?: string;
}

export interface Running {
  readonly process: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves with the exit status, or the signal that ended the process. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Resolves when standard output and error together match. Rejects when the process ends before. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
}

/** `parley …` as a process of its own, ended with the test. */
export function start(args: readonly string[], surroundings: Surroundings = {}): Running {
  const { cwd, env, input = '' } = surroundings;
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:PARLEY|OPENAI)_/.test(name),
  );
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: 'pipe',
    env: { ...Object.fromEntries(inherited), PARLEY_OLLAMA_URL: '', ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  child.stdin.end(input);
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  const check = new EventTarget();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    check.dispatchEvent(new Event('more'));
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    check.dispatchEvent(new Event('more'));
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    check.dispatchEvent(new Event('more'));
    return (code ?? signal) as number | NodeJS.Signals;
  });
  return {
    process: child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    async until(pattern) {
      for (;;) {
        const match = pattern.exec(stdout + stderr);
        if (match) return match;
        if (child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`It ended before ${pattern} was printed:\n${stdout}${stderr}`);
        }
        await once(check, 'more');
      }
    },
  };
}

/** Runs `parley …` to its end. */
export async function parley(args: readonly string[], surroundings?: Surroundings) {
  const running = start(args, surroundings);
  const status = await running.ended;
  return { status, stdout: running.stdout(), stderr: running.stderr() };
}
