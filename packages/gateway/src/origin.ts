/** From where a request comes: which pages may talk to this server, and under which names. */
import type { IncomingMessage } from 'node:http';
import { ProtocolError } from '@parley/protocol';

export interface OriginRules {
  /** Further origins, exactly as browsers send them; `*`: every one. */
  readonly origins: readonly string[];
  /** Further host names that this server answers to, without port; an IPv6 address in brackets. */
  readonly hosts: readonly string[];
}

type Asking = Pick<IncomingMessage, 'headers' | 'headersDistinct' | 'url'>;

/** What is known of who asks. */
interface From {
  readonly isLoopback: boolean;
  readonly isSecure: boolean;
}

/** What this machine calls itself: nobody can point these names elsewhere. */
const LOCAL_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

const AUTHORITY = /^https?:\/\/([^/?#]*)/i;

/**
 * Refuses a request that is addressed to another name (DNS rebinding). Returns the one that it is
 * addressed to, with its port.
 *
 * @throws {ProtocolError} `ORIGIN_NOT_ALLOWED`; `INVALID_MESSAGE` for one that is addressed twice (RFC 9112
 *   section 3.2): what stands before this server may have gone by the other name.
 */
export function checkHost(request: Asking, rules: OriginRules): string {
  if ((request.headersDistinct.host?.length ?? 0) > 1) {
    throw new ProtocolError('INVALID_MESSAGE', 'Expected one Host header, got several.');
  }
  // A target that names a host counts, and not the Host header (RFC 9112 section 3.2.2).
  const host = AUTHORITY.exec(request.url ?? '')?.[1] ?? request.headers.host ?? '';
  if (rules.origins.includes('*') || isOwnHost(host, rules)) return host;
  const known = [...LOCAL_HOSTS, ...rules.hosts].join(', ');
  throw new ProtocolError(
    'ORIGIN_NOT_ALLOWED',
    `This server does not answer to the host name ${JSON.stringify(host.slice(0, 260))}.`,
    { details: `Known host names: ${known}. Add it to the setting hosts.` },
  );
}

/**
 * Refuses what `checkHost` refuses, and what a page of a foreign origin sends.
 *
 * @throws {ProtocolError} as `checkHost`
 */
export function checkOrigin(request: Asking, { isSecure }: From, rules: OriginRules): void {
  const host = checkHost(request, rules);
  if (rules.origins.includes('*')) return;
  const { origin } = request.headers;
  if (origin === undefined) return;
  const scheme = isSecure ? 'https' : 'http';
  if (origin === `${scheme}://${host}`.toLowerCase() || rules.origins.includes(origin)) return;
  throw new ProtocolError(
    'ORIGIN_NOT_ALLOWED',
    `Pages of the origin ${JSON.stringify(origin.slice(0, 260))} may not talk to this server.`,
    { details: 'Add it to the setting origins.' },
  );
}

/**
 * A socket may stay open without a page behind it; it has to come from a page of an allowed origin or
 * from this machine.
 *
 * @throws {ProtocolError} `ORIGIN_NOT_ALLOWED`
 */
export function checkSocketOrigin(request: Asking, from: From, rules: OriginRules): void {
  checkOrigin(request, from, rules);
  if (request.headers.origin !== undefined || from.isLoopback) return;
  if (rules.origins.includes('*')) return;
  throw new ProtocolError(
    'ORIGIN_NOT_ALLOWED',
    'A client without an Origin header may connect from this machine only.',
    { details: 'Send an Origin that the setting origins lists.' },
  );
}

function isOwnHost(host: string, rules: OriginRules): boolean {
  const name = host.toLowerCase().replace(/:\d{1,5}$/, '');
  if (LOCAL_HOSTS.includes(name) || rules.hosts.includes(name)) return true;
  return rules.origins.some((origin) => URL.parse(origin)?.host === host.toLowerCase());
}

/** The path of a request, without its query, whichever form its target has. */
export function pathOf({ url = '' }: Pick<IncomingMessage, 'url'>): string {
  return url.replace(AUTHORITY, '').split('?', 1)[0] ?? '';
}

/** Whether only this machine reaches the address. */
export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  return /^(?:localhost|\[?::1\]?|(?:::ffff:)?127\.[\d.]+)$/i.test(address);
}
