/** The web page, where there is a built one. */
import { serveStatic } from '@hono/node-server/serve-static';
import type { Hono, MiddlewareHandler } from 'hono';
import type { AppDeps, HttpEnv } from './deps.ts';

/** A year. */
const FOREVER = 'public, max-age=31536000, immutable';

/** Where agents' diagrams are drawn, in a frame of the page that has an origin of its own. */
const DIAGRAM_PAGE = '/diagram.html';
/** What draws them writes style elements. It may load its own scripts and nothing else. */
const diagramPolicy = (frameAncestors: readonly string[]) =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'unsafe-inline'",
    "base-uri 'none'",
    "form-action 'none'",
    // All of them count, up to the page that shows the chat.
    ['frame-ancestors', "'self'", ...frameAncestors].join(' '),
    'sandbox allow-scripts',
  ].join('; ');

export function servePage(app: Hono<HttpEnv>, { webRoot, url, config }: AppDeps): void {
  if (webRoot === undefined) {
    app.get('/', (context) => {
      context.set('route', 'page');
      return context.text(about(url()), 200, { 'Cache-Control': 'no-cache' });
    });
    return;
  }
  const withHeaders = headersFor(config.frameAncestors);
  // The build puts compressed files beside those that are worth it.
  const served = { root: webRoot, precompressed: true };
  const index = withHeaders(serveStatic<HttpEnv>({ ...served, path: 'index.html' }));
  const monitor = withHeaders(serveStatic<HttpEnv>({ ...served, path: 'monitor.html' }));
  const file = withHeaders(serveStatic<HttpEnv>(served));
  // The page may name its assets relative to itself, so they are there for a deep link as well.
  const deepFile = withHeaders(
    serveStatic<HttpEnv>({
      ...served,
      rewriteRequestPath: (path) => path.slice('/s'.length),
    }),
  );
  app.get('/', index);
  app.get('/join', index);
  app.get('/monitor', monitor);
  app.get('/monitor/sign-in', index);
  app.get('/s/', index);
  app.get('/s/assets/*', deepFile);
  app.get('/s/:id', index);
  app.get('*', file);
}

/** `serveStatic` has made its response when it calls back, so the headers are added to that. */
function headersFor(frameAncestors: readonly string[]) {
  return (serve: MiddlewareHandler<HttpEnv>): MiddlewareHandler<HttpEnv> =>
    async (context, next) => {
      const response = await serve(context, next);
      if (!(response instanceof Response)) return;
      const isPage = response.headers.get('Content-Type')?.startsWith('text/html') ?? false;
      context.set('route', isPage ? 'page' : 'asset');
      const { path, url } = context.req;
      if (isPage) {
        const policy =
          path === DIAGRAM_PAGE
            ? diagramPolicy(frameAncestors)
            : contentSecurityPolicy(new URL(url).host, frameAncestors);
        response.headers.set('Content-Security-Policy', policy);
        // For browsers that do not read the above. It cannot name others, so those say nothing.
        if (frameAncestors.length === 0) {
          response.headers.set('X-Frame-Options', path === DIAGRAM_PAGE ? 'SAMEORIGIN' : 'DENY');
        }
      }
      // They are public, and the same for everyone.
      if (isAsset(path)) response.headers.set('Access-Control-Allow-Origin', '*');
      response.headers.set('Cache-Control', !isPage && isAsset(path) ? FOREVER : 'no-cache');
      return response;
    };
}

/** Whether the build has put it there, with a hash of its content in its name. */
export function isAsset(path: string): boolean {
  return /^(?:\/s)?\/assets\//.test(path);
}

/** `'self'` means the WebSocket too, but Safari before 15.4 does not know that. */
function contentSecurityPolicy(host: string, frameAncestors: readonly string[]): string {
  return [
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    `connect-src 'self' ws://${host} wss://${host}`,
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    `frame-ancestors ${frameAncestors.join(' ') || "'none'"}`,
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
