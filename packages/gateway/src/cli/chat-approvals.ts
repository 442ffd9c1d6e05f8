/** The questions of agents, whether they may use a tool: put to the person one after the other. */
import type { Session } from '@parley/client';
import type { Terminal } from './terminal.ts';

const YES = /^y(?:es)?$/i;
const NO = /^no?$/i;

export class ApprovalDesk {
  readonly #terminal: Terminal;
  readonly #session: Session;
  /** By approval, what would be used; the first one is being asked. */
  readonly #open = new Map<string, string>();

  constructor(terminal: Terminal, session: Session) {
    this.#terminal = terminal;
    this.#session = session;
  }

  /**
   * An agent asks to use a tool. Where there is nobody to answer it is denied, if it was asked for
   * here; somebody else may answer for what was asked elsewhere.
   */
  open(id: string, use: string, isOwn: boolean): void {
    if (this.#terminal.interactive) {
      this.#open.set(id, use);
      if (this.#open.size === 1) this.#ask();
      return;
    }
    this.#terminal.notice(`The agent asks to use ${use}`);
    if (!isOwn) return;
    this.#terminal.notice('Denied: there is nobody here to allow it.');
    this.#session.decide(id, false);
  }

  /** It is decided, or nobody waits for it any more. */
  withdraw(id: string): void {
    const isAsked = this.#open.keys().next().value === id;
    this.#open.delete(id);
    if (isAsked) this.#ask();
  }

  /** Whether the line is an answer to what is asked: it is, unless nothing is. */
  takes(line: string): boolean {
    const [id] = this.#open.keys();
    if (id === undefined) return false;
    const answer = line.trim();
    if (YES.test(answer) || NO.test(answer)) {
      this.#session.decide(id, YES.test(answer));
      this.withdraw(id);
    } else {
      this.#terminal.notice('Please answer y or n.');
    }
    return true;
  }

  #ask(): void {
    const [use] = this.#open.values();
    if (use !== undefined) this.#terminal.notice(`The agent asks to use ${use}`);
    this.#terminal.ask(use === undefined ? undefined : 'Allow it? (y/n) ');
  }
}
