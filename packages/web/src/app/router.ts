/** Two places: `/`, a new chat, and `/s/{id}`, a chat, where `#{messageId}` is a message in it. */
import { useSyncExternalStore } from 'react';

export interface Place {
  /** Absent: a new chat. */
  readonly sessionId: string | undefined;
  /** The message or answer to show. */
  readonly messageId: string | undefined;
}

const SESSION = /^\/s\/([^/]+)\/?$/;
const listeners = new Set<() => void>();
let place = read();

export function pathOf(sessionId: string, messageId?: string): string {
  const hash = messageId === undefined ? '' : `#${encodeURIComponent(messageId)}`;
  return `/s/${encodeURIComponent(sessionId)}${hash}`;
}

/** Goes to a place; `replace` leaves no step back to where one was. */
export function navigate(path: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, '', path);
  else history.pushState(null, '', path);
  changed();
}

export function usePlace(): Place {
  return useSyncExternalStore(subscribe, currentPlace);
}

export function currentPlace(): Place {
  return place;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function read(): Place {
  return {
    sessionId: decode(SESSION.exec(location.pathname)?.[1] ?? '') || undefined,
    messageId: decode(location.hash.slice(1)) || undefined,
  };
}

/** An address can be typed by hand, so it need not be well formed. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

function changed(): void {
  place = read();
  for (const listener of listeners) listener();
}

addEventListener('popstate', changed);
