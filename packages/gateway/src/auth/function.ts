/** Who is asking, as a function of the embedding program says. */
import type { IncomingHttpHeaders } from 'node:http';
import {
  type Authenticator,
  type Credentials,
  checkCurrent,
  type Identity,
  unauthorized,
} from './authenticator.ts';
import { isPrincipalId, type Principal } from './principal.ts';

/** What an `authenticate` function is shown. */
export interface AuthenticateInput {
  /** Of `Authorization: Bearer`, of the subprotocol `parley.bearer.…`, or of an `auth` message. */
  readonly token?: string;
  /** Of the request; of an `auth` message, those with which its connection was made. */
  readonly headers: Readonly<IncomingHttpHeaders>;
}

/** Somebody who is known. */
export interface Authenticated extends Principal {
  /** From then on the connection is ended with 4401. */
  readonly expiresAt?: Date;
  /** Ends the connection within a second when it is aborted. */
  readonly signal?: AbortSignal;
}

/**
 * Returns who is asking, or nothing where the request does not say; then a connection may send an `auth`
 * message. What it throws is logged, and the request refused.
 */
export type Authenticate = (
  input: AuthenticateInput,
) => Authenticated | undefined | Promise<Authenticated | undefined>;

export class FunctionAuth implements Authenticator {
  readonly #authenticate: Authenticate;

  constructor(authenticate: Authenticate) {
    this.#authenticate = authenticate;
  }

  async identify({ token, headers }: Credentials): Promise<Identity | undefined> {
    const known = await this.#authenticate({ headers, ...(token === undefined ? {} : { token }) });
    if (!known) {
      if (token === undefined) return undefined;
      throw unauthorized('This token is not known here, or not any more.');
    }
    const { id, isAdmin = false, expiresAt, signal } = known;
    if (!isPrincipalId(id)) {
      throw new TypeError('authenticate: expected an id of 1 to 128 characters without spaces.');
    }
    const identity: Identity = {
      principal: { id, isAdmin },
      ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.getTime() }),
      ...(signal === undefined ? {} : { isRevoked: () => signal.aborted }),
    };
    checkCurrent(identity);
    return identity;
  }

  close(): void {}
}
