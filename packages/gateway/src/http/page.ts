/** The web page, where there is a built one. */
import { serveStatic } from '@hono/node-server/serve-static';
import type { Hono, MiddlewareHandler } from 'hono';
import type { AppDeps, HttpContext, HttpEnv } from './deps.ts';

const YEAR = 31_536_000;

export function servePage(app: Hono<HttpEnv>, { webRoot, url }: AppDeps): void {
  if (webRoot === undefined) {
    app.get('/', (context) => {
      context.set('route', 'page');
      return context.text(about(url()), 200, { 'Cache-Control': 'no-cache' });
    });
    return;
  }
  const index = serveStatic<HttpEnv>({ root: webRoot, path: 'index.html' });
  const page = withHeaders(index, 'page', (context) => ({
    'Cache-Control': 'no-cache',
    'Content-Security-Policy': contentSecurityPolicy(new URL(context.req.url).host),
  }));
  app.get('/', page);
  app.get('/index.html', page);
  app.get('/s/:id', page);
  app.get(
    '*',
    withHeaders(serveStatic<HttpEnv>({ root: webRoot }), 'asset', ({ req }) => ({
      // What the build puts there has a hash of its content in its name.
      'Cache-Control': req.path.startsWith('/assets/')
        ? `public, max-age=${YEAR}, immutable`
        : 'no-cache',
    })),
  );
}

/** `serveStatic` has made its response when it calls back: the headers are added to that. */
function withHeaders(
  serve: MiddlewareHandler<HttpEnv>,
  route: string,
  headers: (context: HttpContext) => Readonly<Record<string, string>>,
): MiddlewareHandler<HttpEnv> {
  return async (context, next) => {
    const response = await serve(context, next);
    if (!(response instanceof Response)) return;
    context.set('route', route);
    for (const [name, value] of Object.entries(headers(context))) response.headers.set(name, value);
    return response;
  };
}

/** `'self'` means the WebSocket too, but Safari before 15.4 does not know that. */
function contentSecurityPolicy(host: string): string {
  return [
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    `connect-src 'self' ws://${host} wss://${host}`,
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}

function about(url: string): string {
  return [
    'Parley: the real-time layer between people and AI agents.',
    '',
    `WebSocket  ${url.replace(/^http/, 'ws')}/ws`,
    `HTTP API   ${url}/openapi.json`,
    `Messages   ${url}/asyncapi.json`,
    '',
    'The web page has not been built: npm run build:web',
    '',
  ].join('\n');
}
