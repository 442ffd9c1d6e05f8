/**
 * Makes in `dist/<name>` of each package what is to be published: JavaScript file by file as the
 * sources are, declarations of what is exported, and what belongs beside them.
 */
import { readFile } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { defineConfig } from 'tsdown';
import { addContents } from './build/contents.ts';
import { CODE_DIRECTORY, type Manifest } from './build/manifest.ts';

const ROOT = import.meta.dirname;

async function readManifest(workspace: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(ROOT, workspace, 'package.json'), 'utf8'));
}

function configFor(workspace: string, manifest: Manifest) {
  const { name, bin, exports = {}, dependencies, peerDependencies } = manifest;
  const cwd = join(ROOT, workspace);
  const directory = join('dist', basename(workspace));
  return {
    name,
    cwd,
    entry: 'src/**/*.{ts,tsx}',
    root: 'src',
    clean: [join(ROOT, directory)],
    outDir: join(ROOT, directory, CODE_DIRECTORY),
    // What is published is what was tested, without its types: nothing is bundled, inlined or renamed.
    unbundle: true,
    minify: false,
    fixedExtension: false,
    dts: { cwd, entry: Object.values(exports).map((path) => posix.normalize(path)) },
    // Only what has a command line is for Node alone: an import of `node:` elsewhere fails the build.
    platform: bin ? ('node' as const) : ('neutral' as const),
    deps: { onlyBundle: [], onlyImport: Object.keys({ ...dependencies, ...peerDependencies }) },
    logLevel: 'warn' as const,
    failOnWarn: true,
    suppressWarnings: [
      // It calls TypeScript 7 by its command line, which is all that this needs.
      'TypeScript 7.0 does not yet have a stable API',
    ],
    checks: { bundlerTimings: false },
    hooks: {
      'build:done': () => addContents(manifest, { root: ROOT, workspace, directory }),
    },
  };
}

const { workspaces } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
const packages = await Promise.all(
  (workspaces as readonly string[]).map(async (workspace) => ({
    workspace,
    manifest: await readManifest(workspace),
  })),
);

export default defineConfig(
  packages
    // The page has no exports: it is published within the gateway.
    .filter(({ manifest }) => manifest.exports)
    .map(({ workspace, manifest }) => configFor(workspace, manifest)),
);
