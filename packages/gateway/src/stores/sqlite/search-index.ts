/**
 * The full-text index. It follows the log at a distance: indexing a text costs as much as appending
 * its message, and is several times cheaper in large portions. Searching looks through what is not
 * indexed yet by itself. Runs in the writer worker.
 */
import type Database from 'better-sqlite3';
import { toIndexable } from '../search-text.ts';

/** Events indexed in one transaction; it holds up writers for about 10 ms. */
const PORTION = 1_024;
/** How far the index may lag behind under load, events; what a search then looks through by itself. */
const MAX_LAG = 2_048;

export interface SearchIndex {
  /** Takes the events of a session up to `through` out, before they are deleted. Needs a transaction. */
  forget(sessionId: number, through: number): void;
  /** Whether there is anything to index; with `'overdue'` whether more than a search may bear. */
  behind(how?: 'overdue'): boolean;
  /** Indexes the next portion. */
  advance(): void;
}

export function prepareSearchIndex(db: Database.Database): SearchIndex {
  const lag = db
    .prepare<[], number>(
      'SELECT coalesce((SELECT max(id) FROM events), 0) - indexed_to FROM search_state',
    )
    .pluck();
  const next = db
    .prepare<[number], [id: number, type: string, data: string]>(
      `SELECT id, type, data FROM events WHERE id > (SELECT indexed_to FROM search_state)
       ORDER BY id LIMIT ?`,
    )
    .raw();
  const insert = db.prepare<[number, string]>('INSERT INTO search (rowid, content) VALUES (?, ?)');
  const setIndexed = db.prepare<[number]>('UPDATE search_state SET indexed_to = ?');
  const remove = db.prepare<[number, number]>(
    `DELETE FROM search WHERE rowid IN (
       SELECT id FROM events WHERE session_id = ? AND seq <= ?
         AND type IN ('chat_message', 'agent_response')
         AND id <= (SELECT indexed_to FROM search_state))`,
  );
  return {
    forget(sessionId, through) {
      remove.run(sessionId, through);
    },
    behind(how) {
      return (lag.get() ?? 0) > (how === 'overdue' ? MAX_LAG : 0);
    },
    advance: db.transaction(() => {
      const rows = next.all(PORTION);
      for (const [id, type, data] of rows) {
        if (type === 'chat_message' || type === 'agent_response') {
          // Not SQLite's json_extract, which ends a text at its first NUL.
          insert.run(id, toIndexable((JSON.parse(data) as { content: string }).content));
        }
      }
      const last = rows.at(-1);
      if (last) setIndexed.run(last[0]);
    }).immediate,
  };
}
