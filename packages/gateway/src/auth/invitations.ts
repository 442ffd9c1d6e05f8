/** Links that let others into a session: signed, so that nothing has to be kept of them. */
import { randomBytes } from 'node:crypto';
import type { Access } from '../stores/store.ts';
import type { Signer } from './signing.ts';

export interface Invitation {
  readonly sessionId: string;
  readonly access: Access;
  /** Milliseconds since the epoch; from then on it lets nobody in. */
  readonly expiresAt: number;
}

const PURPOSE = 'invitation';

export class Invitations {
  readonly #signer: Signer;

  constructor(signer: Signer) {
    this.#signer = signer;
  }

  /** What whoever has it may show; letters, digits, `-`, `_` and `.`. */
  issue({ sessionId, access, expiresAt }: Invitation): string {
    // Two of a moment are two, so that one can be told from the other.
    const fields = [sessionId, access, expiresAt, randomBytes(6).toString('base64url')];
    return this.#signer.sign(PURPOSE, Buffer.from(JSON.stringify(fields)).toString('base64url'));
  }

  /** `undefined`: it was not issued here, or has expired. */
  read(shown: string): Invitation | undefined {
    const text = this.#signer.verify(PURPOSE, shown);
    if (text === undefined) return undefined;
    const [sessionId, access, expiresAt] = JSON.parse(Buffer.from(text, 'base64url').toString());
    return Date.now() < expiresAt ? { sessionId, access, expiresAt } : undefined;
  }
}
