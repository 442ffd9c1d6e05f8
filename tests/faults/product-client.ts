/** The client that people use, asking and stopping, and everything that its transcript may not do. */
import type { HistoryEntry, ServerMessage } from '@parley/protocol';
import {
  type AnswerItem,
  type Client,
  createClient,
  type Session,
  type TranscriptItem,
} from '../../packages/client/src/index.ts';
import { between, type Random } from '../helpers/seeded.ts';
import { brief, type Violation } from './record.ts';

const STOP = 0.06;
/** Messages that it has waiting for an answer at the most. */
const AHEAD = 2;
/** What a client that stops an answer may hear when the answer was faster. */
const HARMLESS: ReadonlySet<string> = new Set(['RUN_NOT_FOUND']);

export class ProductClient {
  readonly session: Session;
  readonly violations: Violation[] = [];
  readonly #name: string;
  readonly #client: Client;
  readonly #random: Random;
  readonly #sent: string[] = [];
  /** What was shown last, by id. */
  #shown = new Map<string, TranscriptItem>();
  #timer: NodeJS.Timeout | undefined;
  #waiting = new Set<() => void>();

  /** Without a `sessionId` it has one made by its first message. */
  constructor(name: string, url: string, random: Random, sessionId?: string) {
    this.#name = name;
    this.#random = random;
    this.#client = createClient({ url });
    this.session = this.#client.session(sessionId);
    this.session.transcript.subscribe(() => this.#look());
    this.#client.subscribe(() => this.#wake());
    this.#client.on('warning', ({ message }) => this.#broken('R9', `was warned: ${message}`));
    this.session.subscribe((message) => this.#heard(message));
    this.#goOn();
  }

  /** How many messages it was given to send. */
  get sent(): number {
    return this.#sent.length;
  }

  /** Asks nothing more. */
  finish(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Tries at once, as a person does who sees that the network is back. */
  reconnect(): void {
    this.#client.reconnect();
  }

  /** Resolves when all that it was given is sent and answered, or notes that it is not. */
  async settled(patience: number): Promise<void> {
    const isOver = (item: TranscriptItem) =>
      item.kind === 'answer'
        ? item.status !== 'running' && item.status !== 'queued'
        : item.status !== 'waiting';
    const is = () =>
      this.#client.state.status === 'open' && [...this.#shown.values()].every(isOver);
    if (await this.#until(is, patience)) return;
    this.#broken('R6', `is ${this.#client.state.status} and not done after ${patience} ms`);
  }

  /** Holds what it shows against the log, as soon as it has all of it or `patience` is over. */
  async check(log: readonly HistoryEntry[], patience: number): Promise<void> {
    const { transcript } = this.session;
    await this.#until(() => transcript.lastSeq >= log.length && !transcript.hasGap, patience);
    const shown = JSON.stringify(transcript.snapshot().items.map(essence));
    const kept = JSON.stringify(itemsOf(log));
    if (shown !== kept) this.#broken('R7', `ended with ${shown}, the log has ${kept}`);
    const asked = log.filter(({ type }) => type === 'chat_message');
    for (const id of this.#sent) {
      const times = asked.filter(({ message_id }) => message_id === id).length;
      if (times !== 1) this.#broken('R3', `was given ${id} to send, the log has it ${times} times`);
    }
  }

  close(): void {
    this.finish();
    this.#client.close();
  }

  #goOn(): void {
    this.#timer = setTimeout(() => this.#act(), between(this.#random, 30, 300));
  }

  #act(): void {
    this.#goOn();
    const random = this.#random;
    if (random() < STOP) this.session.stop();
    if (this.#open() >= AHEAD) return;
    const tool = random() < 0.2 ? ' tool=search' : '';
    const script = `tokens=${between(random, 5, 30)} rate=${between(random, 25, 60)}${tool}`;
    this.#sent.push(this.session.send(script));
  }

  /** How many of its messages are not answered. */
  #open(): number {
    const ended = new Set(
      [...this.#shown.values()].flatMap((item) => (isEnded(item) ? item.replyTo : [])),
    );
    return this.#sent.filter((id) => !ended.has(id)).length;
  }

  #heard(message: ServerMessage): void {
    if (message.type === 'error' && !HARMLESS.has(message.data.code)) {
      this.#broken('R9', `got the error ${message.data.code}: ${message.data.message}`);
    }
    if (message.type !== 'agent_chunk') return;
    const { run_id: runId = '', data } = message;
    const shown = this.#shown.get(runId);
    const end = data.offset + data.content.length;
    if (shown?.kind !== 'answer' || shown.status !== 'running' || shown.text.length >= end) return;
    const has = shown.text.length;
    this.#broken('R6', `got text of run ${runId} from ${data.offset} to ${end} and shows ${has}`);
  }

  /** What was shown stays: text grows, an end is the end, and nothing goes away. */
  #look(): void {
    const { items } = this.session.transcript.snapshot();
    const now = new Map(items.map((item) => [idOf(item), item]));
    for (const [id, before] of this.#shown) {
      const item = now.get(id);
      if (item === before) continue;
      if (!item) this.#broken('R7', `shows ${id} no longer`);
      else if (item.kind === 'answer') this.#compare(before as AnswerItem, item);
      else if (item.status === 'failed') {
        this.#broken('R3', `was refused ${id}: ${item.problem?.message}`);
      } else if (item.status === 'waiting' && before.status === 'sent') {
        this.#broken('R2', `has ${id} wait again`);
      }
    }
    this.#shown = now;
    this.#wake();
  }

  #compare(before: AnswerItem, after: AnswerItem): void {
    const { runId, text } = before;
    if (!after.text.startsWith(text)) {
      this.#broken('R6', `showed of run ${runId} ${brief(text)}, and then ${brief(after.text)}`);
    }
    if (!isEnded(before)) return;
    if (after.status !== before.status || after.text !== text) {
      this.#broken('R5', `showed the end of run ${runId} (${before.status}), and it went on`);
    }
  }

