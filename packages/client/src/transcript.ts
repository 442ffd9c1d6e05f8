/** What a session shows, made out of its messages: outside any UI framework, and in any order. */
import type {
  HistoryEntry,
  ServerMessage,
  ServerMessageOf,
  SessionEvent,
  SessionEventOf,
} from '@parley/protocol';
import { fromHistoryEntry } from '@parley/protocol/history';
import { type Answer, isRunEvent } from './answer.ts';
import { Arrangement } from './arrangement.ts';
import type { Draft, MessageItem, Problem, TranscriptSnapshot } from './items.ts';
import { Listeners } from './listeners.ts';
import { Typists } from './typists.ts';

/**
 * A store of what one session shows. Applying a message twice changes nothing; events may come in
 * any order, and so may chunks. Two transcripts that got the same log show the same.
 *
 * @example
 * const transcript = new Transcript('5f0c…');
 * transcript.subscribe(() => render(transcript.snapshot()));
 * socket.onmessage = (event) => transcript.apply(JSON.parse(event.data));
 */
export class Transcript {
  readonly sessionId: string;
  readonly #listeners = new Listeners();
  readonly #shown = new Arrangement();
  readonly #own = new Set<string>();
  readonly #typists = new Typists(() => this.#changed());
  #firstSeq = 1;
  #lastSeq = 0;
  /** Seqs above `#lastSeq + 1` that came before what precedes them. */
  readonly #ahead = new Set<number>();
  #meta: Omit<TranscriptSnapshot, 'items' | 'typing'> = {
    status: 'opening',
    problem: undefined,
    title: null,
    agent: undefined,
    hasMore: false,
    you: undefined,
    connections: 0,
  };
  #snapshot: TranscriptSnapshot | undefined;

  constructor(sessionId: string) {
    this.sessionId = sessionId;
  }

  /** The first event of the log that is here, and since which none is missing; older pages end there. */
  get firstSeq(): number {
    return this.#firstSeq;
  }

  /** The last event of the log before which none is missing; what a resume goes on after. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** An event is missing before one that came. A resume from `lastSeq` brings it. */
  get hasGap(): boolean {
    return this.#ahead.size > 0;
  }

  /** How much of the running answer is here, as `session_join` says it. */
  get place(): { run_id: string; attempt: number; offset: number } | undefined {
    return this.#shown.place;
  }

  /** Immutable, and the same object until something changes; unchanged items stay the same too. */
  snapshot(): TranscriptSnapshot {
    this.#snapshot ??= {
      ...this.#meta,
      items: this.#shown.items(),
      typing: this.#typists.list,
    };
    return this.#snapshot;
  }

  /** Calls `listener` after every change, until the returned function is called. */
  subscribe(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** The message with this id, also where another has taken its place. */
  message(id: string): MessageItem | undefined {
    return this.#shown.message(id);
  }

  /** The id of the message that an answer is to; without that message it is not shown. */
  questionOf(answerId: string): string | undefined {
    return this.#shown.questionOf(answerId);
  }

  /** Takes a message of the server. Those of other sessions, and unknown ones, change nothing. */
  apply(message: ServerMessage): void {
    if (message.session_id !== undefined && message.session_id !== this.sessionId) return;
    switch (message.type) {
      case 'chat_message':
      case 'agent_response':
      case 'tool_call':
      case 'tool_result':
      case 'approval_request':
        if (message.seq === undefined || message.message_id === undefined) return;
        this.#count(message.seq);
        this.#addEvent(message as SessionEvent);
        break;
      case 'session_status':
        this.#applyStatus(message);
        break;
      case 'message_ack':
        this.#acknowledge(message);
        break;
      case 'agent_chunk':
        this.#answer(message)?.write({
          attempt: message.attempt ?? 1,
          agent: message.data.agent_name,
          messageId: message.message_id,
          offset: message.data.offset,
          content: message.data.content,
        });
        break;
      case 'run_status':
        this.#answer(message)?.notice(message);
        break;
      case 'agent_progress':
        this.#answer(message)?.report(message);
        break;
      case 'presence':
        this.#meta = { ...this.#meta, connections: message.data.connections };
        // Who left while writing will not say that they stopped.
        this.#typists.keepOnly(message.data.participants.map(({ id }) => id));
        break;
      case 'typing':
        this.#typists.set(message.data.sender, message.data.is_typing);
        break;
      case 'error':
        if (message.reply_to !== undefined && !message.data.retryable) {
          this.fail(message.reply_to, message.data);
        }
        return;
      default:
        return;
    }
    this.#changed();
  }

  /**
   * Takes a page of older events, oldest first: those before `beforeSeq`. A page that does not reach
   * what is here any more, because that was loaded anew meanwhile, changes nothing.
   */
  addOlder(beforeSeq: number, page: readonly HistoryEntry[], hasMore: boolean): void {
    const first = page[0]?.seq ?? beforeSeq;
    if (beforeSeq < this.#firstSeq || first > this.#lastSeq + 1) return;
    for (const entry of page) this.#addEvent(fromHistoryEntry(this.sessionId, entry));
    if (first <= this.#firstSeq) this.#meta = { ...this.#meta, hasMore };
    this.#firstSeq = Math.min(this.#firstSeq, first);
    this.#changed();
  }

  /** Shows a message that is on its way. */
  add({ id, text, agent, replaces, timestamp }: Draft): void {
    this.#own.add(id);
    if (this.#shown.isLogged(id)) return;
    this.#shown.setUnsent({
      kind: 'message',
      id,
      text,
      status: 'waiting',
      problem: undefined,
      agent,
      sender: undefined,
      replaces,
      seq: undefined,
      timestamp,
    });
    this.#changed();
  }

  /** A message on its way was refused: it stays, marked `failed`. */
  fail(id: string, { code, message }: Problem): void {
    const item = this.#shown.unsent(id);
    if (item?.status !== 'waiting') return;
    this.#shown.setUnsent({ ...item, status: 'failed', problem: { code, message } });
    this.#changed();
  }

  /** Takes away a message that waits or has failed. */
  discard(id: string): void {
    if (!this.#shown.unsent(id)) return;
    this.#shown.removeUnsent(id);
    this.#changed();
  }

  /** Shows what is on its way in the order in which it will be sent. */
  order(ids: readonly string[]): void {
    if (this.#shown.orderUnsent(ids)) this.#changed();
  }

  /** What it is going to be called where the server has yet to make it. */
  name(title: string): void {
    if (this.#meta.title === title) return;
    this.#meta = { ...this.#meta, title };
    this.#changed();
  }

  /** The server does not let this client into the session. */
  refuse({ code, message }: Problem): void {
    this.#meta = { ...this.#meta, status: 'refused', problem: { code, message } };
    this.#changed();
  }

  /** The session is deleted, as its client knows before the server tells it here. */
  delete(): void {
    this.#meta = { ...this.#meta, status: 'deleted' };
    this.#changed();
  }

  /** Ends the timers behind it; what it shows stays. */
  dispose(): void {
    this.#typists.dispose();
  }

  #changed(): void {
    this.#snapshot = undefined;
    this.#listeners.call();
  }

  #addEvent(event: SessionEvent): void {
    if (isRunEvent(event)) {
      this.#answer(event)?.add(event);
      return;
    }
    this.#typists.set(event.data.sender, false);
    if (this.#shown.isLogged(event.message_id)) return;
    this.#shown.log(itemOf(event, this.#own.has(event.message_id)));
    this.#answer({ run_id: event.run_id, reply_to: event.message_id });
  }

  #acknowledge({ seq, reply_to, run_id, timestamp }: ServerMessageOf<'message_ack'>): void {
    if (seq === undefined || reply_to === undefined) return;
    const item = this.#shown.unsent(reply_to);
    // Of a message that this transcript does not know it must not count the place as filled.
    if (item) {
      const taken = { status: 'sent', problem: undefined, seq, timestamp: Date.parse(timestamp) };
      this.#shown.log({ ...item, ...(taken as typeof taken & { status: 'sent' }) });
      this.#answer({ run_id, reply_to });
    }
    if (this.#shown.isLogged(reply_to)) this.#count(seq);
  }

  #count(seq: number): void {
    if (seq > this.#lastSeq) this.#ahead.add(seq);
    while (this.#ahead.delete(this.#lastSeq + 1)) this.#lastSeq += 1;
  }

  #answer(of: { run_id?: string | undefined; reply_to?: string | undefined }): Answer | undefined {
    if (of.run_id === undefined || of.reply_to === undefined) return undefined;
    return this.#shown.answer(of.run_id, of.reply_to);
  }

  #applyStatus({ data }: ServerMessageOf<'session_status'>): void {
    const { status, title, agent_name: agent, history, answer, you } = data;
    this.#meta = { ...this.#meta, status, title, agent, problem: undefined };
    if (you) this.#meta = { ...this.#meta, you };
    if (history) this.#applyHistory(data, history);
    if (answer) {
      const { agent_name, message_id, ...rest } = answer;
      this.#answer(answer)?.write({ ...rest, agent: agent_name, messageId: message_id });
    }
  }

  #applyHistory(data: ServerMessageOf<'session_status'>['data'], history: HistoryEntry[]): void {
    const first = history[0]?.seq ?? data.last_seq + 1;
    // A page that comes late and ends before what is here: shown together they would hide a hole.
    if (!data.reset && data.last_seq + 1 < this.#firstSeq) return;
    if (data.reset || first > this.#lastSeq + 1) {
      // What is here does not reach the page.
      this.#ahead.clear();
      this.#lastSeq = 0;
      this.#firstSeq = first;
      // The server may go on in the middle of the answer that this client said it has.
      this.#shown.clear(data.answer?.run_id);
    }
    for (const entry of history) this.#addEvent(fromHistoryEntry(this.sessionId, entry));
    for (const seq of this.#ahead) if (seq <= data.last_seq) this.#ahead.delete(seq);
    this.#lastSeq = Math.max(this.#lastSeq, data.last_seq);
    this.#count(this.#lastSeq);
    if (first > this.#firstSeq) return;
    this.#firstSeq = first;
    this.#meta = { ...this.#meta, hasMore: data.has_more ?? false };
  }
}

function itemOf(
  event: SessionEventOf<'chat_message'>,
  own: boolean,
): MessageItem & { readonly seq: number } {
  const { content, agent_name, sender, replaces } = event.data;
  return {
    kind: 'message',
    id: event.message_id,
    text: content,
    status: 'sent',
    problem: undefined,
    agent: agent_name,
    sender: own ? undefined : sender,
    replaces,
    seq: event.seq,
    timestamp: Date.parse(event.timestamp),
  };
}
