/** How a session is entered: made where that is still to be done, resumed where it was known. */
import type { ClientMessage, ServerMessageOf } from '@parley/protocol';
import { retryDelay } from './backoff.ts';
import { RequestError } from './http.ts';
import type { Problem } from './items.ts';
import type { Outbox } from './outbox.ts';
import { createSession, joinSession } from './requests.ts';
import type { CreateOptions } from './session.ts';
import type { OutboxSession } from './storage.ts';
import type { Transcript } from './transcript.ts';

interface EntranceLink {
  readonly outbox: Outbox;
  /** `false`: not open, nothing was sent. */
  send(message: ClientMessage): boolean;
}

export class Entrance {
  readonly #transcript: Transcript;
  readonly #link: EntranceLink;
  /** The server knows the session; until then it is made with the first message, not before. */
  #exists: boolean;
  /** How it is to be made, where that waits in the outbox. */
  #creation: CreateOptions | undefined;
  readonly #made = Promise.withResolvers<void>();
  /** Where it stands with the server on this connection. */
  #state:
    | { readonly status: 'out' }
    | { readonly status: 'entering'; readonly messageId: string }
    | { readonly status: 'in' }
    | { readonly status: 'gone'; readonly problem: Problem } = { status: 'out' };
  #refusals = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** The `lastSeq` whose gap the server was last asked to fill; it is asked once for each. */
  #askedFrom = -1;

  constructor(exists: boolean, transcript: Transcript, link: EntranceLink) {
    this.#exists = exists;
    this.#transcript = transcript;
    this.#link = link;
    // Whether it was made is told to those who ask.
    this.#made.promise.catch(() => {});
  }

  get status(): 'out' | 'entering' | 'in' | 'gone' {
    return this.#state.status;
  }

  /** Why nothing can be sent any more. */
  get problem(): Problem | undefined {
    return this.#state.status === 'gone' ? this.#state.problem : undefined;
  }

  /** It waits in the outbox to be made. */
  get isPending(): boolean {
    return this.#creation !== undefined;
  }

  /** The server has been asked and has not said yes, but perhaps: not now. */
  get isTrying(): boolean {
    return this.#retry !== undefined || this.#state.status === 'entering';
  }

  /** Nobody has asked for it to be made yet. */
  get isNew(): boolean {
    return !this.#exists && !this.#creation;
  }

  /**
   * Resolves when the server has made it, or the connection is lost.
   *
   * @throws {RequestError} when the server refuses.
   */
  get made(): Promise<void> {
    return this.#made.promise;
  }

  /** Puts into the outbox that it is to be made; resolves when that is kept. */
  keep(options: CreateOptions): Promise<void> {
    const { title, agent } = options;
    const { sessionId } = this.#transcript;
    this.#creation = options;
    return this.#link.outbox.add({
      kind: 'session',
      id: sessionId,
      sessionId,
      timestamp: Date.now(),
      ...(title === undefined ? {} : { title }),
      ...(agent === undefined ? {} : { agent }),
    });
  }

  /** It need not be made any more, if it still was to be. */
  forget(): void {
    if (this.#creation) this.#settleCreation();
  }

  /** An earlier page, or another tab, has put it into the outbox. */
  takeKept(creation: OutboxSession): void {
    if (this.#state.status === 'in') this.#settleCreation();
    else {
      this.#creation = creation;
      this.#exists = false;
    }
  }

  /** There is a new connection. */
  opened(): void {
    if (this.#state.status === 'gone') return;
    this.#state = { status: 'out' };
    this.enter();
  }

  /** The connection is gone. */
  lost(): void {
    this.#stopRetrying();
    if (this.#state.status !== 'gone') this.#state = { status: 'out' };
    // It is in the outbox, and made when there is a connection again.
    this.#made.resolve();
  }

  /** Goes in, or asks for what is missing; nothing where there is no connection. */
  enter(): void {
    // Before the storage is read it is not known whether this session is still to be made.
    if (this.#retry !== undefined || !this.#link.outbox.isReady || this.isNew) return;
    const { sessionId, lastSeq, place } = this.#transcript;
    const isKnown = this.#transcript.snapshot().status !== 'opening';
    const request = this.#exists
      ? joinSession(sessionId, isKnown ? { lastSeq, place } : undefined)
      : createSession(sessionId, this.#creation ?? {});
    const isSent = this.#link.send(request);
    if (isSent) this.#state = { status: 'entering', messageId: request.message_id };
  }

  /** An event came before the one that precedes it: a resume brings what is missing. */
  fillGap(): void {
    const { hasGap, lastSeq } = this.#transcript;
    if (!hasGap || this.#state.status !== 'in' || this.#askedFrom === lastSeq) return;
    this.#askedFrom = lastSeq;
    this.enter();
  }

  /** What the server tells those who follow their sessions is not the answer to having come in. */
  isTooEarly({ reply_to, data }: ServerMessageOf<'session_status'>): boolean {
    const state = this.#state;
    if (data.status !== 'active') return false;
    if (state.status === 'entering') return reply_to !== state.messageId;
    return state.status === 'out';
  }

  /** Returns the title that the person has given it and the server did not hear of in time. */
  entered({ data }: ServerMessageOf<'session_status'>): string | undefined {
    if (data.status !== 'active') {
      this.gone(data.status);
      return undefined;
    }
    const title = this.#creation?.title;
    if (this.#state.status === 'entering') this.#state = { status: 'in' };
    this.#exists = true;
    this.#refusals = 0;
    this.#settleCreation();
    return title === data.title ? undefined : title;
  }

  gone(how: 'deleted' | 'expired'): void {
    this.#end({ code: 'SESSION_NOT_FOUND', message: `This conversation is ${how}.` });
  }

  /** `false`: the refusal is not about entering. */
  refused({ reply_to, data }: ServerMessageOf<'error'>, mayWait: boolean): boolean {
    if (this.#state.status !== 'entering' || reply_to !== this.#state.messageId) return false;
    if (data.retryable || (mayWait && data.code === 'SESSION_LIMIT')) {
      this.#state = { status: 'out' };
      const delay = data.retry_after_ms ?? retryDelay(this.#refusals);
      this.#refusals += 1;
      this.#retry = setTimeout(() => {
        this.#retry = undefined;
        this.enter();
      }, delay);
      return true;
    }
    this.#transcript.refuse(data);
    this.#made.reject(new RequestError(data.message, { ...data, status: 0 }));
    this.#end(data);
    return true;
  }

  /** This client is done with it. What waits to be made stays in the outbox. */
  close(): void {
    this.#stopRetrying();
    this.#state = { status: 'gone', problem: { code: 'NO_SESSION', message: 'It was left.' } };
    this.#made.resolve();
  }

  #end(problem: Problem): void {
    this.#state = { status: 'gone', problem };
    this.#settleCreation();
  }

  #settleCreation(): void {
    this.#creation = undefined;
    this.#made.resolve();
    this.#link.outbox.settle(this.#transcript.sessionId);
  }

  #stopRetrying(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }
}
