/** Each browser is somebody, without a name: a signed cookie says who. */
import { randomBytes } from 'node:crypto';
import type { Authenticator, Credentials, Identity } from './authenticator.ts';
import { SignedCookie } from './cookies.ts';
import type { Signer } from './signing.ts';
import type { TokenAuth } from './token.ts';

/** A browser that does not come for so long is somebody else when it comes; milliseconds. */
const LIFETIME_MS = 180 * 86_400_000;
/** A cookie older than this is replaced by a new one. */
const ROTATE_MS = 86_400_000;

export class AnonymousAuth implements Authenticator {
  readonly #cookie: SignedCookie;
  readonly #tokens: TokenAuth | undefined;

  /** `tokens`: of administrators and programs. */
  constructor(signer: Signer, tokens: TokenAuth | undefined) {
    this.#cookie = new SignedCookie('parley_id', signer);
    this.#tokens = tokens;
  }

  async identify(credentials: Credentials): Promise<Identity | undefined> {
    const named = await this.#tokens?.identify(credentials);
    if (named) return named;
    const known = this.#read(credentials.headers.cookie);
    if (known && Date.now() - known.issuedAt < ROTATE_MS) {
      return { principal: { id: known.id }, expiresAt: known.issuedAt + LIFETIME_MS };
    }
    // An auth message cannot set a cookie.
    if (!known && !credentials.canSetCookie) return undefined;
    if (known) return this.#issue(known.id);
    return { ...this.#issue(`anon-${randomBytes(16).toString('base64url')}`), isAssumed: true };
  }

  recall(identity: Identity): Identity {
    return this.#tokens?.recall(identity) ?? identity;
  }

  close(): void {
    this.#tokens?.close();
  }

  #issue(id: string): Identity {
    const issuedAt = Date.now();
    return {
      principal: { id },
      expiresAt: issuedAt + LIFETIME_MS,
      setCookie: this.#cookie.set(`${id}.${issuedAt.toString(36)}`, LIFETIME_MS),
    };
  }

  #read(header: string | undefined): { id: string; issuedAt: number } | undefined {
    for (const value of this.#cookie.read(header)) {
      const [id = '', issued = ''] = value.split('.');
      const issuedAt = Number.parseInt(issued, 36);
      if (Date.now() - issuedAt < LIFETIME_MS) return { id, issuedAt };
    }
    return undefined;
  }
}
