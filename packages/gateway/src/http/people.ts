/** Who is asking, over HTTP. */

import { ProtocolError } from '@parley/protocol';
import { cookieFor, cookieScope, type Identity, signedOut } from '../auth/authenticator.ts';
import { defineRoute, type Route, success } from './route.ts';
import * as schema from './schemas.ts';

export const peopleRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/me',
    name: 'whoAmI',
    summary: 'Who is asking.',
    access: 'known',
    data: schema.meData,
    errors: [],
    async handle(_deps, { principal, context }) {
      const expiresAt = context.get('identity')?.expiresAt;
      return {
        id: principal.id,
        is_admin: principal.isAdmin === true,
        expires_at: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
      };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/sign-in',
    name: 'signIn',
    summary: 'Keeps a browser known by a cookie, as who the token of the request belongs to.',
    access: 'known',
    data: schema.signedData,
    errors: ['FORBIDDEN'],
    async handle({ config }, { principal, context }) {
      const cookie = context.get('identity')?.signIn;
      if (cookie === undefined) {
        throw new ProtocolError('FORBIDDEN', 'Show a token: Authorization: Bearer <token>.');
      }
      return success(
        { id: principal.id },
        { 'Set-Cookie': cookieFor(cookie, cookieScope(config, context.get('client'))) },
      );
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/sign-out',
    name: 'signOut',
    summary: 'Takes the cookie of a browser away.',
    access: 'known',
    data: schema.signedData,
    errors: [],
    async handle(_deps, { principal, context }) {
      const response = success({ id: principal.id });
      for (const cookie of signedOut(context.get('client'))) {
        response.headers.append('Set-Cookie', cookie);
      }
      return response;
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/tickets',
    name: 'createTicket',
    summary: 'A ticket that opens one WebSocket, as the subprotocol parley.ticket.<ticket>.',
    access: 'known',
    data: schema.ticketData,
    errors: [],
    async handle({ authentication }, { context }) {
      // There is one: the route is for who is known.
      const { ticket, lifetimeMs } = authentication.ticketFor(context.get('identity') as Identity);
      return { ticket, expires_in_ms: lifetimeMs };
    },
  }),
];
