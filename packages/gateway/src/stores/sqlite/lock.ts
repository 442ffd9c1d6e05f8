/** One process per data directory. */
import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { StoreError } from '../store.ts';

/**
 * Creates the directory (0700) where there is none and locks it until the returned function is called
 * or the process ends, however it ends: the lock is a transaction held open on a small database, which
 * the operating system lets go with the process.
 *
 * @throws StoreError where another process, or this one, holds the directory.
 */
export function lockDataDirectory(dataDir: string): () => void {
  let db: Database.Database | undefined;
  try {
    const made = mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    if (made !== undefined) syncNames(resolve(made), resolve(dataDir));
    const file = join(dataDir, 'parley.lock');
    createPrivateFile(file);
    db = new Database(file, { timeout: 0 });
    const lock = db;
    // Only people read what is in it, but a file that a power failure has torn cannot be locked.
    lock.pragma('synchronous = FULL');
    lock.exec('BEGIN IMMEDIATE');
    lock.exec('CREATE TABLE IF NOT EXISTS holder (pid INTEGER); DELETE FROM holder');
    lock.prepare('INSERT INTO holder VALUES (?)').run(process.pid);
    lock.exec('COMMIT');
    // From here on nobody else can write, and everybody can read who holds it.
    lock.exec('BEGIN IMMEDIATE');
    return () => lock.close();
  } catch (cause) {
    const reason = describe(dataDir, db, cause);
    db?.close();
    throw new StoreError(reason, { cause });
  }
}

/**
 * Puts the names of new directories on disk, from `last` up to `first`. SQLite does so for its files;
 * without it a power failure may take the whole directory, with everything acknowledged in it.
 */
function syncNames(first: string, last: string): void {
  for (let path = last; ; path = dirname(path)) {
    try {
      const parent = openSync(dirname(path), 'r');
      try {
        fsyncSync(parent);
      } finally {
        closeSync(parent);
      }
    } catch {
      // Not every system can sync a directory; SQLite goes on without it, too.
    }
    if (path === first || path === dirname(path)) return;
  }
}

/**
 * Creates an empty file (0600) where there is none. An existing one is not even opened: closing it
 * would let go of every lock that this process has on it (POSIX).
 */
export function createPrivateFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as { code?: string }).code !== 'EEXIST') throw error;
  }
}

function describe(dataDir: string, db: Database.Database | undefined, cause: unknown): string {
  const { code, message } = cause as { code?: string; message: string };
  if (!db || !code?.startsWith('SQLITE_BUSY')) {
    return `The data directory ${dataDir} cannot be used: ${message}. Check that it may be written.`;
  }
  const pid = readHolder(db);
  const holder = pid === process.pid ? `this very process (${pid})` : `process ${pid ?? 'unknown'}`;
  return (
    `The data directory ${dataDir} is in use by ${holder}. Only one process may use it at a time: ` +
    'stop that one, or give this one another data directory.'
  );
}

function readHolder(db: Database.Database): number | undefined {
  try {
    return db.prepare<[], number>('SELECT pid FROM holder').pluck().get();
  } catch {
    // The holder is between taking the lock and writing its id.
    return undefined;
  }
}
