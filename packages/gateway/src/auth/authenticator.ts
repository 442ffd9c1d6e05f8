/** Who is asking: what a request shows of it, and what says whose that is. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { ProtocolError } from '@parley/protocol';
import type { Principal } from './principal.ts';

/** Somebody who is known, for as long as they are. */
export interface Identity {
  readonly principal: Principal;
  /** Milliseconds since the epoch; from then on it is nobody's. */
  readonly expiresAt?: number;
  /** Asked every second while a connection lives: `true` once it was revoked. */
  readonly isRevoked?: () => boolean;
  /** Nothing was shown for it: it is who everyone, or everyone new, is. */
  readonly isAssumed?: true;
  /** A cookie that makes the next request known, to be sent by `cookieFor` with this one's answer. */
  readonly setCookie?: string;
  /** The same for a browser that asks to be signed in; absent where that cannot be. */
  readonly signIn?: string;
  /** The hash of the token, where that is known by it. */
  readonly digest?: string;
}

/** What is shown of who is asking. */
export interface Credentials {
  readonly token: string | undefined;
  /** Of the request; of an `auth` message, those with which its connection was made. */
  readonly headers: IncomingHttpHeaders;
  /** The answer can set a cookie. */
  readonly canSetCookie: boolean;
}

export interface Authenticator {
  /**
   * Who shows this. `undefined`: it shows nothing, and may show it later.
   *
   * @throws {ProtocolError} `UNAUTHORIZED`: what it shows is not, or no longer, good for anybody.
   */
  identify(credentials: Credentials): Promise<Identity | undefined> | Identity | undefined;
  /**
   * Somebody whom another node has identified, with what would revoke it here. Absent where only the node
   * that has identified somebody hears of that.
   */
  recall?(identity: Identity): Identity;
  close(): void;
}

/** The cookie of a browser that has signed in with a token. */
export const SIGNED_IN = 'parley_signed_in';
const BEARER_PREFIX = 'parley.bearer.';
const TICKET_PREFIX = 'parley.ticket.';

/**
 * What a request shows beside its cookie. An upgrade may show it as a subprotocol, because a browser can
 * set nothing else; what opens a WebSocket is good for nothing else.
 *
 * @throws {ProtocolError} `UNAUTHORIZED` for what cannot be a token, and for one in the address, where
 *   logs and histories keep it.
 */
export function shownBy(
  { headers, url = '' }: IncomingMessage,
  { isUpgrade }: { readonly isUpgrade: boolean },
): {
  readonly token: string | undefined;
  readonly ticket: string | undefined;
} {
  if (/[?&](?:(?:access_)?token|ticket)=/i.test(url)) {
    throw unauthorized(
      'A token in an address ends up in logs. Send it as Authorization: Bearer, as the subprotocol parley.bearer.<token>, or in an auth message.',
    );
  }
  const { authorization } = headers;
  const bearer = authorization === undefined ? undefined : /^Bearer +(\S+)$/i.exec(authorization);
  if (bearer === null) throw unauthorized('Expected Authorization: Bearer <token>.');
  const offered = isUpgrade ? offeredProtocols(headers) : [];
  return {
    token: bearer?.[1] ?? after(BEARER_PREFIX, offered),
    ticket: after(TICKET_PREFIX, offered),
  };
}

/** To whom a cookie goes: by TLS to who came by TLS, and into frames of other sites where those are allowed. */
export interface CookieScope {
  readonly isSecure: boolean;
  readonly inFrames: boolean;
}

export function cookieScope(
  { frameAncestors }: { readonly frameAncestors: readonly string[] },
  { isSecure }: Pick<CookieScope, 'isSecure'>,
): CookieScope {
  return { isSecure, inFrames: frameAncestors.length > 0 };
}

/** What signs a browser out, whichever of the two its cookie was made as. */
export function signedOut({ isSecure }: Pick<CookieScope, 'isSecure'>): readonly string[] {
  const kinds = isSecure ? [false, true] : [false];
  return kinds.map((inFrames) => cookieFor(`${SIGNED_IN}=; Max-Age=0`, { isSecure, inFrames }));
}

/** The `Set-Cookie` as it is sent: `cookie` is its name, value and age. */
export function cookieFor(cookie: string, { isSecure, inFrames }: CookieScope): string {
  const kept = `${cookie}; Path=/; HttpOnly`;
  // Lax: whoever follows a link to here stays who they are.
  if (!isSecure) return `${kept}; SameSite=Lax`;
  // Partitioned: another one under each site that shows the frame, so that no page has it from another.
  return `${kept}; SameSite=${inFrames ? 'None; Partitioned' : 'Lax'}; Secure`;
}

/** @throws {ProtocolError} `UNAUTHORIZED` where it has expired or was revoked. */
export function checkCurrent(identity: Identity): void {
  if (!isCurrent(identity)) throw unauthorized('This token is not known here, or not any more.');
}

export function isCurrent({ expiresAt, isRevoked }: Identity): boolean {
  return (expiresAt === undefined || Date.now() < expiresAt) && isRevoked?.() !== true;
}

export function unauthorized(why: string): ProtocolError {
  return new ProtocolError('UNAUTHORIZED', why);
}

/** What would say who is asking does not answer. */
export function authUnavailable(why: string): ProtocolError {
  return new ProtocolError('AUTH_UNAVAILABLE', why, { retry_after_ms: 1_000 });
}

/** The subprotocols that an upgrade offers. */
export function offeredProtocols(headers: IncomingHttpHeaders): readonly string[] {
  return headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
}

/** Whether a subprotocol is no protocol, and says who is asking. */
export function isCredential(name: string): boolean {
  return name.startsWith(BEARER_PREFIX) || name.startsWith(TICKET_PREFIX);
}

function after(prefix: string, names: readonly string[]): string | undefined {
  return names.find((name) => name.startsWith(prefix))?.slice(prefix.length);
}
