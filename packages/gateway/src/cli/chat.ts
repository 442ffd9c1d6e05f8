/** `parley chat`: a person talks to an agent from the terminal, over the same client as the page. */
import {
  type AnswerItem,
  type Client,
  createClient,
  type Session,
  type TranscriptItem,
} from '@parley/client';
import { quoted } from './called-as.ts';
import { ChatView, ended, quote } from './chat-view.ts';
import { tokenWanted } from './client-token.ts';
import { askForAgents, type ServerAgents } from './server-agents.ts';
import { Terminal } from './terminal.ts';

export interface ChatOptions {
  /** Of the server, such as `http://localhost:8080`. */
  readonly url: string;
  /** Says who is asking, where the server wants to know. */
  readonly token?: string;
  /** The id of a session to go on with; default: a new one. */
  readonly session?: string;
  /** The name of the agent to ask; default: the session's own. */
  readonly agent?: string;
  /** What to type to go on later, without session and agent; default: `parley chat`. */
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
 * Chats until the input ends. Resolves with the exit status: 0; 1 where the server cannot be reached
 * at the first try, does not let one in or ends the session, or refused a line of a file or pipe; 2
 * where there is no such agent.
 */
export async function chat(options: ChatOptions): Promise<number> {
  const client = createClient({
    url: socketUrl(options.url),
    ...(options.token === undefined ? {} : { token: options.token }),
  });
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
  readonly #view: ChatView;
  readonly #left = Promise.withResolvers<void>();
  #leaving = false;
  /** The run that Ctrl-C has stopped. */
  #stopping: string | undefined;
  /** Ctrl-C was pressed where there was nothing to stop. */
  #mayLeave = false;
  #isTokenAskedFor = false;
  #lost = false;

  constructor(client: Client, terminal: Terminal, options: ChatOptions) {
    this.#client = client;
    this.#terminal = terminal;
    this.#options = options;
    this.#session = client.session(options.session);
    this.#view = new ChatView(terminal, this.#session);
  }

  async run(): Promise<number> {
    if (!(await this.#connected())) return this.#leaving ? 0 : 1;
    const agents = await this.#agents();
    if (!this.#isThere(agents)) return 2;
    if (this.#options.session !== undefined && !(await this.#joined())) return 1;
    const { transcript } = this.#session;
    const stops = [
      this.#client.subscribe(() => this.#tellConnection()),
      transcript.subscribe(() => this.#changed()),
      this.#session.subscribe((message) => {
        if (message.type !== 'error' || message.data.retryable) return;
        if (message.data.code === 'UNAUTHORIZED') this.#askForToken();
        // What could be done instead; the transcript has the words only.
        if (message.data.details) this.#terminal.notice(message.data.details);
      }),
    ];
    this.#introduce(agents);
    this.#terminal.prompt();
    this.#view.skip(transcript.snapshot().items.slice(0, -RECAP_ITEMS));
    this.#view.update(transcript.snapshot());
    try {
      return await this.#converse();
    } finally {
      for (const stop of stops) stop();
    }
  }

  leave(): void {
    this.#leaving = true;
    this.#left.resolve();
  }

  /** Ctrl-C: stops the answer that is written; once more, or where there is none, leaves. */
  interrupt(): void {
    const open = this.#answers.filter((answer) => !ended(answer));
    const answer = open.find(({ status }) => status === 'running') ?? open[0];
    if (answer ? answer.runId === this.#stopping : this.#mayLeave) {
      this.leave();
    } else if (answer) {
      this.#stopping = answer.runId;
      this.#session.stop(answer.runId);
    } else {
      this.#mayLeave = true;
      this.#terminal.notice('Press Ctrl-C again, or Ctrl-D, to leave.');
    }
  }

  get #items(): readonly TranscriptItem[] {
    return this.#session.transcript.snapshot().items;
  }

  get #answers(): readonly AnswerItem[] {
    return this.#items.filter((item) => item.kind === 'answer');
  }

  async #connected(): Promise<boolean> {
    await this.#until(this.#client, () => this.#client.state.status !== 'connecting');
    if (this.#client.state.status === 'open') return true;
    const why = await Promise.race([this.#whyNot(), this.#left.promise]);
    if (why !== undefined && !this.#leaving) this.#terminal.notice(why);
    return false;
  }

  /** A WebSocket does not say why there is none; a request does. */
  async #whyNot(): Promise<string> {
    const { url, token } = this.#options;
    return askForAgents(url, token).then(
      () =>
        `The server at ${url} answers, and takes no WebSocket: it has too many, or a proxy lets none through. Try again.`,
      (error: Error) => error.message,
    );
  }

  /** Asked for where it is said who answers, or an agent was named. */
  async #agents(): Promise<ServerAgents | undefined> {
    const { url, agent, token } = this.#options;
    if (agent === undefined && !this.#terminal.interactive) return undefined;
    // It is said when a message is refused, too.
    return askForAgents(url, token).catch(() => undefined);
  }

  #isThere(known: ServerAgents | undefined): boolean {
    const { agent, url } = this.#options;
    const names = known?.agents.map(({ name }) => name);
    if (agent === undefined || !names || names.includes(agent)) return true;
    const offered = names.length === 0 ? 'It has none.' : `It has ${names.join(', ')}.`;
    this.#terminal.notice(`The server at ${url} has no agent ${JSON.stringify(agent)}. ${offered}`);
    return false;
  }

  async #joined(): Promise<boolean> {
    const { transcript } = this.#session;
    await this.#until(transcript, () => transcript.snapshot().status !== 'opening');
    const { status, problem } = transcript.snapshot();
    if (status === 'active') return true;
    if (problem) this.#terminal.notice(problem.message);
    return this.#leaving;
  }

  #introduce(agents: ServerAgents | undefined): void {
    const { url, agent } = this.#options;
    const { title, agent: own, you } = this.#session.transcript.snapshot();
    if (this.#terminal.interactive) {
      const name = agent ?? own ?? agents?.default ?? 'an agent';
      this.#terminal.notice(`Asking ${name} at ${url}. Ctrl-C stops an answer, Ctrl-D leaves.`);
    }
    if (you?.administrator) {
      const words = 'You see it as an administrator; what you do here, they see.';
      this.#terminal.notice(`This is somebody else's chat. ${words}`);
    }
    if (title !== null) this.#terminal.notice(title);
  }

  async #converse(): Promise<number> {
    const { transcript } = this.#session;
    while (!this.#leaving) {
      const line = await Promise.race([this.#terminal.line(), this.#left.promise]);
      if (line === undefined) break;
      this.#mayLeave = false;
      if (this.#view.takes(line) || line.trim() === '') continue;
      const id = this.#session.send(line, { agent: this.#options.agent });
      if (this.#client.state.status !== 'open') {
        this.#terminal.notice(`${quote({ text: line })} waits to be sent: there is no connection.`);
      }
      // The lines of a file are a conversation, too.
      if (!this.#terminal.interactive) await this.#until(transcript, () => this.#isSettled(id));
    }
    if (!this.#terminal.interactive) {
      await this.#until(transcript, () => this.#answers.every(ended) || this.#isGone);
    }
    return this.#farewell();
  }

  /** Whether nothing more comes of a message. */
  #isSettled(id: string): boolean {
    const message = this.#items.find((item) => item.kind === 'message' && item.id === id);
    // It may have been replaced from somewhere else, or be gone with its session.
    if (!message || message.status === 'failed' || this.#isGone) return true;
    const answer = this.#answers.find(({ replyTo }) => replyTo === id);
    return answer !== undefined && ended(answer);
  }

  get #isGone(): boolean {
    const { status } = this.#session.transcript.snapshot();
    return status !== 'active' && status !== 'opening';
  }

  #changed(): void {
    // Said before what came meanwhile is shown.
    this.#resumed();
    this.#view.update(this.#session.transcript.snapshot());
  }

  #tellConnection(): void {
    const { state } = this.#client;
    if (state.status === 'waiting') {
      this.#lost = true;
      const seconds = Math.max(1, Math.round((state.retryAt - performance.now()) / 1_000));
      this.#terminal.notice(`connection lost, trying again in ${seconds} s…`);
    } else if (state.status === 'closed' && !this.#leaving) {
      if (state.code === 4401) this.#askForToken();
      else {
        this.#terminal.notice(`The server closed the connection: ${state.reason || state.code}`);
      }
      this.leave();
    } else if (this.#session.transcript.snapshot().status === 'opening') {
      // Nothing to resume: the session is made with the first message.
      this.#resumed();
    }
  }

  /** The refusal of a message says it, and the close behind it. */
  #askForToken(): void {
    if (this.#isTokenAskedFor) return;
    this.#isTokenAskedFor = true;
    this.#terminal.notice(tokenWanted(this.#options.url));
  }

  #resumed(): void {
    if (!this.#lost || this.#client.state.status !== 'open') return;
    this.#lost = false;
    this.#terminal.notice('resumed');
  }

  #farewell(): number {
    this.#terminal.dismissPrompt();
    const messages = this.#items.filter((item) => item.kind === 'message');
    for (const message of messages.filter(({ status }) => status === 'waiting')) {
      this.#terminal.notice(`${quote(message)} was not sent.`);
    }
    const { status } = this.#session.transcript.snapshot();
    if (status === 'deleted' || status === 'expired') {
      this.#terminal.notice(`This conversation was ${status}.`);
      return 1;
    }
    if (messages.some((message) => message.status === 'sent')) {
      const { command = 'parley chat', agent } = this.#options;
      const asking = agent === undefined ? '' : ` --agent ${quoted(agent)}`;
      this.#terminal.notice(
        `Come back with: ${command} --session ${quoted(this.#session.id)}${asking}`,
      );
    }
    const isRefused = messages.some((message) => message.status === 'failed');
    if (isRefused && !this.#terminal.interactive) return 1;
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
