/** Every route of the API; the app and the served OpenAPI document are made of these. */
import { chatRoutes } from './chat.ts';
import { documentRoutes } from './documents.ts';
import { invitationRoutes } from './invitations.ts';
import { monitorRoutes } from './monitor.ts';
import { peopleRoutes } from './people.ts';
import type { Route } from './route.ts';
import { serverRoutes } from './server.ts';
import { sessionRoutes } from './sessions.ts';

export const ROUTES: readonly Route[] = [
  ...serverRoutes,
  ...peopleRoutes,
  ...sessionRoutes,
  ...invitationRoutes,
  ...chatRoutes,
  ...monitorRoutes,
  ...documentRoutes,
];
