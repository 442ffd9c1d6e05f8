/** The page of markdown-page/, built and served with the headers that the gateway gives. */
import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, loadConfigFromFile, type Plugin } from 'vite';
import { onTestFinished } from 'vitest';
import { ClientAddresses } from '../../packages/gateway/src/address.ts';
import { openAuthentication } from '../../packages/gateway/src/auth/open.ts';
import { parseOptions } from '../../packages/gateway/src/config.ts';
import type { AppDeps } from '../../packages/gateway/src/http/deps.ts';
import { createRequestListener } from '../../packages/gateway/src/http/request-listener.ts';
import { Limits, UNLIMITED_PERSON } from '../../packages/gateway/src/limits.ts';
import { createLogger } from '../../packages/gateway/src/log.ts';
import { loneNode } from '../helpers/lone-node.ts';

const WEB_CONFIG = fileURLToPath(new URL('../../packages/web/vite.config.ts', import.meta.url));
const WEB_DIST = fileURLToPath(new URL('../../packages/web/dist', import.meta.url));

/** Builds the page into a directory; plugins may plant a fault. */
export async function buildPage(outDir: string, plugins: readonly Plugin[] = []): Promise<void> {
  const { NODE_ENV } = process.env;
  // Under test React would be built with its checks for developers.
  process.env.NODE_ENV = 'production';
  try {
    // As the real page is built, but for where it begins and ends.
    const loaded = await loadConfigFromFile({ command: 'build', mode: 'production' }, WEB_CONFIG);
    const { plugins: own = [], build: options, ...config } = loaded?.config ?? {};
    const { rolldownOptions: _, ...kept } = options ?? {};
    await build({
      ...config,
      configFile: false,
      logLevel: 'error',
      root: fileURLToPath(new URL('./markdown-page', import.meta.url)),
      plugins: [...own, ...plugins],
      build: { ...kept, outDir },
    });
  } finally {
    process.env.NODE_ENV = NODE_ENV;
  }
}

/**
 * Serves a built page as the gateway does, by its own code, and the frame for diagrams of the real page. With
 * a `policy` the page is served under that instead; an empty one is none.
 */
export async function serveBuilt(root: string, policy?: string): Promise<string> {
  let url = '';
  const config = parseOptions({ store: 'memory:' });
  const log = await createLogger({ level: 'silent', pretty: false });
  const node = loneNode();
  const authentication = await openAuthentication(config, undefined, node, log);
  const [page, real] = [root, WEB_DIST].map((webRoot) =>
    createRequestListener({
      authentication,
      config,
      addresses: new ClientAddresses([]),
      limits: new Limits({
        ...config,
        ...UNLIMITED_PERSON,
        exemptsLoopback: true,
        limiter: node.limiter,
      }),
      originRules: { origins: [], hosts: [] },
      log,
      metrics: { countRequest: () => {} },
      url: () => url,
      webRoot,
    } as unknown as AppDeps),
  );
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://page').pathname;
    // What is in a sandbox has no origin that could be named.
    if (path === '/diagram.html' || request.headers.origin === 'null') {
      await real?.(request, response);
    } else if (policy !== undefined) {
      const headers = policy === '' ? {} : { 'Content-Security-Policy': policy };
      await send(response, join(root, path === '/' ? 'index.html' : path), headers);
    } else await page?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return url;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

async function send(
  response: ServerResponse,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const content = await readFile(path).catch(() => undefined);
  if (!content) {
    response.writeHead(404).end();
    return;
  }
  const type = TYPES[extname(path)] ?? 'application/octet-stream';
  response.writeHead(200, { 'Content-Type': type, ...headers }).end(content);
}
