/** One-use tickets: for a browser that has a session over HTTP and no way to send it with a WebSocket. */
import { randomBytes } from 'node:crypto';
import { type Identity, isCurrent } from './authenticator.ts';

/** A ticket that was not used by then is nothing; milliseconds. */
export const TICKET_MS = 30_000;
/** Tickets that are out at once: each is small, and nobody needs more within 30 s. */
const MAX_TICKETS = 100_000;

export class Tickets {
  readonly #tickets = new Map<string, { readonly identity: Identity; readonly until: number }>();

  /** For who shows it first, within `TICKET_MS`. It opens a connection, and makes no browser known. */
  issue({ setCookie: _cookie, signIn: _signIn, ...identity }: Identity): string {
    const now = Date.now();
    // In the order in which they were issued, so the oldest are the first.
    for (const [ticket, { until }] of this.#tickets) {
      if (until > now && this.#tickets.size < MAX_TICKETS) break;
      this.#tickets.delete(ticket);
    }
    const ticket = randomBytes(24).toString('base64url');
    this.#tickets.set(ticket, { identity, until: now + TICKET_MS });
    return ticket;
  }

  /** Whose it was; it is used up by that. */
  redeem(ticket: string): Identity | undefined {
    const found = this.#tickets.get(ticket);
    this.#tickets.delete(ticket);
    if (!found || found.until <= Date.now() || !isCurrent(found.identity)) return undefined;
    return found.identity;
  }
}
