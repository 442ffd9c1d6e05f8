/**
 * The sessions that the page is in. Going back to one shows it at once, so a few stay joined after
 * one has left them.
 */
import type { Session } from '@parley/client';
import { client } from './client.ts';

/** The server allows 32 on one connection unless told otherwise. */
const KEPT = 6;

/** The one used last at the end. */
const open = new Map<string, Session>();
/** The new chat that nothing has been asked in yet. */
let unused: Session | undefined;

/** Joins it; without an id a new one, which the server makes with the first message. */
export function openSession(id?: string): Session {
  if (id === undefined) {
    if (unused?.transcript.snapshot().items.length !== 0) unused = client.session();
    return unused;
  }
  const session = open.get(id) ?? client.session(id);
  open.delete(id);
  open.set(id, session);
  const [oldest] = open.keys();
  if (open.size > KEPT && oldest !== undefined) forgetSession(oldest);
  return session;
}

/** The next `openSession` asks the server anew; what waits to be sent in it still is. */
export function forgetSession(id: string): void {
  open.get(id)?.leave();
  open.delete(id);
}

/** How many messages wait to be sent, in all open sessions. */
export function countUnsent(): number {
  let count = 0;
  for (const { transcript } of open.values()) {
    for (const item of transcript.snapshot().items) {
      if (item.kind === 'message' && item.status === 'waiting') count += 1;
    }
  }
  return count;
}
