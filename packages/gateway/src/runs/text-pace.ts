/**
 * When the text of an answer goes out: a piece after a pause at the end of the tick in which it was written,
 * what follows closely together with what else comes meanwhile. A model's words are told as they come; an
 * agent that is faster than anyone can see costs no message for each of its pieces.
 */
// The global is a getter, which takes longer than the look at the clock.
import { performance } from 'node:perf_hooks';

/** Half of the time for which a screen shows a picture, milliseconds. */
const INTERVAL_MS = 8;

export class TextPace {
  readonly #tell: () => void;
  #isDue = false;
  #timer: NodeJS.Timeout | undefined;
  /** On the clock of `performance.now`. */
  #toldAt = Number.NEGATIVE_INFINITY;

  /** `tell`: sends what there is to send. */
  constructor(tell: () => void) {
    this.#tell = tell;
  }

  /** There is text. */
  request(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    const wait = this.#toldAt + INTERVAL_MS - performance.now();
    if (wait > 0) this.#timer = setTimeout(this.#tellDue, wait);
    else process.nextTick(this.#tellDue);
  }

  /** Tells at once what waits, because something comes that must not overtake it. */
  flush(): void {
    if (!this.#isDue) return;
    this.drop();
    this.#toldAt = performance.now();
    this.#tell();
  }

  /** What waits is not told any more. */
  drop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isDue = false;
  }

  readonly #tellDue = (): void => this.flush();
}
