/** Which addresses may be opened, and how they are shown without a lie. */

declare const checked: unique symbol;

/** An absolute address of an allowed scheme, as the URL parser writes it. Only `safeUrl` makes one. */
export type SafeUrl = string & { readonly [checked]: true };

const ALLOWED = new Set(['http:', 'https:', 'mailto:']);

/** Longer addresses are used by nobody but attackers, UTF-16 code units. */
const MAX_LENGTH = 2_000;

/**
 * The address, if it may be opened. It has to be absolute: what is relative would lead into the page
 * itself. The browser's own parser decides which scheme it is, so that tabs, newlines, entities and
 * letters of other alphabets cannot make it look like another one.
 */
export function safeUrl(target: string): SafeUrl | undefined {
  const trimmed = target.trim();
  if (trimmed.length > MAX_LENGTH || !/^(?:https?:\/\/|mailto:)/i.test(trimmed)) return undefined;
  let url: URL;
  try {
    url = new URL(trimmed);
  } catch {
    return undefined;
  }
  if (!ALLOWED.has(url.protocol)) return undefined;
  if (url.protocol === 'mailto:') {
    // Headers and a body written by the agent would be sent in the reader's name.
    url.search = '';
    url.hash = '';
    if (/[\s,;?&]|%0[ad]/i.test(url.pathname) || !url.pathname.includes('@')) return undefined;
  }
  // `https://bank.example@evil.example` is read as the bank.
  url.username = '';
  url.password = '';
  return url.href as SafeUrl;
}

/**
 * Where a link leads, in the letters of ASCII: the host, in Punycode where it is written in others, or
 * the address of a mail.
 */
export function destination(url: SafeUrl): string {
  const { protocol, host, pathname } = new URL(url);
  return protocol === 'mailto:' ? pathname : host;
}

/**
 * Whether a text passes itself off as an address while it leads elsewhere, or hides where it leads. The
 * reader is then shown the host beside it.
 */
export function isMisleading(text: string, url: SafeUrl): boolean {
  const shown = text.trim().toLowerCase();
  const real = destination(url).toLowerCase();
  if (shown === '') return true;
  if (/(?:^|\.)xn--/.test(real)) return true;
  const claim = /(?:[a-z][a-z\d+.-]*:\/*|\bwww\.|@)?([^\s/?#@:]+\.[^\s/?#@:.]{2,})/iu.exec(
    shown,
  )?.[1];
  if (claim === undefined) return false;
  const claimed = asciiHost(claim);
  return claimed !== real && claimed !== real.replace(/:\d+$/, '') && `www.${claimed}` !== real;
}

function asciiHost(host: string): string {
  try {
    return new URL(`https://${host}`).host;
  } catch {
    return host;
  }
}
