/** One direction of a connection through the proxy: what becomes of its bytes on their way. */
import type { Socket } from 'node:net';
import { type Random, seeded } from './seeded.ts';

export interface Line {
  /** Milliseconds that a piece is on its way, */
  readonly latency?: number;
  /** and up to so many more, at random; no piece overtakes another. */
  readonly jitter?: number;
  /** Bytes a second. */
  readonly bandwidth?: number;
  /** It arrives in pieces of so many bytes, each in a turn of the event loop of its own. */
  readonly slice?: number;
  /** Nothing arrives, the news of an end neither, and nobody is told. Later it does, as with TCP. */
  readonly blocked?: boolean;
}

/** What is on its way at the most, bytes; then the sender has to wait. */
const MOST_ON_THE_WAY = 65_536;
/** A narrow line gives what it has a right to so many times a second. */
const PIECES_PER_SECOND = 20;

/** Takes from one socket what the other is to get, as badly as its line has it. */
export class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #random: Random;
  readonly #queue: { bytes: Buffer; readonly due: number }[] = [];
  #line: Line = {};
  #queued = 0;
  /** When what came last is due; nothing is before. */
  #due = 0;
  /** When there is room on the line again. */
  #freeAt = 0;
  /** How the sender has ended, once it has. */
  #end: 'closed' | 'reset' | undefined;
  /** Whatever comes goes nowhere. */
  #isDeaf = false;
  #isDraining = false;
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;

  constructor(from: Socket, to: Socket, seed: number) {
    this.#from = from;
    this.#to = to;
    this.#random = seeded(seed);
    from.on('data', (bytes) => this.#take(bytes));
    from.on('end', () => this.#ended('closed'));
    from.on('error', () => this.#ended('reset'));
    from.on('close', (hadError) => {
      if (!hadError) this.#ended('closed');
    });
    to.on('drain', () => {
      this.#isDraining = false;
      this.#pump();
    });
    to.on('close', () => this.#stop());
  }

  set(line: Line): void {
    this.#line = line;
    this.#pump();
  }

  /** Tells the receiver that nothing more will come. The sender goes on, and nobody hears it. */
  halfClose(): void {
    this.goDeaf();
    this.#to.end();
  }

  /** From now on nothing arrives, whatever the line, and nobody is told. */
  goDeaf(): void {
    this.#isDeaf = true;
    this.#stop();
    this.#from.resume();
  }

  #take(bytes: Buffer): void {
    if (this.#isDeaf || this.#to.destroyed) return;
    const { latency = 0, jitter = 0 } = this.#line;
    this.#due = Math.max(this.#due, performance.now() + latency + jitter * this.#random());
    this.#queue.push({ bytes, due: this.#due });
    this.#queued += bytes.length;
    if (this.#queued > MOST_ON_THE_WAY) this.#from.pause();
    this.#pump();
  }

  #ended(how: 'closed' | 'reset'): void {
    this.#end ??= how;
    this.#pump();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    this.#queue.length = 0;
    this.#queued = 0;
  }

  #pump(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    while (!this.#line.blocked && !this.#isDraining && !this.#isDeaf) {
      const [first] = this.#queue;
      if (!first) {
        if (this.#end === 'closed') this.#to.end();
        if (this.#end === 'reset') this.#to.resetAndDestroy();
        return;
      }
      const wait = Math.max(first.due, this.#freeAt) - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#pump(), wait);
        return;
      }
      const { bandwidth = Infinity, slice = Infinity } = this.#line;
      const piece = first.bytes.subarray(
        0,
        Math.min(slice, Math.ceil(bandwidth / PIECES_PER_SECOND)),
      );
      first.bytes = first.bytes.subarray(piece.length);
      if (first.bytes.length === 0) this.#queue.shift();
      this.#queued -= piece.length;
      if (this.#queued <= MOST_ON_THE_WAY) this.#from.resume();
      this.#freeAt = performance.now() + (piece.length / bandwidth) * 1_000;
      this.#isDraining = !this.#to.write(piece);
      if (slice === Infinity) continue;
      this.#turn = setImmediate(() => this.#pump());
      return;
    }
  }
}
