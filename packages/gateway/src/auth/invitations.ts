/** Links that let others into a session: signed, so that of all of them one number is kept. */
import { randomBytes } from 'node:crypto';
import type { Invitation } from './access.ts';
import type { Signer } from './signing.ts';

const PURPOSE = 'invitation';

export class Invitations {
  readonly #signer: Signer;

  constructor(signer: Signer) {
    this.#signer = signer;
  }

  /** What whoever has it may show; letters, digits, `-`, `_` and `.`. */
  issue({ sessionId, access, invitationEpoch, expiresAt }: Invitation): string {
    // Two of a moment are two, so that one can be told from the other.
    const one = randomBytes(6).toString('base64url');
    const fields = JSON.stringify([sessionId, access, invitationEpoch, expiresAt, one]);
    return this.#signer.sign(PURPOSE, Buffer.from(fields).toString('base64url'));
  }

  /** `undefined`: it was not issued here, or has expired. */
  read(shown: string): Invitation | undefined {
    const text = this.#signer.verify(PURPOSE, shown);
    if (text === undefined) return undefined;
    const fields = JSON.parse(Buffer.from(text, 'base64url').toString());
    const [sessionId, access, invitationEpoch, expiresAt] = fields;
    return Date.now() < expiresAt ? { sessionId, access, invitationEpoch, expiresAt } : undefined;
  }
}
