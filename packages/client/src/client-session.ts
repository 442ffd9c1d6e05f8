/** One conversation over the client's connection: enters it, resumes it, sends to it. */
import type { ClientMessage, HistoryEntry, ServerMessage, ServerMessageOf } from '@parley/protocol';
import { retryDelay } from './backoff.ts';
import { type Http, RequestError } from './http.ts';
import type { Problem } from './items.ts';
import { Listeners } from './listeners.ts';
import type { Outbox } from './outbox.ts';
import { chatMessage, createSession, joinSession } from './requests.ts';
import { type Outgoing, SendQueue } from './send-queue.ts';
import type { CreateOptions, SendOptions, Session } from './session.ts';
import type { OutboxMessage } from './storage.ts';
import { Transcript } from './transcript.ts';
import { TypingNotices } from './typing-notices.ts';
import { uuid } from './uuid.ts';

/** Events in a page of older ones. */
const PAGE = 100;

/** What a session needs of the client that made it. */
export interface SessionLink {
  readonly outbox: Outbox;
  readonly http: Http;
  isOpen(): boolean;
  /** `false`: not open, nothing was sent. */
  send(message: ClientMessage): boolean;
  left(): void;
}

export class ClientSession implements Session {
  readonly id: string;
  readonly transcript: Transcript;
  readonly #link: SessionLink;
  readonly #queue: SendQueue;
  readonly #listeners = new Listeners<[ServerMessage]>();
  /** The server knows it; until then it is made with the first message, not before. */
  #exists: boolean;
  /** How it is to be made, where that waits in the outbox. */
  #creation: CreateOptions | undefined;
  readonly #made = Promise.withResolvers<void>();
  /** Where it stands with the server on this connection. */
  #entry:
    | { readonly status: 'out' }
    | { readonly status: 'entering'; readonly messageId: string }
    | { readonly status: 'in' }
    | { readonly status: 'gone'; readonly problem: Problem } = { status: 'out' };
  #isLeaving = false;
  #refusals = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** The `lastSeq` whose gap the server was last asked to fill; it is asked once for each. */
  #askedFrom = -1;
  readonly #typing = new TypingNotices();
  /** The messages that the outbox had of this session when it was last looked at. */
  #kept = new Set<string>();
  #older: Promise<void> | undefined;

  constructor(id: string | undefined, link: SessionLink) {
    this.id = id ?? uuid();
    this.#exists = id !== undefined;
    this.#link = link;
    this.transcript = new Transcript(this.id);
    this.#queue = new SendQueue((message) => this.#entry.status === 'in' && link.send(message));
    // Whether it was made is told to those who ask.
    this.#made.promise.catch(() => {});
    this.takeKept();
  }

