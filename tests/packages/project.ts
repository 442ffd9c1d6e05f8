/** The packages as they would be published, and a project that has installed them. */
import { execFile } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../docs/program.ts';

export const NAMES = ['protocol', 'client', 'gateway'] as const;

/** What `npm pack --json` says of a tarball. */
export interface Tarball {
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  /** Bytes. */
  readonly size: number;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

const execute = promisify(execFile);

/** Resolves with standard output. Rejects with all that was said where the program fails. */
export async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  // What it starts, npm included, runs on the same Node as this.
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`;
  const env = { ...process.env, PATH };
  try {
    return (await execute(command, args, { cwd, env })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')}:\n${stdout}${stderr}`, { cause: error });
  }
}

/** `npm run build` without the page, which other tests are being served from. */
export async function buildPackages(): Promise<void> {
  await run(process.execPath, [join(ROOT, 'node_modules/tsdown/dist/run.mjs')], ROOT);
}

/** Packs what was built into `directory`. */
export async function pack(directory: string): Promise<Tarball[]> {
  const sources = NAMES.map((name) => join(ROOT, 'dist', name));
  const args = ['pack', '--json', '--pack-destination', directory, ...sources];
  return JSON.parse(await run('npm', args, directory)) as Tarball[];
}

/** Makes `directory` a project that depends on the tarballs in it. */
export async function install(directory: string, tarballs: readonly Tarball[]): Promise<void> {
  await writeFile(join(directory, 'package.json'), '{ "private": true }\n');
  const paths = tarballs.map(({ filename }) => `./${filename}`);
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...paths], directory);
}

/** The names of all packages in the project, those of dependencies included. */
export async function installedPackages(directory: string): Promise<string[]> {
  const lock = await readFile(join(directory, 'node_modules/.package-lock.json'), 'utf8');
  const { packages } = JSON.parse(lock) as { packages: Readonly<Record<string, unknown>> };
  return Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, ''));
}

/** The files below `directory`, relative to it, with their sizes in bytes. */
export async function filesBelow(directory: string): Promise<{ path: string; size: number }[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async ({ parentPath, name }) => {
        const path = join(parentPath, name);
        return { path: path.slice(directory.length + 1), size: (await stat(path)).size };
      }),
  );
}
