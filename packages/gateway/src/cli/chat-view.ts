/** What the terminal shows of a conversation: everything that is said in it, by whomever, as it comes. */
import type {
  AnswerItem,
  MessageItem,
  Session,
  Step,
  TranscriptItem,
  TranscriptSnapshot,
} from '@parley/client';
import { ApprovalDesk } from './chat-approvals.ts';
import type { Terminal } from './terminal.ts';

/** How much of a message a notice about it repeats, in characters. */
const QUOTE_LENGTH = 40;

/** How much of an answer is shown. */
interface Shown {
  attempt: number;
  /** UTF-16 code units of its text. */
  written: number;
  hasBegun: boolean;
  isQueued: boolean;
  isOver: boolean;
  /** Of each step what was told last. */
  readonly steps: Map<string, Step>;
}

export class ChatView {
  readonly #terminal: Terminal;
  readonly #approvals: ApprovalDesk;
  readonly #messages = new Map<string, MessageItem>();
  readonly #answers = new Map<string, Shown>();
  readonly #refused = new Set<string>();
  /** The message to which belongs what was written last. */
  #above: string | undefined;
  /** The run whose answer is being written. */
  #writing: string | undefined;

  constructor(terminal: Terminal, session: Session) {
    this.#terminal = terminal;
    this.#approvals = new ApprovalDesk(terminal, session);
  }

  /** A line that was typed: whether it answers what an agent asks, and is no message. */
  takes(line: string): boolean {
    return this.#approvals.takes(line);
  }

  /** Takes items for shown. */
  skip(items: readonly TranscriptItem[]): void {
    for (const item of items) {
      if (item.kind === 'message') this.#messages.set(item.id, item);
      else this.#shown(item).isOver = ended(item);
    }
  }

  /** Shows what was not shown yet. */
  update({ items }: TranscriptSnapshot): void {
    for (const item of items) {
      if (item.kind === 'message') this.#message(item);
      else if (!this.#shown(item).isOver) this.#answer(item);
    }
    const isThere = items.some((item) => item.kind === 'answer' && item.runId === this.#writing);
    if (this.#writing === undefined || isThere) return;
    this.#end(this.#writing);
    this.#terminal.notice('What was asked was taken back, and its answer with it.');
  }

  #message(item: MessageItem): void {
    const { id, sender, status, problem } = item;
    if (!this.#messages.has(id)) {
      // What was typed here stands above already.
      if (sender !== undefined) this.#terminal.say(spoken(item));
      this.#above = id;
    }
    this.#messages.set(id, item);
    if (status !== 'failed' || this.#refused.has(id)) return;
    this.#refused.add(id);
    this.#terminal.notice(`Not sent: ${problem?.message}`);
  }

  #answer(answer: AnswerItem): void {
    const shown = this.#shown(answer);
    const message = this.#messages.get(answer.replyTo);
    if (!message) return;
    if (answer.status === 'queued') {
      this.#wait(answer, message, shown);
      return;
    }
    this.#begin(answer, message, shown);
    for (const step of answer.steps) this.#step(step, message, shown);
    this.#write(answer, shown);
    if (ended(answer)) this.#finish(answer);
  }

  /** Said once, of what was asked here: others are told where they asked. */
  #wait({ position }: AnswerItem, message: MessageItem, shown: Shown): void {
    if (shown.isQueued || position === undefined || message.sender !== undefined) return;
    shown.isQueued = true;
    this.#terminal.notice(`${quote(message)} waits its turn, ${position} before it.`);
  }

  /** Says who answers whom, unless the answer follows what was typed here. */
  #begin(answer: AnswerItem, message: MessageItem, shown: Shown): void {
    this.#writing = answer.runId;
    const isNew = !shown.hasBegun;
    shown.hasBegun = true;
    if (isNew) {
      if (this.#above !== message.id) this.#terminal.say(spoken(message));
      if (message.sender !== undefined) this.#terminal.write(`${answer.agent ?? 'agent'}: `);
    } else if (shown.attempt !== answer.attempt) {
      this.#terminal.notice('The answer was interrupted and begins again.');
      shown.written = 0;
    }
    shown.attempt = answer.attempt;
    if (isNew) this.#above = message.id;
  }

  #write(answer: AnswerItem, shown: Shown): void {
    const text = answer.text.slice(shown.written);
    if (text === '') return;
    // Something else was said in the middle of it.
    const goesOn = this.#above === answer.replyTo ? '' : '… ';
    this.#above = answer.replyTo;
    shown.written = answer.text.length;
    this.#terminal.write(goesOn + text);
  }

  #finish(answer: AnswerItem): void {
    this.#end(answer.runId);
    if (answer.status === 'cancelled') this.#terminal.notice('Stopped.');
    else if (answer.problem) this.#terminal.notice(answer.problem.message);
    else this.#terminal.write('\n');
  }

  #end(runId: string): void {
    const shown = this.#answers.get(runId);
    if (shown) shown.isOver = true;
    for (const step of shown?.steps.values() ?? []) this.#approvals.withdraw(step.id);
    this.#writing = undefined;
  }

  #step(step: Step, message: MessageItem, shown: Shown): void {
    const before = shown.steps.get(step.id);
    shown.steps.set(step.id, step);
    const use = `${step.name} ${JSON.stringify(step.arguments)}`;
    if (step.kind === 'tool') {
      if (!before) this.#terminal.notice(`· ${use}`);
    } else if (step.status !== 'pending') {
      this.#approvals.withdraw(step.id);
      if (before?.kind === 'approval' && before.status === step.status) return;
      const reason = step.reason === undefined ? '' : `: ${step.reason}`;
      this.#terminal.notice(`${step.status === 'approved' ? 'Allowed' : 'Denied'}${reason}.`);
    } else if (!before) this.#approvals.open(step.id, use, message.sender === undefined);
  }

  #shown({ runId, attempt }: AnswerItem): Shown {
    let shown = this.#answers.get(runId);
    if (!shown) {
      const steps = new Map<string, Step>();
      shown = { attempt, written: 0, hasBegun: false, isQueued: false, isOver: false, steps };
      this.#answers.set(runId, shown);
    }
    return shown;
  }
}

/** Whether nothing more comes of it. */
export function ended({ status }: AnswerItem): boolean {
  return status !== 'queued' && status !== 'running';
}

/** The beginning of a message, for a notice about it. */
export function quote({ text }: { readonly text: string }): string {
  const [line = ''] = text.trim().split('\n');
  const isWhole = line === text.trim() && line.length <= QUOTE_LENGTH;
  return `“${isWhole ? line : `${line.slice(0, QUOTE_LENGTH - 1).toWellFormed()}…`}”`;
}

/** A message with who wrote it; what was typed here, as it was typed. */
function spoken({ sender, text, replaces }: MessageItem): string {
  if (sender === undefined) return `> ${text}`;
  return `${sender}${replaces === undefined ? '' : ' (instead of what was asked before)'}: ${text}`;
}
