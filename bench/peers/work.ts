/** What every peer is asked to do, so that all do the same. */

/** As long as a message of the work that counts answers is, bytes. */
export const MESSAGE_BYTES = 200;

/** What a stream is made of: so many pieces of so many characters. */
export const PIECES = 200;
export const PIECE = 'word ';

/** What is said to have the pieces, all at once or one a turn of the event loop. */
export const BURST = 'burst';
export const TURNS = 'turns';
/** The same as `TURNS`, for everyone to hear. */
export const FAN = 'fan';

/** The text of the stream that `content` asks for; `undefined`: it asks for none. */
export function textOf(content: string): string | undefined {
  return [BURST, TURNS, FAN].includes(content) ? PIECE.repeat(PIECES) : undefined;
}

/** Says in the process's channel that it serves, and collects its garbage whenever it is asked to. */
export function serving(port: number, collect: () => void = collectAll): void {
  process.on('message', (message) => {
    if (message !== 'collect') return;
    collect();
    process.send?.('collected');
  });
  process.on('disconnect', () => process.exit());
  process.send?.({ port });
}

/** As when memory runs out: also what the engine would keep for what is to come. */
function collectAll(): void {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/** What the envelope of an answer is where nothing is checked or kept. */
export function envelope(
  question: { message_id: string; session_id: string },
  type: string,
  content: string,
): string {
  return JSON.stringify({
    type,
    message_id: question.message_id,
    session_id: question.session_id,
    reply_to: question.message_id,
    timestamp: new Date().toISOString(),
    data: { content },
  });
}

/**
 * Says the pieces that are asked for: by `say` to who asked, by `sayAll` to everyone. `false`: `content` does
 * not ask for any.
 */
export function stream(
  content: string,
  say: (piece: string) => void,
  sayAll: (piece: string) => void,
): boolean {
  if (content === BURST) {
    for (let n = 0; n < PIECES; n += 1) say(PIECE);
    return true;
  }
  const tell = content === TURNS ? say : content === FAN ? sayAll : undefined;
  if (!tell) return false;
  let left = PIECES;
  const turn = () => {
    tell(PIECE);
    left -= 1;
    if (left > 0) setImmediate(turn);
  };
  turn();
  return true;
}
