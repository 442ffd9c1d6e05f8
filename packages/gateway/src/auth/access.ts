/**
 * What somebody may do in a session. Every path that names one asks here, over WebSocket and HTTP alike;
 * lists and searches are of those that somebody has or is a member of, which the stores know.
 */
import { ProtocolError } from '@parley/protocol';
import type { Access, SessionRecord } from '../stores/store.ts';
import { type Principal, sessionNotFound } from './principal.ts';

/** `read`: see it. `write`: say, stop and decide something in it. `manage`: name it, invite to it, delete it. */
export type Operation = Access | 'manage';

/** Each may do what stands before it, too. */
const ORDER: readonly Operation[] = ['read', 'write', 'manage'];

/** The most that somebody may do; `undefined`: they may not know that it is there. */
export function accessOf(principal: Principal, session: SessionRecord): Operation | undefined {
  return principal.isAdmin ? 'manage' : accessAsMember(principal, session);
}

/** The same for who they are to this session, whatever they may elsewhere. */
export function accessAsMember({ id }: Principal, session: SessionRecord): Operation | undefined {
  if (session.owner === id) return 'manage';
  return Object.hasOwn(session.members, id) ? session.members[id] : undefined;
}

/** Whether they see it for being an administrator alone. */
export function isStranger(principal: Principal, session: SessionRecord): boolean {
  return principal.isAdmin === true && accessAsMember(principal, session) === undefined;
}

export function mayDo(principal: Principal, session: SessionRecord, operation: Operation): boolean {
  const access = accessOf(principal, session);
  return access !== undefined && includes(access, operation);
}

function includes(access: Operation, operation: Operation): boolean {
  return ORDER.indexOf(operation) <= ORDER.indexOf(access);
}

/**
 * @throws {ProtocolError} `SESSION_NOT_FOUND` where it is not there, or not for this principal, in the
 *   same words; `FORBIDDEN` where they may see it and not do this.
 */
export function authorize(
  principal: Principal,
  session: SessionRecord | undefined,
  operation: Operation,
  id: string,
): asserts session is SessionRecord {
  const access = session && accessOf(principal, session);
  if (access === undefined) throw sessionNotFound(id);
  if (includes(access, operation)) return;
  throw new ProtocolError(
    'FORBIDDEN',
    access === 'read' ? 'You were invited to read in this session.' : 'This is for its owner.',
  );
}

/** What lets somebody else into a session. */
export interface Invitation {
  readonly sessionId: string;
  readonly access: Access;
  /** Of the session when it was issued: it is good until they are withdrawn, and for that session alone. */
  readonly invitationEpoch: number;
  /** Milliseconds since the epoch; from then on it lets nobody in. */
  readonly expiresAt: number;
}

export function noInvitation(): ProtocolError {
  return new ProtocolError(
    'FORBIDDEN',
    'This invitation has expired, was withdrawn, or is none. Ask for a new one.',
  );
}
