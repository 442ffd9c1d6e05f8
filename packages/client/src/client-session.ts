/** One conversation over the client's connection: enters it, resumes it, sends to it. */
import type {
  ClientMessage,
  ClientMessageOf,
  ServerMessage,
  ServerMessageOf,
} from '@parley/protocol';
import { Entrance } from './entrance.ts';
import type { Http } from './http.ts';
import type { Problem } from './items.ts';
import { Listeners } from './listeners.ts';
import { loadOlder } from './older.ts';
import type { Outbox } from './outbox.ts';
import { chatMessage } from './requests.ts';
import { type Outgoing, SendQueue } from './send-queue.ts';
import type { CreateOptions, SendOptions, Session } from './session.ts';
import { Transcript } from './transcript.ts';
import { TypingNotices } from './typing-notices.ts';
import { uuid } from './uuid.ts';

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
  readonly #entrance: Entrance;
  #isLeaving = false;
  readonly #typing = new TypingNotices();
  /** The one chosen for a session that is still to be made. */
  #firstAgent: string | undefined;
  /** The messages that the outbox had of this session when it was last looked at. */
  #kept = new Set<string>();
  #older: Promise<void> | undefined;
  /** The last stop of all, and the runs that were there then: what it still means after a loss. */
  #stopOfAll: { readonly id: string; readonly runs: readonly string[] } | undefined;

  constructor(id: string | undefined, link: SessionLink) {
    this.id = id ?? uuid();
    this.#link = link;
    this.transcript = new Transcript(this.id);
    this.#entrance = new Entrance(id !== undefined, this.transcript, link);
    this.#queue = new SendQueue((message) => this.#entrance.status === 'in' && link.send(message));
    this.takeKept();
  }

  get isWaiting(): boolean {
    return this.#queue.size > 0 || this.#entrance.isTrying;
  }

  send(text: string, { agent, replaces, traceparent }: SendOptions = {}): string {
    const id = uuid();
    // Who is asked first is who answers here, as in a session that the server makes by itself.
    if (this.#entrance.isNew) void this.#entrance.keep({ agent: agent ?? this.#firstAgent });
    this.#typing.reset();
    void this.#link.outbox.add({
      kind: 'message',
      id,
      sessionId: this.id,
      timestamp: Date.now(),
      text,
      ...(agent === undefined ? {} : { agent }),
      ...(replaces === undefined ? {} : { replaces }),
      ...(traceparent === undefined ? {} : { traceparent }),
    });
    this.takeKept();
    return id;
  }

  async kept(): Promise<void> {
    await this.#link.outbox.kept;
  }

  retry(messageId: string, text?: string, agent?: string): string {
    const item = this.transcript.message(messageId);
    if (!item) throw new RangeError(`There is no message ${messageId} in this transcript.`);
    const hasFailed = item.status === 'failed';
    if (hasFailed) this.discard(messageId);
    return this.send(text ?? item.text, {
      agent: agent ?? item.agent,
      replaces: hasFailed ? item.replaces : messageId,
    });
  }

  stop(runId?: string): void {
    if (runId !== undefined) {
      this.#command('run_cancel', { run_id: runId });
      return;
    }
    const { items, status } = this.transcript.snapshot();
    const runs = items.flatMap((item) =>
      item.status === 'running' || item.status === 'queued' ? item.runId : [],
    );
    const isIn = this.#entrance.status === 'in';
    // What comes later, from any tab, must not be stopped with it: so it names what it means.
    if (!isIn && status !== 'opening') for (const run of runs) this.stop(run);
    else {
      const id = this.#command('run_cancel', {});
      if (isIn) this.#stopOfAll = { id, runs };
    }
  }

  decide(approvalId: string, approved: boolean, reason?: string): void {
    const data = { approval_id: approvalId, approved, reason };
    this.#command('approval_response', data as ClientMessageOf<'approval_response'>['data']);
  }

  rename(title: string): void {
    this.#command('session_update', { title });
  }

  changeAgent(name: string): void {
    if (this.#entrance.isNew) this.#firstAgent = name;
    else this.#command('session_update', { agent_name: name });
  }

  typing(isTyping = true): void {
    if (this.#entrance.status !== 'in' || !this.#typing.isNews(isTyping)) return;
    this.#link.send({ type: 'typing', session_id: this.id, data: { is_typing: isTyping } });
  }

  discard(messageId: string): void {
    // The server may have it by now.
    if (this.#queue.inFlight === messageId) return;
    this.#link.outbox.takeBack(messageId);
    this.takenBack(messageId);
  }

  async loadOlder({ to }: { readonly to?: string } = {}): Promise<void> {
    if (to !== undefined) {
      while (this.#older) await this.#older.catch(() => {});
      const { items } = this.transcript.snapshot();
      if (items.some((item) => (item.kind === 'message' ? item.id : item.messageId) === to)) return;
    }
    this.#older ??= loadOlder(this.transcript, this.#link.http, to).finally(() => {
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
    const kept = this.#entrance.keep(options);
    this.takeKept();
    await (this.#link.isOpen() ? this.#entrance.made : kept);
  }

  /** There is a connection: enters again what was entered before. */
  opened(): void {
    this.#entrance.opened();
  }

  /** The connection is gone, closed with this code. */
  lost(code: number): void {
    const unanswered = this.#queue.inFlight;
    this.#queue.forgetSent();
    this.#entrance.lost();
    const { id = '', runs = [] } = this.#stopOfAll ?? {};
    if (this.#queue.settle(id)) for (const run of runs) this.stop(run);
    if (code === 1009 && unanswered !== undefined) {
      const message = 'The message is larger than the server takes.';
      this.#fail(unanswered, { code: 'MESSAGE_TOO_LARGE', message });
    }
    this.#depart();
  }

  /** Deleted by this client. The server says it too, but perhaps later than it has answered. */
  deleted(): void {
    this.transcript.delete();
    this.#entrance.gone('deleted');
    this.#giveUp();
    this.#depart();
  }

  /** Timers end, nothing is sent any more; what waits stays in the outbox. */
  dispose(): void {
    this.#entrance.close();
    this.#queue.clear();
    this.transcript.dispose();
  }

  /** Takes over what the outbox has of this session: of an earlier page, of others, of its own. */
  takeKept(): void {
    const { outbox } = this.#link;
    const entries = outbox.entries(this.id);
    const creation = entries.find((entry) => entry.kind === 'session');
    const messages = entries.filter((entry) => entry.kind === 'message');
    if (creation) this.#entrance.takeKept(creation);
    if (creation?.title !== undefined) this.transcript.name(creation.title);
    for (const { id, problem, ...draft } of messages) {
      if (!this.transcript.message(id)) this.transcript.add({ id, ...draft });
      if (problem) this.transcript.fail(id, problem);
    }
    const ids = messages.map(({ id }) => id);
    // What had failed and is there no more was given up, in another tab or here.
    for (const id of this.#kept) {
      const hasFailed = this.transcript.message(id)?.status === 'failed';
      if (hasFailed && !ids.includes(id)) this.transcript.discard(id);
    }
    this.#kept = new Set(ids);
    this.transcript.order(ids);
    const due = outbox.due(this.id).filter((entry) => entry.kind === 'message');
    this.#queue.align(due.map(chatMessage));
    this.#settleLogged();
    this.#advance();
  }

  /** Here, or in another tab. */
  takenBack(messageId: string): void {
    const { status } = this.transcript.message(messageId) ?? {};
    if (status === undefined || status === 'sent') return;
    this.#queue.settle(messageId);
    this.transcript.discard(messageId);
    // Without a word in it, a session that nobody has made need not be made.
    if (this.#entrance.status === 'out' && this.#link.outbox.entries(this.id).length === 1) {
      this.#entrance.forget();
    }
    this.#queue.flush();
    this.#depart();
  }

  received(message: ServerMessage): void {
    if (message.type === 'session_status' && this.#entrance.isTooEarly(message)) return;
    if (message.type === 'error') this.#refused(message);
    else if (message.type === 'message_ack' && message.reply_to !== undefined) {
      this.#settle(message.reply_to);
    }
    this.transcript.apply(message);
    if (message.type === 'message_ack') this.#reachAccepted(message);
    if (message.type === 'session_status') {
      const title = this.#entrance.entered(message);
      if (title !== undefined) this.rename(title);
      this.#reachMessage();
    }
    this.#giveUp();
    this.#settleLogged();
    this.#listeners.call(message);
    // A queue that was full has room when an answer has ended.
    if (message.type === 'agent_response') this.#queue.hurry();
    this.#queue.flush();
    this.#entrance.fillGap();
    this.#depart();
  }

  #command<Type extends Outgoing['type']>(
    type: Type,
    data: Extract<Outgoing, { type: Type }>['data'],
  ): string {
    const message = { type, session_id: this.id, message_id: uuid(), data };
    this.#queue.add(message as unknown as Outgoing);
    this.#advance();
    return message.message_id;
  }

  #advance(): void {
    this.#giveUp();
    if (this.#entrance.status === 'out') this.#entrance.enter();
    this.#queue.flush();
  }

  /** Nothing more can be sent into a session that is gone, or that one may not enter. */
  #giveUp(): void {
    const { problem } = this.#entrance;
    if (!problem) return;
    for (const id of this.#queue.clear()) this.#fail(id, problem);
    const { items, status } = this.transcript.snapshot();
    // One that was only left may be entered again.
    if (status === 'active' || status === 'opening') return;
    // Also what whoever deleted the session has taken out of the storage.
    for (const item of items) {
      if (item.kind === 'message' && item.status === 'waiting') this.#fail(item.id, problem);
    }
  }

  /** Taken back in another tab while it was on its way from here, it is only in the log: to be brought. */
  #reachAccepted({ seq, reply_to: id = '' }: ServerMessageOf<'message_ack'>): void {
    if (seq !== undefined && !this.transcript.message(id)) this.#entrance.enter();
  }

  #refused(refusal: ServerMessageOf<'error'>): void {
    // Who only brings what was left behind comes again when there is room.
    if (this.#entrance.refused(refusal, this.#isLeaving)) return;
    const { reply_to, data } = refusal;
    // A message that was too large to be read has no id that the server could name.
    const unnamed = data.code === 'MESSAGE_TOO_LARGE' ? this.#queue.inFlight : undefined;
    const about = reply_to ?? unnamed;
    if (about === undefined) return;
    if (data.retryable) this.#queue.postpone(about, data.retry_after_ms);
    else this.#fail(about, data);
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
    if (!this.#isLeaving || this.#queue.size > 0 || this.#entrance.isPending) return;
    const { status } = this.#entrance;
    if (status === 'in' || status === 'entering') {
      this.#link.send({ type: 'session_leave', session_id: this.id, data: {} });
    }
    this.dispose();
    this.#link.left();
  }

  /** The newest page may be all of it in the middle of an answer, which shows nothing. */
  #reachMessage(): void {
    const { items, hasMore } = this.transcript.snapshot();
    const isShown = items.some((item) => item.kind === 'message' && item.seq !== undefined);
    if (isShown || !hasMore) return;
    this.loadOlder().then(
      () => this.#reachMessage(),
      // `hasMore` stays, and whoever shows it may ask again.
      () => {},
    );
  }
}
