/** The HTTP side of a gateway: the API, the documents that describe it, and the web page. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { ProtocolError } from '@parley/protocol';
import { Hono } from 'hono';
import { asProtocolError } from './connections/connection.ts';
import type { AppDeps, HttpEnv } from './http/deps.ts';
import { errorResponse, HttpRefusal } from './http/errors.ts';
import { guard, onlyAllowedOrigins } from './http/guard.ts';
import { servePage } from './http/page.ts';
import { ROUTES } from './http/routes.ts';

/** A client that has left is answered for the count alone; nginx's number for it. */
const CLIENT_GONE = 499;

export function createApp(deps: AppDeps): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  app.use(guard(deps), onlyAllowedOrigins(deps));
  app.notFound((context) =>
    errorResponse(
      new ProtocolError('NOT_FOUND', `There is nothing at ${context.req.path.slice(0, 200)}.`),
    ),
  );
  app.onError((error, context) => {
    // Whoever it was for is not there any more, and the error most likely says just that.
    if (context.env.outgoing.destroyed) return new Response(null, { status: CLIENT_GONE });
    return errorResponse(asProtocolError(error, deps.log));
  });
  const methods = Map.groupBy(ROUTES, ({ path }) => path);
  for (const route of ROUTES) {
    app.on(route.method, honoPath(route.path), (context) => {
      context.set('route', route.path);
      return route.answer(deps, context);
    });
  }
  for (const [path, routes] of methods) {
    const allowed = [...routes.map(({ method }) => method), 'HEAD', 'OPTIONS'];
    const allow = allowed
      .filter((method) => method !== 'HEAD' || allowed.includes('GET'))
      .join(', ');
    app.all(honoPath(path), ({ req, set }) => {
      set('route', path);
      if (req.method === 'OPTIONS')
        return new Response(null, { status: 204, headers: { Allow: allow } });
      throw new HttpRefusal(
        'NOT_FOUND',
        `${path} does not take ${req.method.slice(0, 20)}; it takes ${allow}.`,
        { status: 405, headers: { Allow: allow } },
      );
    });
  }
  servePage(app, deps);
  return app;
}

/** OpenAPI writes a parameter as `{id}`, hono as `:id`. */
function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

/** Answers the requests of a `node:http` server. Never throws and never rejects. */
export function createRequestListener(
  deps: AppDeps,
): (request: IncomingMessage, response: ServerResponse) => void {
  const app = createApp(deps);
  const listener = getRequestListener((request, env) => app.fetch(request, env), {
    // The globals belong to the program that this is a library of.
    overrideGlobalObjects: false,
    // What is no valid request target or Host never gets as far as the app.
    errorHandler: () =>
      errorResponse(new ProtocolError('INVALID_MESSAGE', 'Expected a valid path and Host header.')),
  });
  return (request, response) => void listener(request, response);
}
