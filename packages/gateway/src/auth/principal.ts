/** Who is asking, and what they may do. */
import { ProtocolError } from '@parley/protocol';

export interface Principal {
  /** 1 to 128 characters; what a session keeps of its owner, and a message of its sender. */
  readonly id: string;
  /** May do in every session what its owner may. */
  readonly isAdmin?: boolean;
}

/** Of a principal that a token or a function names: nothing that a log, a page or a URL would not show. */
export function isPrincipalId(id: unknown): id is string {
  return typeof id === 'string' && /^(?!\.{1,2}$)[^\p{C}\s]{1,128}$/u.test(id);
}

/** Everyone who reaches a server on its own machine is the one person that it belongs to. */
export const LOCAL: Principal = { id: 'local', isAdmin: true };

/** A session that is not there and one that is somebody else's look the same. */
export function sessionNotFound(id: string): ProtocolError {
  return new ProtocolError(
    'SESSION_NOT_FOUND',
    `There is no session ${id}. It may have been deleted, or have expired. Create one, or join another.`,
  );
}
