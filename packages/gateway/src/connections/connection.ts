/**
 * One socket and whose it is: which sessions it is in, what it is told, whether it is still there. What it
 * sends goes to its inbox, what it is told to its outbox. A fault of one connection stays its own (R9).
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  CLOSE_CODES,
  type CloseCode,
  createError,
  encode,
  type Profile,
  type ProtocolError,
  type ServerMessage,
  type ServerMessageType,
} from '@parley/protocol';
import type { ClientAddress } from '../address.ts';
import { type Identity, isCurrent, unauthorized } from '../auth/authenticator.ts';
import type { Principal } from '../auth/principal.ts';
import { asProtocolError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Delivery } from '../sessions/delivery.ts';
import type { SessionManager } from '../sessions/session-manager.ts';
import type { Peer } from '../sessions/subscription.ts';
import type { TraceContext } from '../traces.ts';
import { Background } from './inbound/background.ts';
import type { InboundRates } from './inbound/inbound-limits.ts';
import { Inbox } from './inbound/inbox.ts';
import { OutgoingText } from './outbound/frame.ts';
import { Outbox, type OutboxOwner } from './outbound/outbox.ts';
import { Subscriptions } from './subscriptions.ts';

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
  /** That may wait to be sent, bytes. */
  readonly maxOutboxBytes: number;
  readonly inbound: InboundRates;
}

/** Milliseconds, all of them. */
export interface LivenessLimits {
  readonly pingInterval: number;
  readonly idleTimeout: number;
  readonly stallTimeout: number;
}

/** The upgrade that a connection was made of, as far as it is needed later. */
export interface Origin {
  readonly socket: Duplex;
  readonly address: ClientAddress;
  readonly headers: IncomingHttpHeaders;
  /** What is said on the connection and names no place in a trace is said there. */
  readonly trace: TraceContext | undefined;
}

/** The same object for all connections of a profile. */
export interface ConnectionDeps {
  readonly profile: Profile;
  readonly sessions: SessionManager;
  /** Whose token it is that somebody shows there. Rejects with a `ProtocolError`. */
  readonly identify: (token: string, connection: Connection) => Promise<Identity>;
  /** Counts a message among all of this person and of the address; returns its refusal. */
  readonly charge: (
    personId: string | undefined,
    address: ClientAddress,
  ) => ProtocolError | undefined | Promise<ProtocolError | undefined>;
  readonly limits: ConnectionLimits;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'countRefusal' | 'countClose' | 'traffic'>;
}

type State =
  /** The first message has to say who is asking, before so many milliseconds have passed. */
  | { readonly status: 'awaiting_auth'; waitedMs: number }
  | { readonly status: 'open'; readonly identity: Identity }
  /** The close frame is sent; `waitedMs`: for its answer, by a peer of whom it was never known who it is. */
  | {
      readonly status: 'closing';
      readonly code: CloseCode | undefined;
      waitedMs: number | undefined;
    };

/** So long a peer that was never known may take to answer the close frame, milliseconds. */
const STRANGER_GRACE_MS = 2_000;

const outgoing = (text: string) => new OutgoingText(text);

export class Connection implements Peer, OutboxOwner {
  readonly id: string;
  /** When it was opened, milliseconds since the epoch. */
  readonly since = Date.now();
  readonly origin: Origin;
  /** The sessions that it is in. */
  readonly subscriptions = new Subscriptions();
  /** The session that a message without a `session_id` is for: the last one created or joined. */
  current: string | undefined;
  /** Ends what `sessions_watch` began. */
  unwatch: (() => void) | undefined;
  /** What goes on while later messages are handled; `undefined`: nothing ever has. */
  background: Background | undefined;
  #state: State;
  readonly #socket: Socket;
  readonly #takesCompressed: boolean;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #deps: ConnectionDeps;
  // Counted by the sweeps that saw it, not by the clock: a process that stood still for a while has
  // not given anybody the time to speak or to read.
  #silentMs = 0;
  #stuckMs = 0;
  #sincePingMs = 0;

  constructor(
    is: {
      readonly id: string;
      readonly origin: Origin;
      readonly identity: Identity | undefined;
      readonly takesCompressed: boolean;
    },
    socket: Socket,
    deps: ConnectionDeps,
  ) {
    this.id = is.id;
    this.origin = is.origin;
    this.#takesCompressed = is.takesCompressed;
    this.#state = is.identity
      ? { status: 'open', identity: is.identity }
      : { status: 'awaiting_auth', waitedMs: 0 };
    this.#deps = deps;
    this.#socket = socket;
    this.#outbox = new Outbox(is.origin.socket, deps.limits.maxOutboxBytes, this);
    this.#inbox = new Inbox(this, socket, deps.limits.inbound, deps.metrics.traffic);
  }

