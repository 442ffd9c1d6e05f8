/**
 * `npm run lock` after a change of dependencies. npm leaves out of the lock file that a package brings
 * its binaries and nothing is to be compiled (`gypfile: false`); `npm ci` then calls a compiler that a
 * bare machine does not have. It reads the field where it stands, so it is put back here.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../', import.meta.url);
const LOCK_FILE = new URL('package-lock.json', ROOT);

interface LockFile {
  readonly packages: Record<
    string,
    {
      gypfile?: boolean;
      resolved?: string;
      link?: boolean;
      version?: string;
      integrity?: string;
      /** It comes within the archive of the package that it lies in. */
      inBundle?: boolean;
    }
  >;
}

/** The lock file as it is, and as it has to be. */
export function readLock(): { readonly text: string; readonly mended: string; lock: LockFile } {
  const text = readFileSync(LOCK_FILE, 'utf8');
  const lock = JSON.parse(text) as LockFile;
  for (const [path, entry] of Object.entries(lock.packages)) {
    const manifest = new URL(`${path}/package.json`, ROOT);
    if (path === '' || !existsSync(manifest)) continue;
    if (JSON.parse(readFileSync(manifest, 'utf8')).gypfile === false) entry.gypfile = false;
  }
  return { text, mended: `${JSON.stringify(lock, null, 2)}\n`, lock };
}

if (import.meta.main) {
  writeFileSync(LOCK_FILE, readLock().mended);
  console.log(`${fileURLToPath(LOCK_FILE)}: nothing is compiled.`);
}
