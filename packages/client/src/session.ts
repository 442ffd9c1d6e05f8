/** One conversation over the client's connection: enters it, resumes it, sends to it. */
import type { ClientMessage, ServerMessage, ServerMessageOf } from '@parley/protocol';
import { retryDelay } from './backoff.ts';
import { Outbox, type Outgoing } from './outbox.ts';
import { Transcript } from './transcript.ts';
import { uuid } from './uuid.ts';

/** `typing` says at most so often that somebody still writes, milliseconds. */
const TYPING_MS = 3_000;

export interface SendOptions {
  /** The name of the agent to ask; default: the session's own. */
  readonly agent?: string | undefined;
  /** Asking again: the id of an earlier message of the same person that this one supersedes. */
  readonly replaces?: string | undefined;
}

export interface Session {
  /** Known from the start, also of a session that the server has yet to make. */
  readonly id: string;
  /** What there is to show. */
  readonly transcript: Transcript;
  /**
   * Sends a message, now or as soon as there is a connection, and returns its id. It is shown at
   * once as `waiting`; it is sent again after a loss, with the same id, until the server has
   * accepted it (`sent`) or refused it (`failed`).
   */
  send(text: string, options?: SendOptions): string;
  /** Stops one run, or all that wait or run in this session. */
  stop(runId?: string): void;
  /** Answers an agent that asks whether it may use a tool. */
  decide(approvalId: string, approved: boolean): void;
  /** Gives the session a title, 1 to 200 characters. */
  rename(title: string): void;
  /** Tells the others that somebody writes here; call it on every key, it is sent now and then. */
  typing(isTyping?: boolean): void;
  /** Takes a failed message out of the transcript. */
  discard(messageId: string): void;
  /** Every message of the server about this session, after the transcript has taken it. */
  subscribe(listener: (message: ServerMessage) => void): () => void;
  /** Goes out of the session and forgets what waits to be sent; the server keeps the session. */
  leave(): void;
}

/** What a session needs of the client that made it. */
interface Link {
  /** `false`: not open, nothing was sent. */
  send(message: ClientMessage): boolean;
  left(): void;
}

export class ClientSession implements Session {
  readonly id: string;
  readonly transcript: Transcript;
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #listeners = new Set<(message: ServerMessage) => void>();
  /** The server knows it; until then it is made with the first message, not before. */
  #exists: boolean;
  /** Where it stands with the server on this connection. */
  #entry:
    | { readonly status: 'out' }
    | { readonly status: 'entering'; readonly messageId: string }
    | { readonly status: 'in' }
    | { readonly status: 'gone' } = { status: 'out' };
  #refusals = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** The `lastSeq` whose gap the server was last asked to fill; it is asked once for each. */
  #askedFrom = -1;
  #typingSentAt = 0;

  constructor(id: string | undefined, link: Link) {
    this.id = id ?? uuid();
    this.#exists = id !== undefined;
    this.#link = link;
    this.transcript = new Transcript(this.id);
    this.#outbox = new Outbox((message) => this.#entry.status === 'in' && link.send(message));
    this.opened();
  }

