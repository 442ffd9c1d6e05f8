/** Says of every request and every `auth` message who is asking. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { ProtocolError } from '@parley/protocol';
import type { ClientAddress } from '../address.ts';
import type { Config } from '../config.ts';
import { within } from '../deadline.ts';
import type { Logger } from '../log.ts';
import { isLoopback } from '../origin.ts';
import type { Attempts } from './attempts.ts';
import {
  type Authenticator,
  authUnavailable,
  type Identity,
  shownBy,
  unauthorized,
} from './authenticator.ts';
import { Invitations } from './invitations.ts';
import type { Signer } from './signing.ts';
import { NO_TICKET, TICKET_MS, type TicketNodes, Tickets } from './tickets.ts';

/** Who is asked has to answer by then, milliseconds. */
const ANSWER_MS = 10_000;
const NO_HEADERS: IncomingHttpHeaders = {};

/** The setting `auth`, or a function of the embedding program's. */
export type AuthMode = Config['auth'] | 'custom';

export interface AuthenticationOptions {
  readonly authenticator: Authenticator;
  readonly signer: Signer;
  readonly mode: AuthMode;
  /** The ids of administrators. */
  readonly admins: readonly string[];
  readonly attempts: Attempts;
  readonly tickets: TicketNodes;
  readonly log: Logger;
}

export class Authentication {
  readonly #options: AuthenticationOptions;
  readonly #tickets: Tickets;
  readonly invitations: Invitations;

  constructor(options: AuthenticationOptions) {
    this.#options = options;
    const { authenticator, signer, tickets } = options;
    this.#tickets = new Tickets({ nodes: tickets, signer, authenticator });
    this.invitations = new Invitations(signer);
  }

  get mode(): AuthMode {
    return this.#options.mode;
  }

  /**
   * Who sends this request; `undefined`: it does not say.
   *
   * @throws {ProtocolError} `UNAUTHORIZED`; `RATE_LIMITED` where too much from this address was wrong;
   *   `AUTH_UNAVAILABLE` where it cannot be told now.
   */
  async ofRequest(
    request: IncomingMessage,
    address: ClientAddress,
    { isUpgrade }: { readonly isUpgrade: boolean },
  ): Promise<Identity | undefined> {
    // Everyone is taken for the owner of this machine, so only it may ask. Not asked for elsewhere, because Node keeps it
    // as long as the connection lives.
    const localAddress = this.mode === 'none' ? request.socket.localAddress : undefined;
    if (localAddress !== undefined && !isLoopback(localAddress)) {
      throw unauthorized(
        'This server asks nobody who they are, and so answers its own machine only. Its setting auth changes that.',
      );
    }
    const { token, ticket } = shownBy(request, { isUpgrade });
    if (ticket !== undefined) {
      // Only what was never made is a guess: whatever becomes of the others, others may guess there.
      return (await this.#tickets.redeem(ticket)) ?? this.#refuseTicket(ticket, address);
    }
    const ask = () => this.#ask({ token, headers: request.headers, canSetCookie: true });
    return token === undefined ? ask() : this.#options.attempts.make(address, token, ask);
  }

  /** What a later token of a connection is judged by besides itself: kept as long as that is open. */
  headersToKeep({ headers }: IncomingMessage): IncomingHttpHeaders {
    if (this.mode === 'custom') return headers;
    const { cookie } = headers;
    return this.mode === 'anonymous' && cookie !== undefined ? { cookie } : NO_HEADERS;
  }

  /** Whose token it is; `headers`: what was kept of those with which the connection was made. Throws as `ofRequest`. */
  ofToken(
    token: string,
    { headers, address }: { headers: IncomingHttpHeaders; address: ClientAddress },
  ): Promise<Identity> {
    return this.#options.attempts.make(address, token, async () => {
      const identity = await this.#ask({ token, headers, canSetCookie: false });
      if (!identity) throw unauthorized('This token is not known here, or not any more.');
      return identity;
    });
  }

  /** For who shows it first, within its lifetime in milliseconds. */
  ticketFor(identity: Identity): { readonly ticket: string; readonly lifetimeMs: number } {
    return { ticket: this.#tickets.issue(identity), lifetimeMs: TICKET_MS };
  }

  close(): void {
    this.#options.authenticator.close();
  }

  #refuseTicket(ticket: string, address: ClientAddress): Promise<never> {
    return this.#options.attempts.make(address, ticket, async () => {
      throw unauthorized(NO_TICKET);
    });
  }

  async #ask(credentials: Parameters<Authenticator['identify']>[0]): Promise<Identity | undefined> {
    const { authenticator, admins, log } = this.#options;
    const late = () => new Error('It did not answer.');
    try {
      const asked = authenticator.identify(credentials);
      const identity = asked instanceof Promise ? await within(ANSWER_MS, asked, late) : asked;
      if (!identity || !admins.includes(identity.principal.id)) return identity;
      return { ...identity, principal: { ...identity.principal, isAdmin: true } };
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      log.error({ err: error }, 'it cannot be told who is asking');
      throw authUnavailable('It cannot be told now who is asking. Try again.');
    }
  }
}
