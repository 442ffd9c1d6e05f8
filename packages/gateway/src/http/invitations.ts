/** Letting others into a session, and taking them out. */
import { noInvitation } from '../auth/access.ts';
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
      const { invitationEpoch } = await sessions.get(principal, id, 'manage');
      const { access, expires_in_days } = body;
      const expiresAt = Date.now() + expires_in_days * DAY_MS;
      const made = { sessionId: id, access, invitationEpoch, expiresAt };
      const invitation = authentication.invitations.issue(made);
      // After the #, which browsers keep to themselves.
      const path = `/join#${invitation}`;
      return { invitation, access, path, expires_at: new Date(expiresAt).toISOString() };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/sessions/{id}/invitations',
    name: 'withdrawInvitations',
    summary:
      'Withdraws every invitation to a session that was given out; who is a member stays one.',
    access: 'known',
    params: schema.sessionParams,
    data: schema.withdrawnData,
    errors: ['SESSION_NOT_FOUND', 'FORBIDDEN'],
    async handle({ sessions }, { principal, params: { id } }) {
      await sessions.members.withdrawInvitations(principal, id);
      return { id };
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
      if (!invitation) throw noInvitation();
      await sessions.members.admit(principal, invitation);
      return { session_id: invitation.sessionId };
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
    summary:
      'Takes a member out of a session and withdraws its invitations; for its owner. A member may leave.',
    access: 'known',
    params: schema.memberParams,
    data: schema.memberData,
    errors: ['SESSION_NOT_FOUND', 'FORBIDDEN'],
    async handle({ sessions }, { principal, params: { id, person } }) {
      await sessions.members.expel(principal, id, person);
      return { id: person };
    },
  }),
];
