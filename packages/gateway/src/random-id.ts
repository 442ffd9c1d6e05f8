import { randomFillSync } from 'node:crypto';

const ID_BYTES = 16;
/** Random bytes that no id was made of yet: of many at once each costs a tenth of what it does alone. */
const pool = Buffer.allocUnsafeSlow(256 * ID_BYTES);
let used = pool.length;

/** An id that nobody guesses. Not a UUID, which Node puts together of twenty strings and keeps all of them. */
export function randomId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += ID_BYTES;
  return pool.toString('hex', used - ID_BYTES, used);
}
