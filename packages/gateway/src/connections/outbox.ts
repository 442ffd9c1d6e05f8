import type { Duplex } from 'node:stream';

/** What the socket may hold itself before frames wait here, bytes. */
const SOCKET_HIGH_WATER = 65_536;

export interface OutboxOptions {
  /** Bytes that may wait behind the first frame, which is taken however large it is. */
  readonly maxBytes: number;
  /** Called once, when more would have to wait than may. */
  readonly onOverflow: () => void;
}

/**
 * The way out of one connection: frames in order, bounded in bytes, the writes of one tick corked
 * into one system call. Once the socket is behind, frames wait here and not in the socket, so that
 * they can be dropped when the connection is cut.
 */
export class Outbox {
  readonly #socket: Duplex;
  readonly #options: OutboxOptions;
  #corked = false;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #moved = false;
  #closed = false;
  #listeners: (() => void)[] = [];

  constructor(socket: Duplex, options: OutboxOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('drain', this.#flush);
  }

  /** The reader is behind: what can wait or be merged should. */
  get congested(): boolean {
    return this.#waitingBytes > 0;
  }

  /** Whether frames wait and none has left since this was asked last. */
  isStuck(): boolean {
    const stuck = this.#waitingBytes > 0 && !this.#moved;
    this.#moved = false;
    return stuck;
  }

  send(frame: Buffer): void {
    if (this.#closed) return;
    if (this.#waitingBytes === 0 && this.#socket.writableLength < SOCKET_HIGH_WATER) {
      this.#write(frame);
      return;
    }
    const first = this.#waiting[0];
    if (first && this.#waitingBytes - first.length + frame.length > this.#options.maxBytes) {
      this.close();
      this.#options.onOverflow();
      return;
    }
    if (this.#waitingBytes === 0) this.#moved = true;
    this.#waiting.push(frame);
    this.#waitingBytes += frame.length;
    // Without a full socket buffer there is no 'drain' to wait for.
    if (!this.#socket.writableNeedDrain) this.#afterTick();
  }

  /** Calls back once, when nothing waits any more, or the outbox is closed. */
  whenClear(callback: () => void): void {
    if (!this.congested) callback();
    else this.#listeners.push(callback);
  }

  /** Drops what waits; what follows is dropped as well. */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#socket.off('drain', this.#flush);
    this.#notify();
  }

  #write(frame: Buffer): void {
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(this.#uncork);
    }
    this.#socket.write(frame);
  }

  readonly #uncork = (): void => {
    this.#corked = false;
    this.#socket.uncork();
  };

  #afterTick(): void {
    process.nextTick(() => {
      if (!this.#socket.writableNeedDrain) this.#flush();
    });
  }

  readonly #flush = (): void => {
    if (this.#closed || this.#waiting.length === 0) return;
    let sent = 0;
    while (sent < this.#waiting.length && this.#socket.writableLength < SOCKET_HIGH_WATER) {
      const frame = this.#waiting[sent] as Buffer;
      this.#waitingBytes -= frame.length;
      this.#write(frame);
      sent += 1;
    }
    if (sent === 0) return;
    this.#waiting = this.#waiting.slice(sent);
    this.#moved = true;
    if (this.#waitingBytes === 0) this.#notify();
    else if (!this.#socket.writableNeedDrain) this.#afterTick();
  };

  #notify(): void {
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }
}