  send(text: string, { agent, replaces }: SendOptions = {}): string {
    const id = uuid();
    if (!this.#exists && !this.#creation) void this.#keepCreation({});
    this.#typing.reset();
    void this.#link.outbox.add({
      kind: 'message',
      id,
      sessionId: this.id,
      timestamp: Date.now(),
      text,
      ...(agent === undefined ? {} : { agent }),
      ...(replaces === undefined ? {} : { replaces }),
    });
    this.takeKept();
    return id;
  }

  retry(messageId: string, text?: string): string {
    const item = this.transcript.message(messageId);
    if (!item) throw new RangeError(`There is no message ${messageId} in this transcript.`);
    const { agent } = item;
    if (item.status !== 'failed') {
      return this.send(text ?? item.text, { agent, replaces: messageId });
    }
    this.discard(messageId);
    return this.send(text ?? item.text, { agent, replaces: item.replaces });
  }

  stop(runId?: string): void {
    this.#command('run_cancel', runId === undefined ? {} : { run_id: runId });
  }

  decide(approvalId: string, approved: boolean, reason?: string): void {
    const data = { approval_id: approvalId, approved };
    this.#command('approval_response', reason === undefined ? data : { ...data, reason });
  }

  rename(title: string): void {
    this.#command('session_update', { title });
  }

  typing(isTyping = true): void {
    if (this.#entry.status !== 'in' || !this.#typing.isNews(isTyping)) return;
    this.#link.send({ type: 'typing', session_id: this.id, data: { is_typing: isTyping } });
  }

  discard(messageId: string): void {
    if (this.transcript.message(messageId)?.status !== 'failed') return;
    this.transcript.discard(messageId);
    this.#link.outbox.settle(messageId);
  }

  loadOlder(): Promise<void> {
    this.#older ??= this.#loadOlder().finally(() => {
      this.#older = undefined;
    });
    return this.#older;
  }

  subscribe(listener: (message: ServerMessage) => void): () => void {
    return this.#listeners.add(listener);
  }

  leave(): void {
    this.#isLeaving = true;
    this.#depart();
  }

  /** It was left, but not gone out of yet, and is wanted again. */
  stay(): void {
    this.#isLeaving = false;
  }

  /**
   * Has the server make it. Resolves when that is done or, without a connection, when it is kept
   * for later.
   *
   * @throws {RequestError} when the server refuses.
   */
  async create(options: CreateOptions): Promise<void> {
    const kept = this.#keepCreation(options);
    this.takeKept();
    await (this.#link.isOpen() ? this.#made.promise : kept);
  }

  /** There is a connection: enters again what was entered before. */
  opened(): void {
    if (this.#entry.status === 'gone') return;
    this.#entry = { status: 'out' };
    this.#enter();
  }

  /** The connection is gone, closed with this code. */
  lost(code: number): void {
    this.#stopRetrying();
    const unanswered = this.#queue.inFlight;
    this.#queue.forgetSent();
    if (this.#entry.status !== 'gone') this.#entry = { status: 'out' };
    if (code === 1009 && unanswered !== undefined) {
      const message = 'The message is larger than the server takes.';
      this.#fail(unanswered, { code: 'MESSAGE_TOO_LARGE', message });
    }
    // It is in the outbox, and made when there is a connection again.
    this.#made.resolve();
    this.#depart();
  }

  /** Timers end, nothing is sent any more; what waits stays in the outbox. */
  dispose(): void {
    this.#stopRetrying();
    this.#entry = { status: 'gone', problem: { code: 'NO_SESSION', message: 'It was left.' } };
    this.#queue.clear();
    this.#made.resolve();
    this.transcript.dispose();
  }

  /** Takes over what the outbox has of this session: of an earlier page, of others, of its own. */
  takeKept(): void {
    const { outbox } = this.#link;
    const entries = outbox.entries(this.id);
    const creation = entries.find(({ kind }) => kind === 'session');
    const messages = entries.filter((entry): entry is OutboxMessage => entry.kind === 'message');
    if (creation && this.#entry.status === 'in') outbox.settle(creation.id);
    else if (creation?.kind === 'session') {
      this.#creation = creation;
      this.#exists = false;
    }
    for (const { id, problem, ...draft } of messages) {
      if (!this.transcript.message(id)) this.transcript.add({ id, ...draft });
      if (problem) this.transcript.fail(id, problem);
    }
    const ids = messages.map(({ id }) => id);
    // What had failed and is there no more was given up, in another tab or here.
    for (const id of this.#kept) if (!ids.includes(id)) this.transcript.discard(id);
    this.#kept = new Set(ids);
    this.transcript.order(ids);
    const due = outbox.due(this.id).filter((entry) => entry.kind === 'message');
    this.#queue.align(due.map(chatMessage));
    this.#settleLogged();
    this.#advance();
  }

  received(message: ServerMessage): void {
    // What the server tells those who follow their sessions is not the answer to having come in.
    if (message.type === 'session_status' && this.#isTooEarly(message)) return;
    if (message.type === 'error') this.#refused(message);
    else if (message.type === 'message_ack' && message.reply_to !== undefined) {
      this.#settle(message.reply_to);
    }
    this.transcript.apply(message);
    if (message.type === 'session_status') this.#entered(message);
    this.#settleLogged();
    this.#listeners.call(message);
    // A queue that was full has room when an answer has ended.
    if (message.type === 'agent_response') this.#queue.hurry();
    this.#queue.flush();
    this.#fillGap();
    this.#depart();
  }

  #command<Type extends Outgoing['type']>(
    type: Type,
    data: Extract<Outgoing, { type: Type }>['data'],
  ): void {
    const message = { type, session_id: this.id, message_id: uuid(), data };
    this.#queue.add(message as unknown as Outgoing);
    this.#advance();
  }

  #keepCreation(options: CreateOptions): Promise<void> {
    const { title, agent } = options;
    this.#creation = options;
    return this.#link.outbox.add({
      kind: 'session',
      id: this.id,
      sessionId: this.id,
      timestamp: Date.now(),
      ...(title === undefined ? {} : { title }),
      ...(agent === undefined ? {} : { agent }),
    });
  }

  #advance(): void {
    const entry = this.#entry;
    if (entry.status === 'gone') {
      for (const id of this.#queue.clear()) this.#fail(id, entry.problem);
    } else if (entry.status === 'out') this.#enter();
    this.#queue.flush();
  }

  #enter(): void {
    // Before the storage is read it is not known whether this session is still to be made.
    if (this.#retry !== undefined || !this.#link.outbox.isReady) return;
    if (!this.#exists && !this.#creation) return;
    const { lastSeq, place } = this.transcript;
    const isKnown = this.transcript.snapshot().status !== 'opening';
    const request = this.#exists
      ? joinSession(this.id, isKnown ? { lastSeq, place } : undefined)
      : createSession(this.id, this.#creation ?? {});
    const isSent = this.#link.send(request);
    if (isSent) this.#entry = { status: 'entering', messageId: request.message_id };
  }

  #entered({ data }: ServerMessageOf<'session_status'>): void {
    if (data.status === 'active') {
      if (this.#entry.status === 'entering') this.#entry = { status: 'in' };
      this.#exists = true;
      this.#refusals = 0;
      this.#settleCreation();
      return;
    }
    const message = `This conversation is ${data.status}.`;
    this.#end({ code: 'SESSION_NOT_FOUND', message });
  }

  #isTooEarly({ reply_to, data }: ServerMessageOf<'session_status'>): boolean {
    const entry = this.#entry;
    return (
      data.status === 'active' &&
      (entry.status === 'out' || (entry.status === 'entering' && reply_to !== entry.messageId))
    );
  }

  #refused({ reply_to, data }: ServerMessageOf<'error'>): void {
    if (this.#entry.status === 'entering' && reply_to === this.#entry.messageId) {
      // Who only brings what was left behind comes again when there is room.
      const isForNow = data.retryable || (this.#isLeaving && data.code === 'SESSION_LIMIT');
      if (isForNow) {
        this.#entry = { status: 'out' };
        const delay = data.retry_after_ms ?? retryDelay(this.#refusals);
        this.#refusals += 1;
        this.#retry = setTimeout(() => {
          this.#retry = undefined;
          this.#enter();
        }, delay);
        return;
      }
      this.transcript.refuse(data);
      this.#made.reject(new RequestError(data.message, { ...data, status: 0 }));
      this.#end(data);
      return;
    }
    // A message that was too large to be read has no id that the server could name.
    const unnamed = data.code === 'MESSAGE_TOO_LARGE' ? this.#queue.inFlight : undefined;
    const about = reply_to ?? unnamed;
    if (about === undefined) return;
    if (data.retryable) this.#queue.postpone(about, data.retry_after_ms);
    else this.#fail(about, data);
  }

  /** Nothing can be sent to it any more. */
  #end(problem: Problem): void {
    this.#entry = { status: 'gone', problem };
    this.#settleCreation();
    this.#advance();
  }

  #settleCreation(): void {
    this.#creation = undefined;
    this.#made.resolve();
    this.#link.outbox.settle(this.id);
  }

  #settle(id: string): void {
    this.#queue.settle(id);
    this.#link.outbox.settle(id);
  }

  /** What is in the log was accepted, whoever sent it and wherever the acknowledgement went. */
  #settleLogged(): void {
    for (const id of this.#queue.chat) {
      if (this.transcript.message(id)?.status === 'sent') this.#settle(id);
    }
  }

  #fail(id: string, problem: Problem): void {
    this.#queue.settle(id);
    this.transcript.fail(id, problem);
    this.#link.outbox.fail(id, problem);
  }

  #depart(): void {
    if (!this.#isLeaving || this.#queue.size > 0 || this.#creation) return;
    const { status } = this.#entry;
    if (status === 'in' || status === 'entering') {
      this.#link.send({ type: 'session_leave', session_id: this.id, data: {} });
    }
    this.dispose();
    this.#link.left();
  }

  /** An event came before the one that precedes it: a resume brings what is missing. */
  #fillGap(): void {
    const { hasGap, lastSeq } = this.transcript;
    if (!hasGap || this.#entry.status !== 'in' || this.#askedFrom === lastSeq) return;
    this.#askedFrom = lastSeq;
    this.#enter();
  }

  #stopRetrying(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  async #loadOlder(): Promise<void> {
    if (!this.transcript.snapshot().hasMore) return;
    const before = this.transcript.firstSeq;
    const page = await this.#link.http.call<{ messages: HistoryEntry[]; has_more: boolean }>(
      `sessions/${encodeURIComponent(this.id)}/messages?before_seq=${before}&limit=${PAGE}`,
    );
    this.transcript.addOlder(before, page.messages, page.has_more);
  }
}
