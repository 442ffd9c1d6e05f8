/** Who is asking, and what they may do. */
import { ProtocolError } from '@parley/protocol';
import type { SessionRecord } from './stores/store.ts';

export interface Principal {
  readonly id: string;
}

/** Everyone who reaches a server on its own machine is the one person that it belongs to. */
export const LOCAL: Principal = { id: 'local' };

/** Whether this principal may use the session. */
export function mayUse(principal: Principal, session: SessionRecord): boolean {
  return session.owner === principal.id;
}

/** A session that is not there and one that is somebody else's look the same. */
export function sessionNotFound(id: string): ProtocolError {
  return new ProtocolError(
    'SESSION_NOT_FOUND',
    `There is no session ${id}. It may have been deleted, or have expired. Create one, or join another.`,
  );
}
