/** Each browser is somebody, without a name: a signed cookie says who. */
import { randomBytes } from 'node:crypto';
import type { Authenticator, Credentials, Identity } from './authenticator.ts';
import type { Signer } from './signing.ts';
import type { TokenAuth } from './token.ts';

const COOKIE = 'parley_id';
const PURPOSE = 'cookie';
/** A browser that does not come for so long is somebody else when it comes; milliseconds. */
const LIFETIME_MS = 180 * 86_400_000;
/** A cookie older than this is replaced by a new one. */
const ROTATE_MS = 86_400_000;

export class AnonymousAuth implements Authenticator {
  readonly #signer: Signer;
  readonly #tokens: TokenAuth | undefined;

  /** `tokens`: of administrators and programs, who keep no cookie. */
  constructor(signer: Signer, tokens: TokenAuth | undefined) {
    this.#signer = signer;
    this.#tokens = tokens;
  }

  async identify(credentials: Credentials): Promise<Identity | undefined> {
    const { token, headers, canSetCookie } = credentials;
    if (token !== undefined && this.#tokens) return this.#tokens.identify(credentials);
    const known = this.#read(headers.cookie);
    if (known && Date.now() - known.issuedAt < ROTATE_MS) {
      return { principal: { id: known.id }, expiresAt: known.issuedAt + LIFETIME_MS };
    }
    // An auth message cannot set a cookie.
    if (!known && !canSetCookie) return undefined;
    if (known) return this.#issue(known.id);
    return { ...this.#issue(`anon-${randomBytes(16).toString('base64url')}`), isAssumed: true };
  }

  close(): void {
    this.#tokens?.close();
  }

  #issue(id: string): Identity {
    const issuedAt = Date.now();
    const value = this.#signer.sign(PURPOSE, `${id}.${issuedAt.toString(36)}`);
    const setCookie = `${COOKIE}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${LIFETIME_MS / 1_000}`;
    return { principal: { id }, expiresAt: issuedAt + LIFETIME_MS, setCookie };
  }

  /** The first cookie of the name that was signed here and has not expired. */
  #read(header = ''): { id: string; issuedAt: number } | undefined {
    for (const pair of header.split(';')) {
      const [name, value = ''] = pair.split('=', 2);
      const signed = name?.trim() === COOKIE && this.#signer.verify(PURPOSE, value.trim());
      if (!signed) continue;
      const [id = '', issued = ''] = signed.split('.');
      const issuedAt = Number.parseInt(issued, 36);
      if (Date.now() - issuedAt < LIFETIME_MS) return { id, issuedAt };
    }
    return undefined;
  }
}
