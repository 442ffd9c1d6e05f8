/** Builds the page for the server, the tests and the package, where it is not built already. */
import { join } from 'node:path';
import { makeWhenChanged } from './when-changed.ts';

const ROOT = join(import.meta.dirname, '..');

await makeWhenChanged({
  sources: [
    'packages/web',
    'packages/client',
    'packages/protocol',
    'package-lock.json',
    'tsconfig.base.json',
  ].map((path) => join(ROOT, path)),
  output: join(ROOT, 'packages/web/dist'),
  // Not in the output, which is served and published as it is.
  stamp: join(ROOT, 'node_modules/.cache/parley/web'),
  async make() {
    // Nobody is to be served the React of developers, whatever their shell says.
    process.env.NODE_ENV = 'production';
    process.stdout.write('Building the web chat …\n');
    // Loaded here, because it takes longer than finding out that there is nothing to do.
    const { build } = await import('vite');
    await build({ root: join(ROOT, 'packages/web'), logLevel: 'warn' });
  },
});
