/** Agents that say what they know already, at the speed of someone writing. */

/** How many pieces go out before other work of the process has its turn. */
const PIECES_PER_TURN = 50;

/**
 * Hands out `pieces` at `rate` a second; 0 is as fast as the process allows while it stays
 * responsive. Each piece has its time counted from the first one, so lateness does not add up:
 * after a delay, several go out at once. Ends at once, leaving no timer, when `signal` aborts.
 */
export async function* paced<Piece>(
  pieces: Iterable<Piece>,
  rate: number,
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  const start = performance.now();
  let index = 0;
  for (const piece of pieces) {
    if (signal.aborted) return;
    const wait = rate > 0 ? start + (index * 1_000) / rate - performance.now() : 0;
    if (wait > 0) await pause(wait, signal);
    else if (index % PIECES_PER_TURN === PIECES_PER_TURN - 1) await new Promise(setImmediate);
    if (signal.aborted) return;
    index += 1;
    yield piece;
  }
}

/** Resolves after `ms` milliseconds, or when `signal` aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
