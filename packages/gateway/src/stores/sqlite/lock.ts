/** One process per data directory. */
import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { StoreError } from '../store.ts';

/** What the operating system says of a place where nothing can be kept, in words. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'nothing may be written there',
  EROFS: 'it is on a file system that can only be read',
  EEXIST: 'a link that leads nowhere is in its place',
  ENOENT: 'its file system takes no new files',
  ENOSPC: 'the disk is full',
  ELOOP: 'its symbolic links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
};

/**
 * Creates the directory (0700) where there is none and locks it until the returned function is called
 * or the process ends, however it ends: the lock is a transaction held open on a small database, which
 * the operating system lets go with the process.
 *
 * @throws StoreError where another process, or this one, holds the directory, or nothing can be kept
 * there.
 */
export function lockDataDirectory(dataDir: string): () => void {
  let db: Database.Database | undefined;
  try {
    makeDirectory(resolve(dataDir));
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
 * Creates a directory (0700) and those above it, one after the other: the recursive `mkdir` of Node
 * tries for ever where a file system says of every new name that it does not exist, as /proc does.
 */
function makeDirectory(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) return;
  if (found) throw new Error(`${path} is not a directory`);
  makeDirectory(dirname(path));
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    // Another process may have been faster.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
  syncName(path);
}

/**
 * Puts the name of a new directory on disk. SQLite does so for its files; without it a power failure
 * may take the whole directory, with everything acknowledged in it.
 */
function syncName(path: string): void {
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
}

/**
 * Creates an empty file (0600) where there is none. An existing one is not even opened: closing it
 * would let go of every lock that this process has on it (POSIX).
 */
export function createPrivateFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function describe(dataDir: string, db: Database.Database | undefined, cause: unknown): string {
  const code = codeOf(cause);
  if (!db || !code?.startsWith('SQLITE_BUSY')) {
    const { message } = cause as Error;
    const reason = (code === undefined ? undefined : REASONS[code]) ?? message;
    return (
      `The data directory ${dataDir} cannot be used: ${reason}. Choose another one, or see to it ` +
      'that this one may be written.'
    );
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

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}