  /** From where it comes. */
  get address(): string {
    return this.origin.address.address;
  }

  get profile(): Profile {
    return this.#deps.profile;
  }

  get sessions(): SessionManager {
    return this.#deps.sessions;
  }

  get limits(): ConnectionLimits {
    return this.#deps.limits;
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

  /** The id of who is asking; `undefined`: that is not known yet, or not any more. */
  get personId(): string | undefined {
    return this.#state.status === 'open' ? this.#state.identity.principal.id : undefined;
  }

  /** Whose token it is. Rejects with a `ProtocolError`. */
  identify(token: string): Promise<Identity> {
    return this.#deps.identify(token, this);
  }

  /** Counts a message among all of its person and its address; returns its refusal. */
  charge(): ProtocolError | undefined | Promise<ProtocolError | undefined> {
    const personId = this.isKnown ? this.principal.id : undefined;
    return this.#deps.charge(personId, this.origin.address);
  }

  /** For what is to go on while later messages are handled. */
  needBackground(): Background {
    this.background ??= new Background(this);
    return this.background;
  }

  /** What this server has closed it with; `undefined`: it has not. */
  get closedWith(): CloseCode | undefined {
    return this.#state.status === 'closing' ? this.#state.code : undefined;
  }

  get congested(): boolean {
    return this.#outbox.congested;
  }

  /** Bytes that wait until it has read what was sent before. */
  get behindBytes(): number {
    return this.#outbox.waitingBytes;
  }

  /** Messages of its own that wait to be handled. */
  get unhandled(): number {
    return this.#inbox.size;
  }

  whenClear(callback: () => void): void {
    this.#outbox.whenClear(callback);
  }

  say(type: ServerMessageType, text: string): void {
    this.#send(type, new OutgoingText(text));
  }

  forward(delivery: Delivery): void {
    this.#send(delivery.message.type, delivery.sentAs(outgoing));
  }

  tell(message: ServerMessage): void {
    this.say(message.type, encode(message));
  }

  #send(type: ServerMessageType, text: OutgoingText): void {
    const frames = text.frames(this.#takesCompressed);
    this.#deps.metrics.traffic.countSent(type, frames);
    this.#outbox.send(frames);
  }

  /** Tells that a message was not done, and why. */
  refuse(error: unknown, replyTo: string | undefined): void {
    const ids = { connection_id: this.id, message_id: replyTo };
    const refusal = asProtocolError(error, this.#deps.log, ids);
    this.#deps.metrics.countRefusal('message', refusal.code);
    this.tell(createError(refusal, replyTo ? { reply_to: replyTo } : {}));
  }

  /** Takes the payload of a frame. */
  receive(bytes: Buffer, binary: boolean): void {
    if (this.closing) return;
    this.#silentMs = 0;
    this.#inbox.receive(bytes, binary);
  }

  /** A ping or a pong of RFC 6455 came. */
  heardControl(): void {
    if (this.closing) return;
    this.#silentMs = 0;
    this.#inbox.countControl();
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
   * From now on it is asked by whose identity this is, which may be a new one of the same person, not
   * another's.
   *
   * @throws {ProtocolError} `UNAUTHORIZED`
   */
  become(identity: Identity): void {
    const state = this.#state;
    if (state.status === 'closing') return;
    if (state.status === 'open' && state.identity.principal.id !== identity.principal.id) {
      throw unauthorized('This token is of somebody else. Open another connection for them.');
    }
    this.#state = { status: 'open', identity };
    this.subscriptions.renew(identity.principal);
  }

  /** Ends the connection in order: its close code goes out after what the socket holds already. */
  close(code: CloseCode, reason: string = CLOSE_CODES[code].description): void {
    if (this.closing) return;
    this.#deps.metrics.countClose(code);
    this.#leave(code);
    // Control frames have room for 123 bytes of reason; ours are ASCII.
    this.#socket.close(code, reason.slice(0, 123));
  }

  overflowed(): void {
    this.close(4409);
  }

  left(sessionId: string): void {
    this.subscriptions.delete(sessionId);
    if (this.current === sessionId) this.current = undefined;
  }

  fail(error: unknown): void {
    this.#deps.log.error({ err: error, connection_id: this.id }, 'a connection failed');
    this.close(1011);
  }

  /** The socket is gone. */
  closed(): void {
    if (!this.closing) this.#leave(undefined);
  }

  #leave(code: CloseCode | undefined): void {
    this.#state = { status: 'closing', code, waitedMs: this.isKnown ? undefined : 0 };
    this.#inbox.clear();
    // Nothing may follow the close frame; what still waits is for the resume.
    this.#outbox.close();
    this.subscriptions.close();
    this.unwatch?.();
  }
}
