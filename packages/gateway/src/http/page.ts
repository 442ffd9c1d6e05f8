/** The web page, where there is a built one. */
import { serveStatic } from '@hono/node-server/serve-static';
import type { Hono } from 'hono';
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
  const index = serveStatic<HttpEnv>({
    root: webRoot,
    path: 'index.html',
    onFound: (_, context) => asPage(context),
  });
  app.get('/', index);
  app.get('/s/:id', index);
  app.get(
    '*',
    serveStatic<HttpEnv>({
      root: webRoot,
      onFound(path, context) {
        if (path.endsWith('.html')) asPage(context);
        else asAsset(context);
      },
    }),
  );
}

function asPage(context: HttpContext): void {
  context.set('route', 'page');
  context.header('Cache-Control', 'no-cache');
  context.header('Content-Security-Policy', contentSecurityPolicy(new URL(context.req.url).host));
}

/** What the build puts under `/assets/` has a hash of its content in its name. */
function asAsset(context: HttpContext): void {
  context.set('route', 'asset');
  const hashed = context.req.path.startsWith('/assets/');
  context.header('Cache-Control', hashed ? `public, max-age=${YEAR}, immutable` : 'no-cache');
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
