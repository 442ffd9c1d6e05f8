/**
 * One socket: where a message comes in. Limits, decoding and order are settled here; what a message
 * means is in `handlers`. A fault of one connection stays its own (R9).
 */
import {
  CLOSE_CODES,
  type CloseCode,
  createError,
  createMessage,
  decode,
  ERROR_CODES,
  encode,
  type Profile,
  ProtocolError,
  type ServerMessage,
} from '@parley/protocol';
import { type Identity, isCurrent, unauthorized } from '../auth/authenticator.ts';
import type { Principal } from '../auth/principal.ts';
import type { Delivery } from '../buses/bus.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { SessionManager } from '../sessions/session-manager.ts';
import type { Peer, Subscription } from '../sessions/subscription.ts';
import { StoreError } from '../stores/store.ts';
import { OutgoingText } from './frame.ts';
import { handle, stopEarly } from './handlers.ts';
import { InboundLimits, type InboundRates } from './inbound-limits.ts';
import type { Outbox } from './outbox.ts';

/** What a connection asks of the library that speaks RFC 6455. */
export interface Socket {
  close(code: CloseCode, reason: string): void;
  /** Without a close frame. */
  terminate(): void;
  ping(): void;
  /** Stops and goes on reading from the network. */
  pause(): void;
  resume(): void;
}

export interface ConnectionLimits {
  /** Soft limit of an inbound message in the connection's profile, bytes. */
  readonly maxMessageBytes: number;
  readonly maxSessions: number;
  readonly inbound: InboundRates;
}

/** Milliseconds, all of them. */
export interface LivenessLimits {
  readonly pingInterval: number;
  readonly idleTimeout: number;
  readonly stallTimeout: number;
}

export interface ConnectionDeps {
  readonly sessions: SessionManager;
  /** Whose token it is. Rejects with a `ProtocolError`. */
  readonly authenticate: (token: string) => Promise<Identity>;
  /** Counts a message among all of this person and of the address; returns its refusal. */
  readonly charge: (
    personId: string | undefined,
  ) => ProtocolError | undefined | Promise<ProtocolError | undefined>;
  readonly limits: ConnectionLimits;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'countRefusal' | 'countClose'>;
}

type State =
  /** The first message has to say who is asking, before so many milliseconds have passed. */
  | { readonly status: 'awaiting_auth'; waitedMs: number }
  | { readonly status: 'open'; readonly identity: Identity }
  /** The close frame is sent; `waitedMs`: for its answer, by a peer of whom it was never known who it is. */
  | { readonly status: 'closing'; waitedMs: number | undefined };

/** So long a peer that was never known may take to answer the close frame, milliseconds. */
const STRANGER_GRACE_MS = 2_000;

/** Messages that may wait to be handled before the socket is not read any more. */
const MAX_INBOX = 64;
/** Messages that may be on their way to the disk at once. */
const MAX_IN_FLIGHT = 64;
const MESSAGE_ID = /"message_id"\s*:\s*"([\x21\x23-\x5b\x5d-\x7e]{1,128})"/;

interface Incoming {
  readonly bytes: Buffer;
  readonly binary: boolean;
  /** Of a stop that was carried out on its arrival: the runs that it ended. */
  readonly early: Promise<string[]> | undefined;
  /** Why it is not handled, said in its turn. Of what it was, nothing else is kept. */
  readonly refused:
    | { readonly error: ProtocolError; readonly replyTo: string | undefined }
    | undefined;
}

const NOTHING = Buffer.alloc(0);

/** What was made of a delivery by the first connection that sends it. */
const textOf = new WeakMap<Delivery, OutgoingText>();

export class Connection implements Peer {
  readonly id: string;
  readonly profile: Profile;
  readonly sessions: SessionManager;
  readonly limits: ConnectionLimits;
  /** The sessions that it is in. */
  readonly subscriptions = new Map<string, Subscription>();
  /** The session that a message without a `session_id` is for: the last one created or joined. */
  current: string | undefined;
  /** Ends what `sessions_watch` began. */
  unwatch: (() => void) | undefined;
  #state: State;
  readonly #authenticate: ConnectionDeps['authenticate'];
  readonly #charge: ConnectionDeps['charge'];
  readonly #socket: Socket;
  readonly #takesCompressed: boolean;
  readonly #outbox: Outbox;
  readonly #log: Logger;
  readonly #metrics: ConnectionDeps['metrics'];
  readonly #inbox: Incoming[] = [];
  readonly #inbound: InboundLimits;
  #handling = false;
  #paused = false;
  readonly #posting = new Set<Promise<void>>();
  readonly #stopping = new Set<Promise<void>>();
  // Counted by the sweeps that saw it, not by the clock: a process that stood still for a while has
  // not given anybody the time to speak or to read.
  #silentMs = 0;
  #stuckMs = 0;
  #sincePingMs = 0;