  send(text: string, { agent, replaces }: SendOptions = {}): string {
    const id = uuid();
    this.transcript.add({ id, text, agent, replaces });
    this.#typingSentAt = 0;
    this.#post({
      type: 'chat_message',
      session_id: this.id,
      message_id: id,
      data: {
        content: text,
        message_type: 'text',
        ...(agent === undefined ? {} : { agent_name: agent }),
        ...(replaces === undefined ? {} : { replaces }),
      },
    });
    return id;
  }

  stop(runId?: string): void {
    this.#post({
      type: 'run_cancel',
      session_id: this.id,
      message_id: uuid(),
      data: runId === undefined ? {} : { run_id: runId },
    });
  }

  decide(approvalId: string, approved: boolean): void {
    this.#post({
      type: 'approval_response',
      session_id: this.id,
      message_id: uuid(),
      data: { approval_id: approvalId, approved },
    });
  }

  rename(title: string): void {
    this.#post({
      type: 'session_update',
      session_id: this.id,
      message_id: uuid(),
      data: { title },
    });
  }

  typing(isTyping = true): void {
    if (this.#entry.status !== 'in') return;
    const now = Date.now();
    if (isTyping ? now - this.#typingSentAt < TYPING_MS : this.#typingSentAt === 0) return;
    this.#typingSentAt = isTyping ? now : 0;
    this.#link.send({ type: 'typing', session_id: this.id, data: { is_typing: isTyping } });
  }

  discard(messageId: string): void {
    this.transcript.discard(messageId);
  }

  subscribe(listener: (message: ServerMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  leave(): void {
    this.#link.send({ type: 'session_leave', session_id: this.id, data: {} });
    this.dispose();
    this.#link.left();
  }

  /** There is a connection: enters again what was entered before. */
  opened(): void {
    if (this.#entry.status === 'gone') return;
    this.#entry = { status: 'out' };
    this.#enter();
  }

  /** The connection is gone, closed with this code. */
  lost(code: number): void {
    clearTimeout(this.#retry);
    const unanswered = this.#outbox.inFlight;
    this.#outbox.forgetSent();
    if (this.#entry.status !== 'gone') this.#entry = { status: 'out' };
    if (code === 1009 && unanswered !== undefined) {
      this.#fail(unanswered, 'MESSAGE_TOO_LARGE', 'The message is larger than the server takes.');
    }
  }

  /** Timers end, nothing is sent any more. */
  dispose(): void {
    clearTimeout(this.#retry);
    this.#entry = { status: 'gone' };
    this.#outbox.clear();
  }

  received(message: ServerMessage): void {
    if (message.type === 'error') this.#refused(message);
    else if (message.type === 'message_ack' && message.reply_to !== undefined) {
      this.#outbox.settle(message.reply_to);
    }
    this.transcript.apply(message);
    if (message.type === 'session_status') this.#entered(message);
    for (const listener of this.#listeners) listener(message);
    // A queue that was full has room when an answer has ended.
    if (message.type === 'agent_response') this.#outbox.hurry();
    this.#outbox.flush();
    this.#fillGap();
  }

  #post(message: Outgoing): void {
    this.#outbox.add(message);
    if (this.#entry.status === 'gone') {
      this.#fail(message.message_id, 'SESSION_NOT_FOUND', 'This conversation is gone.');
    } else if (this.#entry.status === 'out') this.#enter();
    else this.#outbox.flush();
  }

  #enter(): void {
    if (!this.#exists && this.#outbox.size === 0) return;
    const messageId = uuid();
    const { lastSeq, place } = this.transcript;
    const known = this.transcript.snapshot().status !== 'opening';
    const sent = this.#link.send(
      this.#exists
        ? {
            type: 'session_join',
            session_id: this.id,
            message_id: messageId,
            data: known ? { after_seq: lastSeq, ...(place ? { answer: place } : {}) } : {},
          }
        : { type: 'session_create', session_id: this.id, message_id: messageId, data: {} },
    );
    if (sent) this.#entry = { status: 'entering', messageId };
  }

  #entered({ data }: ServerMessageOf<'session_status'>): void {
    if (data.status === 'active') {
      if (this.#entry.status === 'entering') this.#entry = { status: 'in' };
      this.#exists = true;
      this.#refusals = 0;
      return;
    }
    this.#entry = { status: 'gone' };
    for (const id of this.#outbox.clear()) {
      this.#fail(id, 'SESSION_NOT_FOUND', `This conversation is ${data.status}.`);
    }
  }

  #refused({ reply_to, data }: ServerMessageOf<'error'>): void {
    if (this.#entry.status === 'entering' && reply_to === this.#entry.messageId) {
      if (data.retryable) {
        this.#entry = { status: 'out' };
        this.#retry = setTimeout(
          () => this.#enter(),
          data.retry_after_ms ?? retryDelay(this.#refusals),
        );
        this.#refusals += 1;
        return;
      }
      this.#entry = { status: 'gone' };
      this.transcript.refuse(data);
      for (const id of this.#outbox.clear()) this.#fail(id, data.code, data.message);
      return;
    }
    // A message that was too large to be read has no id that the server could name.
    const unnamed = data.code === 'MESSAGE_TOO_LARGE' ? this.#outbox.inFlight : undefined;
    const about = reply_to ?? unnamed;
    if (about === undefined) return;
    if (data.retryable) this.#outbox.postpone(about, data.retry_after_ms);
    else this.#fail(about, data.code, data.message);
  }

  #fail(id: string, code: string, message: string): void {
    this.#outbox.settle(id);
    this.transcript.fail(id, { code, message });
  }

  /** An event came before the one that precedes it: a resume brings what is missing. */
  #fillGap(): void {
    const { hasGap, lastSeq } = this.transcript;
    if (!hasGap || this.#entry.status !== 'in' || this.#askedFrom === lastSeq) return;
    this.#askedFrom = lastSeq;
    this.#enter();
  }
}