  #broken(rule: string, text: string): void {
    this.violations.push({ rule, session: this.session.id, text: `${this.#name} ${text}` });
  }

  #wake(): void {
    for (const look of this.#waiting) look();
  }

  /** Resolves when it is so, or with `false` after so many milliseconds. */
  #until(is: () => boolean, patience: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const look = () => {
      if (is()) resolve(true);
    };
    const timer = setTimeout(() => resolve(false), patience);
    this.#waiting.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(look);
    });
  }
}

function idOf(item: TranscriptItem): string {
  return item.kind === 'message' ? item.id : item.runId;
}

function isEnded(item: TranscriptItem): item is AnswerItem {
  return item.kind === 'answer' && item.status !== 'running' && item.status !== 'queued';
}

/** What an item says of the log. */
function essence(item: TranscriptItem): unknown {
  if (item.kind === 'message') return [item.seq, item.id, item.status, item.text];
  const steps = item.steps.map((step) =>
    step.kind === 'tool' ? [step.id, step.arguments, step.result?.value] : step,
  );
  return [item.runId, item.replyTo, item.messageId, item.status, item.text, steps];
}

/** The same, made of the log: each message, followed by its answer. */
function itemsOf(log: readonly HistoryEntry[]): unknown[] {
  return log.flatMap((entry) => {
    if (entry.type !== 'chat_message') return [];
    const message = [entry.seq, entry.message_id, 'sent', entry.content];
    const answering = log.filter(({ reply_to }) => reply_to === entry.message_id);
    const end = answering.find(({ type }) => type === 'agent_response');
    if (!end) return [message];
    const steps = answering
      .filter(({ type }) => type === 'tool_call')
      .map(({ tool_call_id, arguments: given }) => {
        const result = answering.find(
          (other) => other.type === 'tool_result' && other.tool_call_id === tool_call_id,
        );
        return [tool_call_id, given, result?.result];
      });
    const { run_id, reply_to, message_id, status, content } = end;
    return [message, [run_id, reply_to, message_id, status, content, steps]];
  });
}
