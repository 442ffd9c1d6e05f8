/** Starts many light clients in a process of their own. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface HerdOptions {
  readonly url: string;
  /** The number of its first client. */
  readonly first: number;
  readonly count: number;
}

export type ToHerd = 'begin' | 'resume';

export interface Resumed {
  readonly type: 'resumed';
  /** From the cut until each had what it lacked, milliseconds. */
  readonly times: readonly number[];
  /** What those were given who were not given exactly that. */
  readonly wrong: readonly string[];
}

export type FromHerd = { readonly type: 'begun' } | Resumed;

export class Herd {
  readonly #child: ChildProcess;

  constructor(options: HerdOptions) {
    const script = fileURLToPath(new URL('./herd.ts', import.meta.url));
    this.#child = fork(script, [JSON.stringify(options)]);
  }

  /** Resolves when every client has a session with an answer. */
  async begin(): Promise<void> {
    await this.#ask('begin');
  }

  /** Cuts everyone off, and resolves when everyone is back. */
  async resume(): Promise<Resumed> {
    return (await this.#ask('resume')) as Resumed;
  }

  leave(): void {
    this.#child.kill('SIGKILL');
  }

  async #ask(what: ToHerd): Promise<FromHerd> {
    this.#child.send(what);
    const gone = once(this.#child, 'exit').then(() =>
      Promise.reject(new Error('The herd is gone.')),
    );
    gone.catch(() => {});
    const [message] = await Promise.race([once(this.#child, 'message'), gone]);
    return message as FromHerd;
  }
}