  constructor(
    is: {
      readonly id: string;
      readonly profile: Profile;
      readonly identity: Identity | undefined;
      readonly takesCompressed: boolean;
    },
    socket: Socket,
    outbox: Outbox,
    deps: ConnectionDeps,
  ) {
    this.id = is.id;
    this.profile = is.profile;
    this.#takesCompressed = is.takesCompressed;
    this.#state = is.identity
      ? { status: 'open', identity: is.identity }
      : { status: 'awaiting_auth', waitedMs: 0 };
    this.#authenticate = deps.authenticate;
    this.#charge = deps.charge;
    this.sessions = deps.sessions;
    this.limits = deps.limits;
    this.#socket = socket;
    this.#outbox = outbox;
    this.#log = deps.log;
    this.#metrics = deps.metrics;
    this.#inbound = new InboundLimits(deps.limits.inbound, performance.now());
  }

  get closing(): boolean {
    return this.#state.status === 'closing';
  }

  /** It was known who is asking. */
  get isKnown(): boolean {
    return this.#state.status !== 'awaiting_auth';
  }

  /**
   * Who is asking.
   *
   * @throws {ProtocolError} `UNAUTHORIZED` where that is not known yet, or not any more.
   */
  get principal(): Principal {
    if (this.#state.status === 'open') return this.#state.identity.principal;
    throw unauthorized('Say who is asking first, in an auth message.');
  }

  get congested(): boolean {
    return this.#outbox.congested;
  }

  whenClear(callback: () => void): void {
    this.#outbox.whenClear(callback);
  }

  send(text: string): void {
    this.#outbox.send(new OutgoingText(text).frames(this.#takesCompressed));
  }

  forward(delivery: Delivery): void {
    let text = textOf.get(delivery);
    if (!text) {
      text = new OutgoingText(encode(delivery.message));
      textOf.set(delivery, text);
    }
    this.#outbox.send(text.frames(this.#takesCompressed));
  }

  tell(message: ServerMessage): void {
    this.send(encode(message));
  }

  /** A ping or a pong of the protocol came, which nobody limits below: it counts like a message. */
  heardControl(): void {
    if (this.closing) return;
    this.#silentMs = 0;
    this.#inbound.take(0, performance.now());
    if (this.#inbound.exhausted) this.close(4429);
  }

  /** Looks after the connection once every `elapsedMs`: pings it, or ends it. */
  sweep(elapsedMs: number, limits: LivenessLimits): void {
    if (this.closing) return;
    this.#silentMs += elapsedMs;
    this.#sincePingMs += elapsedMs;
    this.#stuckMs = this.#outbox.isStuck() ? this.#stuckMs + elapsedMs : 0;
    if (this.#stuckMs > limits.stallTimeout) this.close(4409);
    else if (this.#silentMs > limits.idleTimeout) this.close(4408);
    else if (this.#sincePingMs >= limits.pingInterval) {
      this.#sincePingMs = 0;
      this.#socket.ping();
    }
  }

  /** Looks, once every `elapsedMs`, whether who is asking is known, and still is who they were. */
  checkIdentity(elapsedMs: number, authTimeout: number): void {
    const state = this.#state;
    if (state.status === 'awaiting_auth') {
      state.waitedMs += elapsedMs;
      if (state.waitedMs > authTimeout) this.close(4401);
    } else if (state.status === 'open') {
      if (!isCurrent(state.identity)) this.close(4401);
    } else if (state.waitedMs !== undefined) {
      state.waitedMs += elapsedMs;
      if (state.waitedMs >= STRANGER_GRACE_MS) this.#socket.terminate();
    }
  }

  /**
   * Takes an `auth` message: from now on it is asked by whose token this is, which may be a new one of
   * the same person, not another's.
   *
   * @throws {ProtocolError} `UNAUTHORIZED`
   */
  async authenticate(token: string, replyTo: string | undefined): Promise<void> {
    let identity: Identity;
    try {
      identity = await this.#authenticate(token);
    } catch (error) {
      // One that is known already stays who they are for as long as they were to.
      if (this.#state.status !== 'awaiting_auth') throw error;
      this.#answerError(error, replyTo);
      this.close(closeCodeOf(error));
      return;
    }
    const state = this.#state;
    if (state.status === 'closing') return;
    if (state.status === 'open' && state.identity.principal.id !== identity.principal.id) {
      throw unauthorized('This token is of somebody else. Open another connection for them.');
    }
    this.#state = { status: 'open', identity };
    const data = { status: 'accepted' as const };
    this.tell(createMessage('message_ack', data, replyTo ? { reply_to: replyTo } : {}));
  }

  /** Takes the payload of a frame. Messages are handled one after the other, in order. */
  receive(bytes: Buffer, binary: boolean): void {
    if (this.closing) return;
    this.#silentMs = 0;
    const error = this.#inbound.take(bytes.length, performance.now());
    if (this.#inbound.exhausted) {
      this.close(4429);
      return;
    }
    if (error) {
      // A compressed message costs its sender next to nothing; what is kept of them is what the rates let in.
      const refused = { error, replyTo: messageIdIn(bytes) };
      this.#enqueue({ bytes: NOTHING, binary, early: undefined, refused });
      return;
    }
    // What waits behind other messages, a long join for one, must not let an agent go on meanwhile.
    const isStopPossible = this.#handling && this.#state.status === 'open';
    const early = isStopPossible ? stopEarly(this, bytes) : undefined;
    this.#enqueue({ bytes, binary, early, refused: undefined });
  }

  #enqueue(incoming: Incoming): void {
    this.#inbox.push(incoming);
    if (!this.#handling) void this.#handleInbox();
    else if (this.#inbox.length >= MAX_INBOX && !this.#paused) {
      this.#paused = true;
      this.#socket.pause();
    }
  }

  /**
   * Lets a message finish while later ones are handled: for work that has taken its place in the order
   * already. Its error is answered like any other.
   */
  continueInBackground(work: Promise<void>, replyTo: string | undefined): void {
    this.#track(this.#posting, work, replyTo);
  }

  /** The same for a stop, for which nothing waits: an end may be long on its way to the disk. */
  stopInBackground(work: Promise<void>, replyTo: string | undefined): void {
    this.#track(this.#stopping, work, replyTo);
  }

  /** Resolves when every message that was let go on, stops aside, has finished. */
  async settleBackground(): Promise<void> {
    if (this.#posting.size > 0) await Promise.all(this.#posting);
  }

  #track(set: Set<Promise<void>>, work: Promise<void>, replyTo: string | undefined): void {
    const guarded: Promise<void> = work
      .catch((error) => this.#answerError(error, replyTo))
      .finally(() => set.delete(guarded));
    set.add(guarded);
  }

  /** Ends the connection in order: its close code goes out after what the socket holds already. */
  close(code: CloseCode, reason: string = CLOSE_CODES[code].description): void {
    if (this.closing) return;
    this.#metrics.countClose(code);
    this.#leave();
    // Control frames have room for 123 bytes of reason; ours are ASCII.
    this.#socket.close(code, reason.slice(0, 123));
  }

  fail(error: unknown): void {
    this.#log.error({ err: error, connection_id: this.id }, 'a connection failed');
    this.close(1011);
  }

  /** The socket is gone. */
  closed(): void {
    if (!this.closing) this.#leave();
  }

  #leave(): void {
    this.#state = { status: 'closing', waitedMs: this.isKnown ? undefined : 0 };
    this.#inbox.length = 0;
    // Nothing may follow the close frame; what still waits is for the resume.
    this.#outbox.close();
    for (const subscription of this.subscriptions.values()) subscription.close();
    this.subscriptions.clear();
    this.unwatch?.();
  }

  async #handleInbox(): Promise<void> {
    this.#handling = true;
    for (let next = this.#inbox.shift(); next; next = this.#inbox.shift()) {
      const done = this.#handleOne(next);
      if (done) await done;
      if (this.#posting.size + this.#stopping.size >= MAX_IN_FLIGHT) {
        await Promise.race([...this.#posting, ...this.#stopping]);
      }
      if (this.#paused && this.#inbox.length < MAX_INBOX / 2) {
        this.#paused = false;
        this.#socket.resume();
      }
    }
    this.#handling = false;
  }

  #handleOne(incoming: Incoming): Promise<void> | undefined {
    if (incoming.refused) {
      this.#answerError(incoming.refused.error, incoming.refused.replyTo);
      return undefined;
    }
    // A stop that was carried out on its arrival is not refused any more.
    if (incoming.early) return this.#handleLimited(incoming);
    const refusal = this.#charge(this.#state.status === 'open' ? this.principal.id : undefined);
    if (!(refusal instanceof Promise)) return this.#handleCharged(incoming, refusal);
    return refusal
      .then((known) => this.#handleCharged(incoming, known))
      .catch((error) => this.#answerError(error, undefined));
  }

  #handleCharged(
    incoming: Incoming,
    refusal: ProtocolError | undefined,
  ): Promise<void> | undefined {
    if (this.closing) return undefined;
    if (!refusal) return this.#handleLimited(incoming);
    this.#inbound.countRefusal();
    this.#answerError(refusal, messageIdIn(incoming.bytes));
    return undefined;
  }

  #handleLimited({ bytes, binary, early }: Incoming): Promise<void> | undefined {
    let replyTo: string | undefined;
    try {
      if (binary) {
        throw new ProtocolError(
          'INVALID_MESSAGE',
          'Expected a text frame; binary frames are not part of the protocol.',
        );
      }
      if (bytes.length > this.limits.maxMessageBytes) {
        replyTo = messageIdIn(bytes);
        throw this.#tooLarge(bytes.length);
      }
      const decoded = decode(bytes.toString(), this.profile);
      if (!decoded.ok) {
        replyTo = decoded.replyTo;
        throw decoded.error;
      }
      replyTo = decoded.message.message_id;
      if (this.#state.status === 'awaiting_auth' && decoded.message.type !== 'auth') {
        this.#answerError(unauthorized('Say who is asking first, in an auth message.'), replyTo);
        this.close(4401);
        return undefined;
      }
      return handle(this, decoded.message, early)?.catch((error) =>
        this.#answerError(error, replyTo),
      );
    } catch (error) {
      this.#answerError(error, replyTo);
      return undefined;
    }
  }

  #tooLarge(size: number): ProtocolError {
    const limit = this.limits.maxMessageBytes;
    const advice =
      this.profile === 'plain'
        ? 'Offer the WebSocket subprotocol parley.v1, which takes more, or raise maxPlainMessageBytes on the server.'
        : 'Send less, or raise maxMessageBytes on the server.';
    return new ProtocolError(
      'MESSAGE_TOO_LARGE',
      `The message has ${size} bytes; the limit is ${limit} bytes. ${advice}`,
      { limit },
    );
  }

  #answerError(error: unknown, replyTo: string | undefined): void {
    const refusal = asProtocolError(error, this.#log);
    this.#metrics.countRefusal('message', refusal.code);
    this.tell(createError(refusal, replyTo ? { reply_to: replyTo } : {}));
  }
}

/** The id in what is not worth being parsed. */
function messageIdIn(bytes: Buffer): string | undefined {
  return MESSAGE_ID.exec(bytes.toString())?.[1];
}

/** How a connection ends of which it could not be told whose it is. */
function closeCodeOf(error: unknown): CloseCode {
  if (!(error instanceof ProtocolError)) return 1011;
  const { retryable, status } = ERROR_CODES[error.code];
  if (!retryable) return 4401;
  return status === 429 || error.code === 'CONNECTION_LIMIT' ? 4429 : 1011;
}

/** What the other side is told of an error; what it is not told goes to the log. */
export function asProtocolError(error: unknown, log: Logger): ProtocolError {
  if (error instanceof ProtocolError) return error;
  log.error({ err: error }, 'a request failed');
  return error instanceof StoreError
    ? new ProtocolError(
        'STORE_UNAVAILABLE',
        'The store cannot do its work now, and nothing has changed. Send it again.',
        { retry_after_ms: 1_000 },
      )
    : new ProtocolError(
        'INTERNAL_ERROR',
        'The server failed on this message. It may be sent again.',
      );
}
