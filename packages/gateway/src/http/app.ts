/** The HTTP side of a gateway: the API, the documents that describe it, and the web page. */
import { getRequestListener } from '@hono/node-server';
import { ProtocolError } from '@parley/protocol';
import { Hono } from 'hono';
import { asProtocolError } from '../errors.ts';
import type { AppDeps, HttpEnv } from './deps.ts';
import { errorResponse, HttpRefusal } from './errors.ts';
import { guard, onlyAllowedOrigins, whoIsAsking } from './guard.ts';
import { servePage } from './page.ts';
import { ROUTES } from './routes.ts';

/** A client that has left is answered for the count alone; nginx's number for it. */
const CLIENT_GONE = 499;

/** What a node without connections answers: what its operators ask. */
const OF_WORKERS: ReadonlySet<string> = new Set(['/api/health', '/readyz', '/metrics']);

export function createApp(deps: AppDeps): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  const isWorker = deps.config.role === 'worker';
  const elsewhere = isWorker
    ? ' This node runs agents only: ask one with role all or gateway.'
    : '';
  const refuse = (error: ProtocolError): Response => {
    deps.metrics.countRefusal('request', error.code);
    return errorResponse(error);
  };
  app.use(guard(deps), onlyAllowedOrigins(deps), whoIsAsking(deps));
  app.notFound((context) =>
    refuse(
      new ProtocolError(
        'NOT_FOUND',
        `There is nothing at ${context.req.path.slice(0, 200)}.${elsewhere}`,
      ),
    ),
  );
  app.onError((error, context) => {
    // Whoever it was for is not there any more, and the error most likely says just that.
    if (context.env.outgoing.destroyed) return new Response(null, { status: CLIENT_GONE });
    const { method } = context.req;
    return refuse(asProtocolError(error, deps.log, { method, route: context.get('route') }));
  });
  const routes = isWorker ? ROUTES.filter(({ path }) => OF_WORKERS.has(path)) : ROUTES;
  for (const route of routes) {
    app.on(route.method, honoPath(route.path), (context) => {
      context.set('route', route.path);
      return route.answer(deps, context);
    });
  }
  for (const [path, own] of Map.groupBy(routes, (route) => route.path)) {
    const methods = own.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
    app.all(honoPath(path), (context) => {
      context.set('route', path);
      return otherMethod(path, context.req.method, [...methods, 'OPTIONS'].join(', '));
    });
  }
  if (isWorker) return app;
  app.get('/ws', () => {
    throw upgradeRequired();
  });
  servePage(app, deps);
  app.all('/', (context) => {
    const { method } = context.req;
    // The page is not there: it is being built, or was never.
    if (method === 'GET' || method === 'HEAD') return context.notFound();
    return otherMethod('/', method, 'GET, HEAD, OPTIONS');
  });
  return app;
}

/** Whoever asks here without an upgrade has an address for a WebSocket client in a browser's bar. */
function upgradeRequired(): HttpRefusal {
  return new HttpRefusal(
    'UPGRADE_REQUIRED',
    '/ws is a WebSocket endpoint: connect to it with ws://.',
    { headers: { Upgrade: 'websocket', Connection: 'Upgrade' } },
  );
}

/**
 * Answers what none of the routes of a path takes.
 *
 * @throws {HttpRefusal} `METHOD_NOT_ALLOWED`
 */
function otherMethod(path: string, method: string, allow: string): Response {
  const headers = { Allow: allow };
  if (method === 'OPTIONS') return new Response(null, { status: 204, headers });
  const message = `${path} does not take ${method.slice(0, 20)}; it takes ${allow}.`;
  throw new HttpRefusal('METHOD_NOT_ALLOWED', message, { headers });
}

/** OpenAPI writes a parameter as `{id}`, hono as `:id`. */
function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

/** `createApp` as what `node:http` calls with each request. Never rejects. */
export function createAppListener(deps: AppDeps): ReturnType<typeof getRequestListener> {
  const app = createApp(deps);
  return getRequestListener((request, env) => app.fetch(request, env), {
    // The globals belong to the program that this is a library of.
    overrideGlobalObjects: false,
    // What is no valid request target or Host never gets as far as the app.
    errorHandler: () =>
      errorResponse(new ProtocolError('INVALID_MESSAGE', 'Expected a valid path and Host header.')),
  });
}
