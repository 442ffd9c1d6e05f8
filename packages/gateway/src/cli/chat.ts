/** `parley chat`: a person talks to an agent from the terminal, over the same client as the page. */
import {
  type AnswerItem,
  type Client,
  createClient,
  type Session,
  type TranscriptSnapshot,
} from '@parley/client';
import { Terminal } from './terminal.ts';

export interface ChatOptions {
  /** Of the server, such as `http://localhost:8080`. */
  readonly url: string;
  /** The id of a session to go on with; default: a new one. */
  readonly session?: string;
  /** The name of the agent to ask; default: the session's own. */
  readonly agent?: string;
  /** What to type to go on later, without the session; default: `parley chat`. */
  readonly command?: string;
  /** Default: standard input. Where it is no terminal, each line is a question. */
  readonly input?: NodeJS.ReadableStream;
  /** Default: standard output. */
  readonly output?: NodeJS.WritableStream;
  /** Leaves when it aborts. */
  readonly signal?: AbortSignal;
}

/** Items of a session that is gone on with that are shown again. */
const RECAP_ITEMS = 6;

/**
 * Chats until the input ends. Resolves with the exit status: 0, or 1 where the server cannot be
 * reached at the first try, does not let one in, or ends the session.
 */
export async function chat(options: ChatOptions): Promise<number> {
  const client = createClient({ url: socketUrl(options.url) });
  const streams = {
    input: options.input ?? process.stdin,
    output: options.output ?? process.stdout,
  };
  const terminal = new Terminal(streams, () => conversation.interrupt());
  const conversation = new Conversation(client, terminal, options);
  const leave = () => conversation.leave();
  options.signal?.addEventListener('abort', leave);
  if (options.signal?.aborted) leave();
  try {
    return await conversation.run();
  } finally {
    options.signal?.removeEventListener('abort', leave);
    terminal.close();
    client.close();
  }
}

function socketUrl(text: string): string {
  const url = new URL('/ws', text);
  url.protocol = url.protocol.replace('http', 'ws');
  return url.href;
}

class Conversation {
  readonly #client: Client;
  readonly #terminal: Terminal;
  readonly #options: ChatOptions;
  readonly #session: Session;
  readonly #left = Promise.withResolvers<void>();
  #leaving = false;
  /** Ctrl-C since the last line or answer. */
  #interrupts = 0;
  /** The message whose answer is shown. */
  #following: string | undefined;
  #lost = false;

  constructor(client: Client, terminal: Terminal, options: ChatOptions) {
    this.#client = client;
    this.#terminal = terminal;
    this.#options = options;
    this.#session = client.session(options.session);
  }

  async run(): Promise<number> {
    if (!(await this.#connected())) return this.#leaving ? 0 : 1;
    const stop = this.#client.subscribe(() => this.#tellConnection());
    // Before the first answer is followed, so that this is said before what came meanwhile is shown.
    this.#session.transcript.subscribe(() => this.#resumed());
    try {
      return await this.#converse();
    } finally {
      stop();
    }
  }

  async #converse(): Promise<number> {
    if (this.#options.session !== undefined && !(await this.#recap())) return 1;
    while (!this.#leaving) {
      const line = await Promise.race([this.#terminal.line(), this.#left.promise]);
      if (line === undefined) break;
      this.#interrupts = 0;
      if (line.trim() === '') continue;
      await this.#follow(this.#session.send(line, { agent: this.#options.agent }));
    }
    return this.#farewell();
  }

  leave(): void {
    this.#leaving = true;
    this.#left.resolve();
  }

  /** Ctrl-C: stops the answer that is shown; once more, or at the prompt, leaves. */
  interrupt(): void {
    this.#interrupts += 1;
    if (this.#interrupts > 1) this.leave();
    else if (this.#following === undefined) {
      this.#terminal.notice('Press Ctrl-C again, or Ctrl-D, to leave.');
    } else {
      this.#session.stop(this.#answer(this.#session.transcript.snapshot())?.runId);
    }
  }

  async #connected(): Promise<boolean> {
    await this.#until(this.#client, () => this.#client.state.status !== 'connecting');
    if (this.#client.state.status === 'open') return true;
    if (!this.#leaving) {
      this.#terminal.notice(`Cannot reach a Parley server at ${this.#options.url}.`);
      this.#terminal.notice('Start one with: parley serve');
    }
    return false;
  }

  /** Shows where the session was left, and what is being answered in it. */
  async #recap(): Promise<boolean> {
    const { transcript } = this.#session;
    await this.#until(transcript, () => transcript.snapshot().status !== 'opening');
    const { status, problem, items, title } = transcript.snapshot();
    if (status !== 'active') {
      if (problem) this.#terminal.notice(problem.message);
      return this.#leaving;
    }
    if (title !== null) this.#terminal.notice(title);
    const last = items.at(-1);
    const unfinished = last?.kind === 'answer' && !ended(last) ? last : undefined;
    for (const item of items.slice(-RECAP_ITEMS)) {
      if (item === unfinished || item.text === '') continue;
      this.#terminal.write(`${item.kind === 'message' ? '> ' : ''}${item.text}\n`);
    }
    if (unfinished) await this.#follow(unfinished.replyTo);
    return true;
  }

  /** Shows the answer to a message while it is written. */
  async #follow(messageId: string): Promise<void> {
    this.#following = messageId;
    const printer = new AnswerPrinter(this.#terminal, this.#session);
    const { transcript } = this.#session;
    await this.#until(transcript, () => {
      const snapshot = transcript.snapshot();
      const message = snapshot.items.find((item) => 'id' in item && item.id === messageId);
      if (message?.status === 'failed') {
        this.#terminal.notice(`Not sent: ${message.problem?.message}`);
      }
      const answer = this.#answer(snapshot);
      if (answer) printer.print(answer);
      // It may have been replaced from somewhere else, or be gone with its session.
      if (!message || message.status === 'failed' || (answer && ended(answer))) return true;
      return snapshot.status !== 'active' && snapshot.status !== 'opening';
    });
    printer.close();
    this.#following = undefined;
    this.#interrupts = 0;
  }

  #answer(snapshot: TranscriptSnapshot): AnswerItem | undefined {
    return snapshot.items.find(
      (item): item is AnswerItem => item.kind === 'answer' && item.replyTo === this.#following,
    );
  }

  #tellConnection(): void {
    const { state } = this.#client;
    if (state.status === 'waiting') {
      this.#lost = true;
      const seconds = Math.max(1, Math.round((state.retryAt - Date.now()) / 1_000));
      this.#terminal.notice(`connection lost, trying again in ${seconds} s…`);
    } else if (state.status === 'closed' && !this.#leaving) {
      this.#terminal.notice(`The server closed the connection: ${state.reason || state.code}`);
      this.leave();
    } else if (this.#session.transcript.snapshot().status === 'opening') {
      // Nothing to resume: the session is made with the first message.
      this.#resumed();
    }
  }

