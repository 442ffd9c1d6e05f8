import type { Duplex } from 'node:stream';
import { type Frame, together } from './frame.ts';

/** An agent's answer may come in one piece, and once more as its end, before anyone could read. */
const EXEMPT = 2;
/** What the socket may hold itself before frames wait here, bytes. */
const SOCKET_HIGH_WATER = 65_536;

/** The same for all that have nothing waiting. */
const NONE: Waiting[] = [];

/** Whose outbox it is. */
export interface OutboxOwner {
  /** Called once, when more would have to wait than may. */
  overflowed(): void;
}

/** What is left of a message. */
interface Waiting {
  frames: readonly Frame[];
  readonly bytes: number;
}

/**
 * The way out of one connection: frames in order, bounded in bytes, those of one tick put together into
 * one write, which is one system call. Once the socket is behind, frames wait here and not in the socket, so that
 * they can be dropped when the connection is cut.
 */
export class Outbox {
  readonly #socket: Duplex;
  readonly #owner: OutboxOwner;
  readonly #maxBytes: number;
  // Most connections have nothing to say most of the time: what they need then is made then.
  /** The frames of this tick. */
  #batch: Frame[] | undefined;
  #batchBytes = 0;
  /** What has not been written yet, message by message; the first one may be on its way in part. */
  #waiting: Waiting[] = NONE;
  /** Bytes of all waiting messages but the first two. */
  #behindBytes = 0;
  #moved = false;
  #closed = false;
  /** It will be told when the socket has room. */
  #awaitsDrain = false;
  #listeners: (() => void)[] | undefined;

  /** `maxBytes`: what may wait behind the first two messages, which are taken however large they are. */
  constructor(socket: Duplex, maxBytes: number, owner: OutboxOwner) {
    this.#socket = socket;
    this.#maxBytes = maxBytes;
    this.#owner = owner;
  }

  /** The reader is behind: what can wait or be merged should. */
  get congested(): boolean {
    return this.#waiting.length > 0;
  }

  /** Of all messages that wait, the one included that may be on its way in part. */
  get waitingBytes(): number {
    return this.#waiting.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Whether frames wait and none has left since this was asked last. */
  isStuck(): boolean {
    const stuck = this.congested && !this.#moved;
    this.#moved = false;
    return stuck;
  }

  /** Takes the frames of one message. */
  send(frames: readonly Frame[]): void {
    if (this.#closed) return;
    const rest = this.congested ? frames : this.#writeSome(frames);
    if (rest.length === 0) return;
    const bytes = rest.reduce((sum, frame) => sum + frame.length, 0);
    if (this.#waiting.length >= EXEMPT) {
      this.#behindBytes += bytes;
      if (this.#behindBytes > this.#maxBytes) {
        this.close();
        this.#owner.overflowed();
        return;
      }
    }
    if (!this.congested) {
      this.#moved = true;
      this.#waiting = [];
    }
    this.#waiting.push({ frames: rest, bytes });
    this.#flushWhenRoom();
  }

  /** Calls back once, when nothing waits any more, or the outbox is closed. */
  whenClear(callback: () => void): void {
    if (!this.congested) {
      callback();
      return;
    }
    this.#listeners ??= [];
    this.#listeners.push(callback);
  }

  /** Drops what waits; what follows is dropped as well. What the close frame must not overtake is written now. */
  close(): void {
    this.#write();
    this.#closed = true;
    this.#waiting = NONE;
    this.#notify();
  }

  /** Takes as many frames as the socket may hold; returns the others. */
  #writeSome(frames: readonly Frame[]): readonly Frame[] {
    let taken = 0;
    for (const frame of frames) {
      if (this.#socket.writableLength + this.#batchBytes >= SOCKET_HIGH_WATER) break;
      if (!this.#batch) {
        this.#batch = [];
        atEndOfTick(() => this.#write());
      }
      this.#batch.push(frame);
      this.#batchBytes += frame.length;
      taken += 1;
    }
    if (taken > 0) this.#moved = true;
    return taken === frames.length ? [] : frames.slice(taken);
  }

  #write(): void {
    const frames = this.#batch;
    if (!frames) return;
    this.#batch = undefined;
    this.#batchBytes = 0;
    this.#socket.write(together(frames));
  }

  /** Without a full socket buffer there is no 'drain' to wait for; and at the end of the tick it may be full. */
  #flushWhenRoom(): void {
    if (this.#socket.writableNeedDrain) this.#awaitDrain();
    else atEndOfTick(() => (this.#socket.writableNeedDrain ? this.#awaitDrain() : this.#flush()));
  }

  #awaitDrain(): void {
    if (this.#awaitsDrain) return;
    this.#awaitsDrain = true;
    this.#socket.once('drain', () => {
      this.#awaitsDrain = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (!this.congested) return;
    let progress = false;
    while (this.congested) {
      const message = this.#waiting[0] as Waiting;
      const left = this.#writeSome(message.frames);
      progress ||= left.length < message.frames.length;
      message.frames = left;
      if (left.length > 0) break;
      this.#waiting.shift();
      // One more of them is among the first now.
      this.#behindBytes -= this.#waiting[EXEMPT - 1]?.bytes ?? 0;
    }
    if (!this.congested) {
      this.#waiting = NONE;
      this.#notify();
    }
    // Only after progress: a socket that is ending takes nothing and needs no drain, for ever.
    else if (progress) this.#flushWhenRoom();
    else this.#awaitDrain();
  }

  #notify(): void {
    const listeners = this.#listeners;
    this.#listeners = undefined;
    for (const listener of listeners ?? []) listener();
  }
}

/** Behind all else that is done at the end of the tick: what others say then is to go along. */
function atEndOfTick(callback: () => void): void {
  process.nextTick(queueMicrotask, callback);
}
