/** One process per data directory. */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
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
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const file = join(dataDir, 'parley.lock');
    createPrivateFile(file);
    db = new Database(file, { timeout: 0 });
    const lock = db;
    // The process id is for people to read; it need not survive a power failure.
    lock.pragma('synchronous = OFF');
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
