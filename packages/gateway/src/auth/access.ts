/** What somebody may do in a session. Every path asks here, over WebSocket and HTTP alike. */
import type { SessionRecord } from '../stores/store.ts';
import { type Principal, sessionNotFound } from './principal.ts';

/** `read`: see it. `write`: say, stop and decide something in it. `manage`: name, give another agent, delete. */
export type Operation = 'read' | 'write' | 'manage';

/** @throws {ProtocolError} `SESSION_NOT_FOUND` where it is not there, or not for this principal. */
export function authorize(
  principal: Principal,
  session: SessionRecord | undefined,
  _operation: Operation,
  id: string,
): asserts session is SessionRecord {
  if (session && (session.owner === principal.id || principal.isAdmin)) return;
  throw sessionNotFound(id);
}
