/** One-use tickets: for a browser that has a session over HTTP and no way to send it with a WebSocket. */
import { randomBytes } from 'node:crypto';
import {
  type Authenticator,
  authUnavailable,
  type Identity,
  isCurrent,
  unauthorized,
} from './authenticator.ts';
import type { Signer } from './signing.ts';

/** A ticket that was not used by then is nothing; milliseconds. */
export const TICKET_MS = 30_000;
/** Said alike of what never was one: whoever guesses learns nothing. */
export const NO_TICKET = 'This ticket was used, or is older than 30 s.';
/** Tickets that are out at once: each is small, and nobody needs more within 30 s. */
const MAX_TICKETS = 100_000;
const PURPOSE = 'ticket';
const ABOUT = 'ticket';

/** What JSON can say. */
type Said = Readonly<Record<string, unknown>>;

/** How a ticket is used on another node than the one that has issued it: that one is asked. */
export interface TicketNodes {
  /** The id of this one: without a dot. */
  readonly node: string;
  /** `undefined`: it did not answer. */
  ask(node: string, about: string, question: Said): Promise<Said | undefined>;
  answer(about: string, answer: (question: Said) => Promise<Said>): void;
}

interface TicketsOptions {
  readonly nodes: TicketNodes;
  readonly signer: Signer;
  readonly authenticator: Authenticator;
}

export class Tickets {
  readonly #options: TicketsOptions;
  readonly #tickets = new Map<string, { readonly identity: Identity; readonly until: number }>();

  constructor(options: TicketsOptions) {
    this.#options = options;
    options.nodes.answer(ABOUT, async ({ id }) => ({ ...this.#handOver(String(id)) }));
  }

  /** For who shows it first, within `TICKET_MS`. It opens a connection, and makes no browser known. */
  issue({ setCookie: _cookie, signIn: _signIn, ...identity }: Identity): string {
    const now = Date.now();
    // In the order in which they were issued, so the oldest are the first.
    for (const [ticket, { until }] of this.#tickets) {
      if (until > now && this.#tickets.size < MAX_TICKETS) break;
      this.#tickets.delete(ticket);
    }
    const { signer, nodes } = this.#options;
    const id = `${nodes.node}.${randomBytes(24).toString('base64url')}`;
    this.#tickets.set(id, { identity, until: now + TICKET_MS });
    // Signed, so that no other node is asked for what none has issued.
    return signer.sign(PURPOSE, id);
  }

  /**
   * Whose it was; it is used up by that. `undefined`: no node has made it.
   *
   * @throws {ProtocolError} `UNAUTHORIZED` where it is good no more; `AUTH_UNAVAILABLE` where the node that
   *   has made it cannot be asked.
   */
  async redeem(ticket: string): Promise<Identity | undefined> {
    const { signer, nodes } = this.#options;
    const id = signer.verify(PURPOSE, ticket);
    if (id === undefined) return undefined;
    const [issuer = ''] = id.split('.', 1);
    const identity = issuer === nodes.node ? this.#take(id) : await this.#fetch(issuer, id);
    if (!identity) throw unauthorized(NO_TICKET);
    return identity;
  }

  /** Has it from the node that has made it. */
  async #fetch(issuer: string, id: string): Promise<Identity | undefined> {
    const { nodes, authenticator } = this.#options;
    const answer = await nodes.ask(issuer, ABOUT, { id });
    if (!answer) {
      throw authUnavailable('The node that made this ticket cannot be asked now. Get another one.');
    }
    if (answer.principal === undefined) return undefined;
    const handed = answer as unknown as Identity;
    const identity = authenticator.recall?.(handed) ?? handed;
    return isCurrent(identity) ? identity : undefined;
  }

  #take(id: string): Identity | undefined {
    const found = this.#tickets.get(id);
    this.#tickets.delete(id);
    if (!found || found.until <= Date.now() || !isCurrent(found.identity)) return undefined;
    return found.identity;
  }

  /** Who it is, for another node: none where that would not hear of its being revoked. */
  #handOver(id: string): Identity | undefined {
    const { authenticator } = this.#options;
    const identity = this.#take(id);
    if (!identity?.isRevoked) return identity;
    const { isRevoked: _closure, ...handed } = identity;
    return authenticator.recall ? handed : undefined;
  }
}
