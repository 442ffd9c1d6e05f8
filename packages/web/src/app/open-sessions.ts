/**
 * The sessions that the page is in. Going back to one shows it at once, so a few stay joined after
 * one has left them; one with words that wait to be sent is never left, they would be lost.
 */
import { client } from './client.ts';
import type { Session } from './interim.ts';

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
  const session = open.get(id) ?? (unused?.id === id ? unused : client.session(id));
  open.delete(session.id);
  open.set(session.id, session);
  for (const [other, each] of open) {
    if (open.size <= KEPT) break;
    if (other === session.id || hasUnsent(each)) continue;
    open.delete(other);
    each.leave();
  }
  return session;
}

/** It was refused or is gone: the next `openSession` asks the server anew. */
export function forgetSession(id: string): void {
  open.get(id)?.leave();
  open.delete(id);
}

/** How many messages wait to be sent, in all open sessions. */
export function countUnsent(): number {
  let count = 0;
  for (const session of open.values()) count += unsent(session);
  return count;
}

function hasUnsent(session: Session): boolean {
  return unsent(session) > 0;
}

function unsent(session: Session): number {
  const { items } = session.transcript.snapshot();
  return items.filter((item) => item.kind === 'message' && item.status === 'waiting').length;
}
