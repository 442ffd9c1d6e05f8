/**
 * Where the messages of a connection come in: how much it may send, in which order that is handled, and
 * what is decoded at all. What a message means is in `handlers`.
 */
// The global is a getter, which takes longer than the look at the clock.
import { performance } from 'node:perf_hooks';
import { decode, ProtocolError } from '@parley/protocol';
import { unauthorized } from '../../auth/authenticator.ts';
import type { Traffic } from '../../metrics/traffic.ts';
import type { Connection, Socket } from '../connection.ts';
import { handle, stopEarly } from './handlers.ts';
import { InboundLimits, type InboundRates } from './inbound-limits.ts';
import { messageIdIn } from './message-id.ts';

/** Messages that may wait to be handled before the socket is not read any more. */
const MAX_WAITING = 64;

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

export class Inbox {
  readonly #connection: Connection;
  readonly #socket: Pick<Socket, 'pause' | 'resume'>;
  readonly #traffic: Pick<Traffic, 'countReceived' | 'countDecoded'>;
  readonly #limits: InboundLimits;
  /** Behind the one that is being handled. Most of the time nothing is, and most connections only listen. */
  #waiting: Incoming[] | undefined;
  #handling = false;
  #paused = false;

  constructor(
    connection: Connection,
    socket: Pick<Socket, 'pause' | 'resume'>,
    rates: InboundRates,
    traffic: Pick<Traffic, 'countReceived' | 'countDecoded'>,
  ) {
    this.#connection = connection;
    this.#socket = socket;
    this.#traffic = traffic;
    this.#limits = new InboundLimits(rates, performance.now());
  }

  /** Takes the payload of a frame. Messages are handled one after the other, in order. */
  receive(bytes: Buffer, binary: boolean): void {
    this.#traffic.countReceived(bytes.length);
    const error = this.#limits.take(bytes.length, performance.now());
    if (this.#limits.exhausted) {
      this.#connection.close(4429);
      return;
    }
    if (error) {
      // A compressed message costs its sender next to nothing; what is kept of them is what the rates let in.
      const refused = { error, replyTo: messageIdIn(bytes.toString()) };
      this.#enqueue({ bytes: NOTHING, binary, early: undefined, refused });
      return;
    }
    // What waits behind other messages, a long join for one, must not let an agent go on meanwhile.
    const isStopPossible = this.#handling && this.#connection.isKnown;
    const early = isStopPossible ? stopEarly(this.#connection, bytes) : undefined;
    this.#enqueue({ bytes, binary, early, refused: undefined });
  }

  /** A ping or a pong of RFC 6455 came, which nobody limits below: it counts like a message. */
  countControl(): void {
    this.#limits.take(0, performance.now());
    if (this.#limits.exhausted) this.#connection.close(4429);
  }

  /** Messages that wait to be handled. */
  get size(): number {
    return this.#waiting?.length ?? 0;
  }

  /** Forgets what waits. */
  clear(): void {
    this.#waiting = undefined;
  }

  #enqueue(incoming: Incoming): void {
    if (!this.#handling) {
      void this.#handleAll(incoming);
      return;
    }
    this.#waiting ??= [];
    this.#waiting.push(incoming);
    if (this.size >= MAX_WAITING && !this.#paused) {
      this.#paused = true;
      this.#socket.pause();
    }
  }

  async #handleAll(first: Incoming): Promise<void> {
    this.#handling = true;
    for (let next: Incoming | undefined = first; next; next = this.#waiting?.shift()) {
      const done = this.#charge(next);
      if (done) await done;
      const { background } = this.#connection;
      if (background?.isFull) await background.oneFinished();
      if (this.#paused && this.size < MAX_WAITING / 2) {
        this.#paused = false;
        this.#socket.resume();
      }
    }
    this.#handling = false;
    this.#waiting = undefined;
  }

  /** Counts it among what its person and address may send. */
  #charge(incoming: Incoming): Promise<void> | undefined {
    const connection = this.#connection;
    if (incoming.refused) {
      connection.refuse(incoming.refused.error, incoming.refused.replyTo);
      return undefined;
    }
    // A stop that was carried out on its arrival is not refused any more.
    if (incoming.early) return this.#decodeAndHandle(incoming);
    const refusal = connection.charge();
    if (!(refusal instanceof Promise)) return this.#handleUnlessRefused(incoming, refusal);
    return refusal
      .then((known) => this.#handleUnlessRefused(incoming, known))
      .catch((error) => connection.refuse(error, undefined));
  }

  #handleUnlessRefused(
    incoming: Incoming,
    refusal: ProtocolError | undefined,
  ): Promise<void> | undefined {
    if (this.#connection.closing) return undefined;
    if (!refusal) return this.#decodeAndHandle(incoming);
    this.#limits.countRefusal();
    this.#connection.refuse(refusal, messageIdIn(incoming.bytes.toString()));
    return undefined;
  }

  /** Checks kind and size, decodes, and does what the message means. */
  #decodeAndHandle({ bytes, binary, early }: Incoming): Promise<void> | undefined {
    const connection = this.#connection;
    let replyTo: string | undefined;
    try {
      if (binary) {
        throw new ProtocolError(
          'INVALID_MESSAGE',
          'Expected a text frame; binary frames are not part of the protocol.',
        );
      }
      if (bytes.length > connection.limits.maxMessageBytes) {
        replyTo = messageIdIn(bytes.toString());
        throw tooLarge(connection, bytes.length);
      }
      const decoded = decode(bytes.toString(), connection.profile);
      if (!decoded.ok) {
        replyTo = decoded.replyTo;
        throw decoded.error;
      }
      replyTo = decoded.message.message_id;
      this.#traffic.countDecoded(decoded.message.type);
      if (!connection.isKnown && decoded.message.type !== 'auth') {
        connection.refuse(unauthorized('Say who is asking first, in an auth message.'), replyTo);
        connection.close(4401);
        return undefined;
      }
      return handle(connection, decoded.message, early)?.catch((error) =>
        connection.refuse(error, replyTo),
      );
    } catch (error) {
      connection.refuse(error, replyTo);
      return undefined;
    }
  }
}

function tooLarge({ limits, profile }: Connection, size: number): ProtocolError {
  const limit = limits.maxMessageBytes;
  const advice =
    profile === 'plain'
      ? 'Offer the WebSocket subprotocol parley.v1, which takes more, or raise maxPlainMessageBytes on the server.'
      : 'Send less, or raise maxMessageBytes on the server.';
  return new ProtocolError(
    'MESSAGE_TOO_LARGE',
    `The message has ${size} bytes; the limit is ${limit} bytes. ${advice}`,
    { limit },
  );
}
