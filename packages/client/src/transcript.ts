/** What a session shows, made out of its messages: outside any UI framework, and in any order. */
import type {
  HistoryEntry,
  ServerMessage,
  ServerMessageOf,
  SessionEvent,
  SessionEventOf,
} from '@parley/protocol';
import { Branch, fromHistoryEntry } from '@parley/protocol/history';
import { Answer, isRunEvent } from './answer.ts';
import type { Draft, MessageItem, Problem, TranscriptItem, TranscriptSnapshot } from './items.ts';

/** A message as the branch that is shown sees it. */
interface Placed {
  readonly message_id: string;
  readonly replaces: string | undefined;
  readonly item: MessageItem;
}

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
  readonly #listeners = new Set<() => void>();
  /** In the log, with its place there. */
  readonly #logged = new Map<string, { seq: number; item: MessageItem }>();
  /** Not in the log: waiting or failed, in the order in which they were sent. */
  readonly #unsent = new Map<string, MessageItem>();
  readonly #own = new Set<string>();
  readonly #answers = new Map<string, Answer>();
  #lastSeq = 0;
  /** Seqs above `#lastSeq + 1` that came before what precedes them. */
  readonly #ahead = new Set<number>();
  #meta: Omit<TranscriptSnapshot, 'items' | 'typing'> = {
    status: 'opening',
    problem: undefined,
    title: null,
    agent: undefined,
    hasMore: false,
    connections: 0,
  };
  readonly #typing = new Set<string>();
  #shown: readonly MessageItem[] | undefined;
  #snapshot: TranscriptSnapshot | undefined;

  constructor(sessionId: string) {
    this.sessionId = sessionId;
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
    return [...this.#answers.values()].findLast((answer) => answer.place)?.place;
  }

  /** Immutable, and the same object until something changes; unchanged items stay the same too. */
  snapshot(): TranscriptSnapshot {
    this.#shown ??= this.#arrange();
    this.#snapshot ??= {
      ...this.#meta,
      items: this.#withAnswers(this.#shown),
      typing: [...this.#typing],
    };
    return this.#snapshot;
  }

  /** Calls `listener` after every change, until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
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
        this.#addEvent(message as SessionEvent);
        break;
      case 'session_status':
        this.#applyStatus(message);
        break;
      case 'message_ack':
        this.#acknowledge(message);
        break;
      case 'agent_chunk': {
        const { agent_name, offset, content } = message.data;
        this.#answer(message)?.write(message.attempt ?? 1, agent_name, offset, content);
        break;
      }
      case 'run_status':
        this.#answer(message)?.notice(message);
        break;
      case 'agent_progress':
        this.#answer(message)?.report(message);
        break;
      case 'presence':
        this.#meta = { ...this.#meta, connections: message.data.connections };
        // Who left while writing will not say that they stopped.
        for (const sender of this.#typing) {
          const here = message.data.participants.some(({ id }) => id === sender);
          if (!here) this.#typing.delete(sender);
        }
        break;
      case 'typing':
        if (message.data.is_typing) this.#typing.add(message.data.sender);
        else this.#typing.delete(message.data.sender);
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

  /** Shows a message that is on its way. */
  add({ id, text, agent, replaces }: Draft): void {
    this.#own.add(id);
    this.#unsent.set(id, {
      kind: 'message',
      id,
      text,
      status: 'waiting',
      problem: undefined,
      agent,
      sender: undefined,
      replaces,
    });
    this.#shown = undefined;
    this.#changed();
  }

  /** A message on its way was refused: it stays, marked `failed`. */
  fail(id: string, { code, message }: Problem): void {
    const item = this.#unsent.get(id);
    if (item?.status !== 'waiting') return;
    this.#unsent.set(id, { ...item, status: 'failed', problem: { code, message } });
    this.#shown = undefined;
    this.#changed();
  }

  /** Takes away a message that failed. */
  discard(id: string): void {
    if (this.#unsent.get(id)?.status !== 'failed') return;
    this.#unsent.delete(id);
    this.#shown = undefined;
    this.#changed();
  }

  /** The server does not let this client into the session. */
  refuse({ code, message }: Problem): void {
    this.#meta = { ...this.#meta, status: 'refused', problem: { code, message } };
    this.#changed();
  }

  #changed(): void {
    this.#snapshot = undefined;
    for (const listener of this.#listeners) listener();
  }

  #addEvent(event: SessionEvent): void {
    this.#count(event.seq);
    if (isRunEvent(event)) {
      this.#answer(event)?.add(event);
      return;
    }
    this.#typing.delete(event.data.sender);
    if (this.#logged.has(event.message_id)) return;
    this.#log(event.seq, event.run_id, itemOf(event, this.#own.has(event.message_id)));
  }

  #acknowledge({ seq, reply_to, run_id }: ServerMessageOf<'message_ack'>): void {
    const item = reply_to === undefined ? undefined : this.#unsent.get(reply_to);
    if (seq === undefined || reply_to === undefined) return;
    // Of a message that this transcript does not know it must not count the place as filled.
    if (item) this.#log(seq, run_id, { ...item, status: 'sent', problem: undefined });
    if (this.#logged.has(reply_to)) this.#count(seq);
  }

  #log(seq: number, runId: string | undefined, item: MessageItem): void {
    this.#unsent.delete(item.id);
    this.#logged.set(item.id, { seq, item });
    this.#shown = undefined;
    this.#answer({ run_id: runId, reply_to: item.id });
  }

  #count(seq: number): void {
    if (seq > this.#lastSeq) this.#ahead.add(seq);
    while (this.#ahead.delete(this.#lastSeq + 1)) this.#lastSeq += 1;
  }

  #answer(of: { run_id?: string | undefined; reply_to?: string | undefined }): Answer | undefined {
    if (of.run_id === undefined || of.reply_to === undefined) return undefined;
    let answer = this.#answers.get(of.run_id);
    if (!answer) {
      answer = new Answer(of.run_id, of.reply_to);
      this.#answers.set(of.run_id, answer);
    }
    return answer;
  }

  #applyStatus({ data }: ServerMessageOf<'session_status'>): void {
    const { status, title, agent_name: agent, history, answer } = data;
    this.#meta = { ...this.#meta, status, title, agent, problem: undefined };
    if (history) this.#applyHistory(data, history);
    if (answer) {
      this.#answer(answer)?.write(answer.attempt, answer.agent_name, answer.offset, answer.content);
    }
  }

  #applyHistory(data: ServerMessageOf<'session_status'>['data'], history: HistoryEntry[]): void {
    const first = history[0]?.seq ?? data.last_seq + 1;
    if (data.reset || first > this.#lastSeq + 1) {
      // What is here does not reach the page: shown together they would hide a hole.
      this.#logged.clear();
      this.#ahead.clear();
      this.#lastSeq = 0;
      // The server may go on in the middle of the answer that this client said it has.
      for (const id of this.#answers.keys()) {
        if (id !== data.answer?.run_id) this.#answers.delete(id);
      }
      this.#shown = undefined;
    }
    for (const entry of history) this.#addEvent(fromHistoryEntry(this.sessionId, entry));
    for (const seq of this.#ahead) if (seq <= data.last_seq) this.#ahead.delete(seq);
    this.#lastSeq = Math.max(this.#lastSeq, data.last_seq);
    this.#count(this.#lastSeq);
    this.#meta = { ...this.#meta, hasMore: data.has_more ?? false };
  }

  #arrange(): MessageItem[] {
    const logged = [...this.#logged.values()].sort((a, b) => a.seq - b.seq);
    const branch = new Branch<Placed>();
    for (const { item } of logged) {
      branch.add({ message_id: item.id, replaces: item.replaces, item });
    }
    for (const item of this.#unsent.values()) {
      // A refused message has taken nobody's place.
      const replaces = item.status === 'failed' ? undefined : item.replaces;
      branch.add({ message_id: item.id, replaces, item });
    }
    return branch.messages.map(({ item }) => item);
  }

  #withAnswers(messages: readonly MessageItem[]): TranscriptItem[] {
    const answers = new Map<string, Answer[]>();
    for (const answer of this.#answers.values()) {
      const others = answers.get(answer.replyTo);
      if (others) others.push(answer);
      else answers.set(answer.replyTo, [answer]);
    }
    return messages.flatMap((message) => [
      message,
      ...(answers.get(message.id) ?? []).map((answer) => answer.item()),
    ]);
  }
}

function itemOf(event: SessionEventOf<'chat_message'>, own: boolean): MessageItem {
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
  };
}
