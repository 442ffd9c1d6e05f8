/** What a published package has beside its code. */
import { existsSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { PAGES } from '../packages/gateway/src/agents/guide-sections.ts';
import { type Manifest, publishedManifest } from './manifest.ts';

/** Of each package, where a file or directory goes, and where in the repository it comes from. */
const EXTRAS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '@parley/protocol': { 'PROTOCOL.md': 'PROTOCOL.md' },
  '@parley/gateway': {
    web: 'packages/web/dist',
    ...Object.fromEntries(PAGES.map((page) => [`documentation/${page}`, page])),
    'documentation/docs': 'docs',
  },
};

/**
 * Puts into `directory`, which holds the compiled code, what the package needs to be published.
 *
 * @param workspace where the package's sources are; like `directory` relative to `root`.
 * @throws where something is not there that has to be.
 */
export async function addContents(
  manifest: Manifest,
  { root, workspace, directory }: { root: string; workspace: string; directory: string },
): Promise<void> {
  const contents = {
    ...EXTRAS[manifest.name],
    'README.md': `${workspace}/README.md`,
    LICENSE: 'LICENSE',
  };
  for (const [to, from] of Object.entries(contents)) {
    if (!existsSync(join(root, from))) {
      throw new Error(`${from} is not there: npm run build makes what the packages need.`);
    }
    const target = join(root, directory, to);
    await mkdir(dirname(target), { recursive: true });
    await cp(join(root, from), target, {
      recursive: true,
      // Of the documentation, what the guide reads: no pictures.
      filter: (path) => from !== 'docs' || ['', '.md'].includes(extname(path)),
    });
  }
  const extras = Object.keys(EXTRAS[manifest.name] ?? {}).map((to) => to.split('/')[0] ?? to);
  await writeFile(
    join(root, directory, 'package.json'),
    `${JSON.stringify(publishedManifest(manifest, [...new Set(extras)]), null, 2)}\n`,
  );
}
