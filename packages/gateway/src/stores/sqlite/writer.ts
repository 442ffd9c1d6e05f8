/** Group commit: many calls, one transaction, one fsync. Runs in the writer worker. */
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { prepareLog } from './log.ts';
import type { Answer, Call } from './rows.ts';
import { prepareRuns } from './runs.ts';
import { openForWriting } from './schema.ts';
import { prepareSearchIndex } from './search-index.ts';
import { failed, type Served } from './served.ts';
import { prepareSessions } from './sessions.ts';

/** Pages (8 KiB) in the write-ahead log that are worth a checkpoint: 64 MB. */
const CHECKPOINT_PAGES = 8_000;
/** Beyond this many (128 MB) the writer waits for the readers, so that the file starts anew. */
const MAX_LOG_PAGES = 16_000;
const FULL = 'SQLITE_FULL';
/** With so much room a disk that was full is not any more, bytes. */
const LEAST_ROOM = 1_048_576;
/** How long nothing must have been written before the search index catches up, milliseconds. */
const QUIET = 50;

function prepareMethods(db: ReturnType<typeof openForWriting>, file: string) {
  const index = prepareSearchIndex(db);
  /** A write was refused for want of room. A small one may fit all the same, which says nothing of messages. */
  const disk = { isFull: false };
  const touch = db.prepare('UPDATE search_state SET indexed_to = indexed_to');
  return {
    index,
    disk,
    methods: {
      /** Resolves when the database is open and its schema up to date. */
      open(): void {},
      /** Writes, and so needs what every write needs: room on the disk and its fsync. */
      check(): void {
        if (disk.isFull) {
          const { bavail, bsize } = statfsSync(dirname(file));
          if (bavail * bsize < LEAST_ROOM) {
            throw Object.assign(new Error('less than 1 MiB is free'), { code: FULL });
          }
          disk.isFull = false;
        }
        touch.run();
      },
      ...prepareSessions(db, index),
      ...prepareLog(db),
      ...prepareRuns(db),
    },
  };
}

export type Writes = ReturnType<typeof prepareMethods>['methods'];

export function openWriter(file: string): Served {
  const db = openForWriting(file);
  const { index, disk, methods } = prepareMethods(db, file);
  // Whoever had it before is gone: the lock of the directory says so.
  db.exec('DELETE FROM nodes');
  const table: Readonly<Record<string, unknown>> = methods;
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  let quiet: NodeJS.Timeout | undefined;

  function transact(calls: readonly Call[]): Answer[] {
    begin.run();
    try {
      const answers = calls.map(([name, ...args]): Answer => {
        const method = table[name] as (...args: unknown[]) => unknown;
        return { ok: true, value: method(...args) };
      });
      commit.run();
      return answers;
    } catch (error) {
      // SQLite has rolled back by itself after some errors, a full disk for one.
      if (db.inTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }

  function answerAlone(call: Call): Answer {
    try {
      return transact([call])[0] ?? failed(new Error(`No answer to ${call[0]}.`));
    } catch (error) {
      if ((error as { code?: string }).code === FULL) disk.isFull = true;
      return failed(error);
    }
  }

  function checkpoint(): void {
    const [state] = db.pragma('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[];
    if (!state) return;
    if (state.log > MAX_LOG_PAGES) db.pragma('wal_checkpoint(TRUNCATE)');
    else if (state.log - state.checkpointed > CHECKPOINT_PAGES)
      db.pragma('wal_checkpoint(PASSIVE)');
  }

  function keepUp(): void {
    try {
      checkpoint();
      while (index.behind('overdue')) index.advance();
      if (index.behind()) quiet = setTimeout(catchUp, QUIET);
    } catch (error) {
      warn(error);
    }
  }

  /** One portion at a time, so that a write does not wait for all of them. */
  function catchUp(): void {
    quiet = undefined;
    try {
      index.advance();
      if (index.behind()) quiet = setTimeout(catchUp, 0);
      else checkpoint();
    } catch (error) {
      warn(error);
    }
  }

  return {
    answer(calls) {
      clearTimeout(quiet);
      try {
        return transact(calls);
      } catch {
        // One of them is at fault. Each alone, only that one is refused.
        return calls.map(answerAlone);
      }
    },
    keepUp,
    close() {
      clearTimeout(quiet);
      db.pragma('wal_checkpoint(TRUNCATE)');
      db.close();
    },
  };
}

/** How long a warning keeps the next ones, milliseconds: a full disk fails every batch. */
const WARNING_INTERVAL = 10_000;
let warnedAt = -Infinity;

/** Nothing is lost: it is tried again after the next write, and searching and reading do not need it. */
function warn(cause: unknown): void {
  const now = performance.now();
  if (now - warnedAt < WARNING_INTERVAL) return;
  warnedAt = now;
  process.emitWarning(`The store could not tidy up: ${String(cause)}`, 'StoreWarning');
}