  #resumed(): void {
    if (!this.#lost || this.#client.state.status !== 'open') return;
    this.#lost = false;
    this.#terminal.notice('resumed');
  }

  #farewell(): number {
    this.#terminal.dismissPrompt();
    const { status } = this.#session.transcript.snapshot();
    if (status === 'deleted' || status === 'expired') {
      this.#terminal.notice(`This conversation was ${status}.`);
      return 1;
    }
    if (status === 'active') {
      const { command = 'parley chat' } = this.#options;
      this.#terminal.notice(`Come back with: ${command} --session ${this.#session.id}`);
    }
    return this.#client.state.status === 'closed' ? 1 : 0;
  }

  /** Resolves when `reached` says so, asked at every change, or when the person leaves. */
  async #until(
    source: { subscribe(listener: () => void): () => void },
    reached: () => boolean,
  ): Promise<void> {
    if (reached()) return;
    const done = Promise.withResolvers<void>();
    const stop = source.subscribe(() => {
      if (!reached()) return;
      stop();
      done.resolve();
    });
    await Promise.race([done.promise, this.#left.promise]);
    stop();
  }
}

function ended({ status }: AnswerItem): boolean {
  return status !== 'queued' && status !== 'running';
}

/** Shows an answer while it is written: each time, what was not shown yet. */
class AnswerPrinter {
  readonly #terminal: Terminal;
  readonly #session: Session;
  #attempt = 0;
  #written = 0;
  #position: number | undefined;
  readonly #steps = new Set<string>();
  readonly #questions = new Map<string, AbortController>();
  #closed = false;

  constructor(terminal: Terminal, session: Session) {
    this.#terminal = terminal;
    this.#session = session;
  }

  print(answer: AnswerItem): void {
    if (this.#closed) return;
    if (this.#attempt !== answer.attempt && this.#written > 0) {
      this.#terminal.notice('The answer was interrupted and begins again.');
      this.#written = 0;
    }
    this.#attempt = answer.attempt;
    if (answer.status === 'queued' && answer.position !== this.#position) {
      this.#position = answer.position;
      this.#terminal.notice(`waiting its turn, ${answer.position} before it`);
    }
    for (const step of answer.steps) this.#step(step);
    this.#terminal.write(answer.text.slice(this.#written));
    this.#written = answer.text.length;
    if (!ended(answer)) return;
    this.#closed = true;
    if (answer.status === 'cancelled') this.#terminal.notice('Stopped.');
    else if (answer.problem) this.#terminal.notice(answer.problem.message);
    else this.#terminal.write('\n');
  }

  close(): void {
    this.#closed = true;
    for (const question of this.#questions.values()) question.abort();
  }

  #step(step: AnswerItem['steps'][number]): void {
    const open = this.#questions.get(step.id);
    if (step.kind === 'approval' && step.status !== 'pending') open?.abort();
    if (this.#steps.has(step.id)) return;
    this.#steps.add(step.id);
    const use = `${step.name} ${JSON.stringify(step.arguments)}`;
    if (step.kind === 'tool') this.#terminal.notice(`· ${use}`);
    else if (step.status === 'pending') this.#ask(step.id, use);
  }

  #ask(approvalId: string, use: string): void {
    this.#terminal.notice(`The agent asks to use ${use}`);
    if (!this.#terminal.interactive) {
      this.#terminal.notice('Denied: there is nobody here to allow it.');
      this.#session.decide(approvalId, false);
      return;
    }
    const question = new AbortController();
    this.#questions.set(approvalId, question);
    this.#terminal.question('Allow it? (y/n) ', question.signal, (line) =>
      this.#session.decide(approvalId, /^y(es)?$/i.test(line.trim())),
    );
  }
}
