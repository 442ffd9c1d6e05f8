/** What holds for every request: who may ask, what browsers are told, what is counted. */
import type { MiddlewareHandler } from 'hono';
import { cookieFor, cookieScope } from '../auth/authenticator.ts';
import { checkHost, checkOrigin } from '../origin.ts';
import type { AppDeps, HttpContext, HttpEnv } from './deps.ts';
import { isAsset } from './page.ts';

/** Browsers come by TLS alone for so long, seconds: half a year. */
const HSTS_S = 15_552_000;
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'OPTIONS']);

export function guard({
  addresses,
  originRules,
  metrics,
  log,
}: AppDeps): MiddlewareHandler<HttpEnv> {
  return async (context, next) => {
    const began = performance.now();
    const client = addresses.of(context.env.incoming);
    context.set('client', client);
    await next();
    context.header('X-Content-Type-Options', 'nosniff');
    context.header('Referrer-Policy', 'no-referrer');
    context.header('Cross-Origin-Resource-Policy', 'same-origin');
    if (client.isSecure) {
      context.header('Strict-Transport-Security', `max-age=${HSTS_S}`);
    }
    allowOrigin(context, originRules.origins);
    const method = METHODS.has(context.req.method) ? context.req.method : 'other';
    const route = context.get('route') ?? 'none';
    const { status } = context.res;
    metrics.countRequest(method, route, status);
    const ms = Math.round(performance.now() - began);
    log.debug({ method, route, status, ms, ...context.get('said') }, 'a request was answered');
  };
}

/** @throws {ProtocolError} `ORIGIN_NOT_ALLOWED`; behind `guard`, so that refusals are counted too. */
export function onlyAllowedOrigins({ originRules }: AppDeps): MiddlewareHandler<HttpEnv> {
  return async (context, next) => {
    const { incoming } = context.env;
    // The frame that draws diagrams has no origin, and loads its scripts from here.
    if (isAsset(context.req.path)) checkHost(incoming, originRules);
    else checkOrigin(incoming, context.get('client'), originRules);
    await next();
  };
}

/**
 * Notes who is asking, counts what they ask, and gives a new browser its cookie.
 *
 * @throws {ProtocolError} `UNAUTHORIZED` where what is shown is nobody's, `RATE_LIMITED`
 */
export function whoIsAsking({
  authentication,
  config,
  limits,
}: AppDeps): MiddlewareHandler<HttpEnv> {
  return async (context, next) => {
    if (isAsset(context.req.path) || context.req.method === 'OPTIONS') {
      await next();
      return;
    }
    const { incoming } = context.env;
    const address = context.get('client');
    const identity = await authentication.ofRequest(incoming, address, { isUpgrade: false });
    const refusal = await limits.take(identity?.principal.id, address);
    if (refusal) throw refusal;
    context.set('identity', identity);
    await next();
    if (!identity?.setCookie) return;
    const cookie = cookieFor(identity.setCookie, cookieScope(config, address));
    context.header('Set-Cookie', cookie, { append: true });
    // What makes one browser known is for no cache between.
    context.header('Cache-Control', 'no-store');
  };
}

/** Lets pages of the configured origins read the answer, and nobody else's. */
function allowOrigin(context: HttpContext, origins: readonly string[]): void {
  if (origins.length === 0) return;
  context.header('Vary', 'Origin', { append: true });
  const origin = context.req.header('origin');
  if (origin === undefined) return;
  const everyone = origins.includes('*');
  if (!everyone && !origins.includes(origin)) return;
  context.header('Access-Control-Allow-Origin', everyone ? '*' : origin);
  context.header('Access-Control-Expose-Headers', 'Content-Disposition, Retry-After, traceparent');
  if (context.req.method !== 'OPTIONS') return;
  context.header('Access-Control-Allow-Methods', 'GET, HEAD, POST, PATCH, DELETE');
  context.header(
    'Access-Control-Allow-Headers',
    'Authorization, Content-Type, traceparent, tracestate',
  );
  context.header('Access-Control-Max-Age', '600');
}
