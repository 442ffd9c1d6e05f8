/** A page of the tests, bundled as an application would do it, and served from an origin of its own. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build, type Rolldown } from 'vite';
import { onTestFinished } from 'vitest';

/** One minified file of `entry` and all that it imports, but for `external`. */
export async function bundle(entry: string, external: string[] = []): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    // React is strict with what is being developed only.
    define: { 'process.env.NODE_ENV': '"development"' },
    build: {
      write: false,
      target: 'esnext',
      rolldownOptions: {
        input: entry,
        external,
        preserveEntrySignatures: 'strict',
        output: { format: 'es', minify: true, codeSplitting: false },
      },
    },
  });
  const { output } = [built].flat()[0] as Rolldown.RolldownOutput;
  return output[0].code;
}

const TYPES: Record<string, string> = { '/': 'text/html', '/page.js': 'text/javascript' };

/** Serves `tests/client/pages/<name>`; returns its address. */
export async function servePage(name: string): Promise<string> {
  const code = await bundle(fileURLToPath(new URL(`pages/${name}`, import.meta.url)));
  const html =
    '<!doctype html><title>Test</title><main></main><script type=module src=page.js></script>';
  const server = createServer(({ url = '' }, response) => {
    const type = TYPES[url];
    response.writeHead(type ? 200 : 204, { 'Content-Type': type ?? 'text/plain' });
    response.end(url === '/page.js' ? code : type && html);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
