/** One program of the cluster: started, started anew where it dies, and stopped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Beside the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** Written to its standard input: what no other user may read in its command line. */
  readonly input?: string;
  /** The file that its output goes to. */
  readonly logFile: string;
  /** Tells it to end in order. */
  readonly stopSignal: NodeJS.Signals;
  /** Rejects as long as it does not answer. */
  ready(): Promise<unknown>;
}

const READY_WITHIN_MS = 60_000;
/** How long somebody may look at what is lacking, as a supervisor that is slow would let them. */
const RESTART_AFTER_MS = 10_000;
/** Longer than a node's drainTimeout. */
const STOP_WITHIN_MS = 20_000;

export class Part {
  readonly #program: Program;
  #child: ChildProcess | undefined;
  #isWanted = false;

  constructor(program: Program) {
    this.#program = program;
  }

  get name(): string {
    return this.#program.name;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** @throws where it ends instead of answering, with the last that it wrote. */
  async start(): Promise<void> {
    const { name, command, args, env, cwd, user, input, logFile, ready } = this.#program;
    this.#isWanted = true;
    const log = openSync(logFile, 'a', 0o600);
    const child = spawn(command, args, {
      ...user,
      cwd,
      env: { ...process.env, ...env },
      stdio: ['pipe', log, log],
      // A group of its own: Ctrl-C is for this process, which stops the others one after the other.
      detached: true,
    });
    this.#child = child;
    child.stdin?.on('error', () => {}).end(input);
    const ended = new Promise<string>((resolve) => {
      child.once('error', ({ message }) => resolve(message));
      child.once('exit', (code, signal) => resolve(signal ?? `status ${code}`));
    });
    for (const until = performance.now() + READY_WITHIN_MS; ; ) {
      const how = await Promise.race([ended, delay(50)]);
      const isLate = performance.now() > until;
      if (how !== undefined || isLate) {
        child.kill('SIGKILL');
        const end = readFileSync(logFile, 'utf8').split('\n').slice(-15).join('\n');
        throw new Error(
          `${name} ${how ? `ended (${how})` : 'does not answer'}; ${logFile}:\n${end}`,
        );
      }
      const answers = await ready().then(
        () => true,
        () => false,
      );
      if (answers) break;
    }
    void ended.then((how) => this.#restart(how));
  }

  async #restart(how: string): Promise<void> {
    if (!this.#isWanted) return;
    say(`${this.name} ended (${how}); it is started again in ${RESTART_AFTER_MS / 1_000} s`);
    await delay(RESTART_AFTER_MS);
    if (!this.#isWanted) return;
    try {
      await this.start();
      say(`${this.name} is back, pid ${this.pid}`);
    } catch (error) {
      if (!this.#isWanted) return;
      say((error as Error).message);
      await this.#restart('it could not be started');
    }
  }

  /** From here on it is not started again, whenever it ends. */
  release(): void {
    this.#isWanted = false;
  }

  async stop(): Promise<void> {
    this.release();
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    child.kill(this.#program.stopSignal);
    await exited;
    clearTimeout(timer);
    say(`${this.name} has stopped`);
  }

  kill(): void {
    this.release();
    this.#child?.kill('SIGKILL');
  }
}

export function say(text: string): void {
  console.log(`${new Date().toISOString().slice(11, 23)}  ${text}`);
}
