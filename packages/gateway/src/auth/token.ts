/** Who is asking is who has the token. */
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import {
  type Authenticator,
  type Credentials,
  checkCurrent,
  type Identity,
  unauthorized,
} from './authenticator.ts';
import { createJwtVerifier, type VerifyJwt } from './jwt.ts';
import { TokenFile } from './token-file.ts';

export class TokenAuth implements Authenticator {
  readonly #file: TokenFile | undefined;
  readonly #verifyJwt: VerifyJwt | undefined;

  private constructor(file: TokenFile | undefined, verifyJwt: VerifyJwt | undefined) {
    this.#file = file;
    this.#verifyJwt = verifyJwt;
  }

  /**
   * `undefined` where no setting says which tokens are good.
   *
   * @throws {ConfigError} where a key or file is wrong.
   */
  static async open(config: Config, log: Logger): Promise<TokenAuth | undefined> {
    const verifyJwt = await createJwtVerifier(config);
    const file =
      config.tokensFile === undefined ? undefined : await TokenFile.open(config.tokensFile, log);
    if (!file && !verifyJwt) return undefined;
    return new TokenAuth(file, verifyJwt);
  }

  async identify({ token }: Credentials): Promise<Identity | undefined> {
    if (token === undefined) return undefined;
    const identity = this.#file?.verify(token) ?? (await this.#foreign(token));
    if (!identity) throw unauthorized('This token is not known here, or not any more.');
    checkCurrent(identity);
    return identity;
  }

  close(): void {
    this.#file?.close();
  }

  async #foreign(token: string): Promise<Identity | undefined> {
    if (!this.#verifyJwt || token.split('.').length !== 3) return undefined;
    const identity = await this.#verifyJwt(token);
    if (!identity || !this.#file) return identity;
    const file = this.#file;
    return { ...identity, isRevoked: () => file.isRevoked(identity.principal.id) };
  }
}
