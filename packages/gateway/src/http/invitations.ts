/** Letting others into a session, and taking them out. */
import { ProtocolError } from '@parley/protocol';
import { defineRoute, type Route } from './route.ts';
import * as schema from './schemas.ts';

const DAY_MS = 86_400_000;

export const invitationRoutes: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/api/sessions/{id}/invitations',
    name: 'invite',
    summary: 'A signed invitation to a session; for its owner.',
    access: 'known',
    params: schema.sessionParams,
    body: schema.inviteBody,
    data: schema.inviteData,
    errors: ['SESSION_NOT_FOUND', 'FORBIDDEN', 'INVALID_MESSAGE'],
    async handle({ sessions, authentication }, { principal, params: { id }, body }) {
      await sessions.get(principal, id, 'manage');
      const { access, expires_in_days } = body;
      const expiresAt = Date.now() + expires_in_days * DAY_MS;
      const invitation = authentication.invitations.issue({ sessionId: id, access, expiresAt });
      // After the #, which browsers keep to themselves.
      const path = `/join#${invitation}`;
      return { invitation, access, path, expires_at: new Date(expiresAt).toISOString() };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/invitations',
    name: 'acceptInvitation',
    summary: 'Makes who is asking a member of the session that an invitation is for.',
    access: 'known',
    body: schema.acceptBody,
    data: schema.acceptData,
    errors: ['SESSION_NOT_FOUND', 'FORBIDDEN', 'INVALID_MESSAGE'],
    async handle({ sessions, authentication }, { principal, body }) {
      const invitation = authentication.invitations.read(body.invitation);
      if (!invitation) {
        throw new ProtocolError(
          'FORBIDDEN',
          'This invitation has expired, or is none. Ask for a new one.',
        );
      }
      const { sessionId, access } = invitation;
      await sessions.admit(principal, sessionId, access);
      return { session_id: sessionId };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/sessions/{id}/members',
    name: 'listMembers',
    summary: 'Whose session it is, and who was invited.',
    access: 'known',
    params: schema.sessionParams,
    data: schema.membersData,
    errors: ['SESSION_NOT_FOUND'],
    async handle({ sessions }, { principal, params: { id } }) {
      const { owner, members } = await sessions.get(principal, id, 'read');
      return { owner, members: Object.entries(members).map(([id, access]) => ({ id, access })) };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/sessions/{id}/members/{person}',
    name: 'removeMember',
    summary: 'Takes a member out of a session; for its owner, and for the member.',
    access: 'known',
    params: schema.memberParams,
    data: schema.memberData,
    errors: ['SESSION_NOT_FOUND', 'FORBIDDEN'],
    async handle({ sessions }, { principal, params: { id, person } }) {
      await sessions.expel(principal, id, person);
      return { id: person };
    },
  }),
];
