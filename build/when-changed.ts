/** Makes what is made of files again when they changed, and only then. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

interface Product {
  /** Files and directories that it is made of. */
  readonly sources: readonly string[];
  /** The directory that it is made in. */
  readonly output: string;
  /** Where it is kept what the output was made of, and what it was then. */
  readonly stamp: string;
  readonly make: () => Promise<unknown>;
}

/** Other programs keep these in the directories of sources; they are made, not written. */
const NOT_WRITTEN = /^(?:node_modules|dist|.*\.tsbuildinfo)$/;

/**
 * Resolves when the output is what `make` makes of the sources. It compares contents, not times:
 * a checkout touches everything, and half an output is as new as a whole one.
 *
 * @throws where a source is not there, or `make` fails: then the next call makes it again.
 */
export async function makeWhenChanged({ sources, output, stamp, make }: Product): Promise<void> {
  const made = await contentsOf(sources);
  const now = await contentsOf([output]).catch(() => 'nothing');
  if ((await readFile(stamp, 'utf8').catch(() => '')) === `${made} ${now}`) return;
  await make();
  await mkdir(dirname(stamp), { recursive: true });
  // Two who make it at once must not write into each other's stamp.
  const written = `${stamp}.${process.pid}`;
  await writeFile(written, `${made} ${await contentsOf([output])}`);
  await rename(written, stamp);
}

/** One word for the names and contents of all files of these paths. */
async function contentsOf(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) await addContents(path, hash);
  return hash.digest('hex');
}

async function addContents(path: string, hash: ReturnType<typeof createHash>): Promise<void> {
  if ((await stat(path)).isDirectory()) {
    const names = (await readdir(path)).filter((name) => !NOT_WRITTEN.test(name)).sort();
    hash.update(`${path}/${names.length}\n`);
    for (const name of names) await addContents(join(path, name), hash);
  } else {
    const content = await readFile(path);
    hash.update(`${path} ${content.length}\n`).update(content);
  }
}
