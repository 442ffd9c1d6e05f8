/** What this server has signed, so that it believes it when it comes back. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes of the key that is made where none is set; of HMAC-SHA256 more would add nothing. */
const KEY_BYTES = 32;
const KEY_FILE = 'signing.key';

/** Signs with the first key, and believes what any of them has signed: so a key can be replaced. */
export class Signer {
  readonly #keys: readonly [string, ...string[]];

  constructor(keys: readonly [string, ...string[]]) {
    this.#keys = keys;
  }

  /** `purpose`: what is signed for one is nothing for another. */
  sign(purpose: string, text: string): string {
    return `${text}.${mac(this.#keys[0], purpose, text)}`;
  }

  /** The text, or `undefined` where it was not signed here for this purpose. */
  verify(purpose: string, signed: string): string | undefined {
    const end = signed.lastIndexOf('.');
    if (end === -1) return undefined;
    const [text, given] = [signed.slice(0, end), Buffer.from(signed.slice(end + 1))];
    const isGood = this.#keys.some((key) => {
      const expected = Buffer.from(mac(key, purpose, text));
      return expected.length === given.length && timingSafeEqual(expected, given);
    });
    return isGood ? text : undefined;
  }
}

function mac(key: string, purpose: string, text: string): string {
  return createHmac('sha256', key).update(`${purpose}\n${text}`).digest('base64url');
}

/** A key that lasts as long as the process. */
export function randomKey(): string {
  return randomBytes(KEY_BYTES).toString('base64url');
}

/** The key that is kept in the data directory; made at the first start, for its owner alone to read. */
export async function keptKey(dataDir: string): Promise<string> {
  const path = join(dataDir, KEY_FILE);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(`${randomKey()}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return (await readFile(path, 'utf8')).trim();
}
