/** Who is asking is who has the token. */
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import {
  type Authenticator,
  type Credentials,
  checkCurrent,
  type Identity,
  SIGNED_IN,
  unauthorized,
} from './authenticator.ts';
import { SignedCookie } from './cookies.ts';
import type { JwtVerifier } from './jwt.ts';
import type { Signer } from './signing.ts';
import { TokenFile } from './token-file.ts';

/** A browser that has signed in stays so for as long, unless its token ends before; milliseconds. */
const SIGNED_IN_MS = 30 * 86_400_000;

interface Parts {
  readonly file: TokenFile | undefined;
  readonly jwt: JwtVerifier | undefined;
  readonly signer: Signer;
}

export class TokenAuth implements Authenticator {
  readonly #file: TokenFile | undefined;
  readonly #jwt: JwtVerifier | undefined;
  readonly #cookie: SignedCookie;

  private constructor({ file, jwt, signer }: Parts) {
    this.#file = file;
    this.#jwt = jwt;
    this.#cookie = new SignedCookie(SIGNED_IN, signer);
  }

  /**
   * `undefined` where no setting says which tokens are good.
   *
   * @throws {ConfigError} where a key or file is wrong.
   */
  static async open(config: Config, signer: Signer, log: Logger): Promise<TokenAuth | undefined> {
    const jwt = await openVerifier(config);
    const file =
      config.tokensFile === undefined ? undefined : await TokenFile.open(config.tokensFile, log);
    return file || jwt ? new TokenAuth({ file, jwt, signer }) : undefined;
  }

  async identify({ token, headers }: Credentials): Promise<Identity | undefined> {
    if (token === undefined) return this.#signedIn(headers.cookie);
    const identity = this.#file?.verify(token) ?? (await this.#foreign(token));
    if (!identity) throw unauthorized('This token is not known here, or not any more.');
    checkCurrent(identity);
    return { ...identity, signIn: this.#cookieFor(identity) };
  }

  close(): void {
    this.#file?.close();
  }

  /**
   * What the browser keeps in the place of the token: as good as that, and for as long. A token of the
   * file is known by its hash; of another, that the same signatures are believed as then.
   */
  #cookieFor({ principal, expiresAt = Number.POSITIVE_INFINITY, digest }: Identity): string {
    const until = Math.min(expiresAt, Date.now() + SIGNED_IN_MS);
    const value = Buffer.from(
      JSON.stringify([principal.id, until, digest ?? null, this.#jwt?.trust]),
    );
    return this.#cookie.set(value.toString('base64url'), until - Date.now());
  }

  #signedIn(header: string | undefined): Identity | undefined {
    for (const value of this.#cookie.read(header)) {
      const said = Buffer.from(value, 'base64url').toString();
      const [id, expiresAt, digest, trust] = JSON.parse(said);
      if (digest === null && trust !== this.#jwt?.trust) continue;
      const identity = this.recall({
        principal: { id },
        expiresAt,
        ...(digest === null ? {} : { digest }),
      });
      if (Date.now() < expiresAt && !identity.isRevoked?.()) return identity;
    }
    return undefined;
  }

  async #foreign(token: string): Promise<Identity | undefined> {
    if (!this.#jwt || token.split('.').length !== 3) return undefined;
    const identity = await this.#jwt.verify(token);
    return identity && this.recall(identity);
  }

  recall(identity: Identity): Identity {
    const file = this.#file;
    const { principal, digest } = identity;
    // A token of a file that is no longer asked for is nobody's.
    if (!file) return digest === undefined ? identity : { ...identity, isRevoked: () => true };
    return { ...identity, isRevoked: () => file.isRevoked(principal.id, digest) };
  }
}

/** Loaded only where a setting says whose signature is believed: it is half a hundred files. */
async function openVerifier(config: Config): Promise<JwtVerifier | undefined> {
  const { jwtSecret, jwtPublicKeyFile, oidcIssuer } = config;
  if ((jwtSecret ?? jwtPublicKeyFile ?? oidcIssuer) === undefined) return undefined;
  const { createJwtVerifier } = await import('./jwt.ts');
  return createJwtVerifier(config);
}
