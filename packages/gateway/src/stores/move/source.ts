/** The store that is moved: the SQLite database of a data directory, which is only read. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { lockDataDirectory } from '../sqlite/lock.ts';
import { openForReading, SCHEMA_VERSION } from '../sqlite/schema.ts';
import { fitting, StoreError } from '../store.ts';
import { type Key, keyOf, type Row, type Table } from './tables.ts';

/** Rows of a batch, unless they are as much text as a page of a log may hold before. */
const BATCH = 1_000;
/** What the columns of a row beside its `data` come to, about, characters. */
const ROW_LENGTH = 200;

/**
 * All that changes in a store but the events, which are appended under ever higher numbers and taken away
 * with a session or a higher `first_seq`.
 */
const CHANGING = [
  'SELECT * FROM sessions ORDER BY id',
  'SELECT * FROM members ORDER BY session_id, principal',
  'SELECT * FROM runs ORDER BY run_id',
  'SELECT * FROM sqlite_sequence ORDER BY name',
];

export class Source {
  readonly #db: Database.Database;
  readonly #unlock: () => void;

  /**
   * Holds the lock of the directory until it is closed, so that nothing is written meanwhile.
   *
   * @throws StoreError where there is no store, a server uses it, or another version wrote it.
   */
  constructor(dataDir: string) {
    const file = join(dataDir, 'parley.sqlite');
    if (!existsSync(file)) {
      throw new StoreError(
        `There is no store in ${dataDir}: expected a file ${file}. Name the directory of the server ` +
          'that is to be moved.',
      );
    }
    this.#unlock = lockDataDirectory(dataDir);
    try {
      this.#db = openForReading(file);
      const version = this.#db.pragma('user_version', { simple: true });
      if (version !== SCHEMA_VERSION) {
        this.#db.close();
        throw new StoreError(
          `The database ${file} has schema version ${version}; expected ${SCHEMA_VERSION}. Of a newer ` +
            'one, migrate with the version of Parley that wrote it. An older one is brought up to date by ' +
            'starting the server on it once.',
        );
      }
    } catch (error) {
      this.#unlock();
      throw error;
    }
  }

  close(): void {
    this.#db.close();
    this.#unlock();
  }

  /** Another one as soon as anything was written. */
  digest(): string {
    const digest = createHash('sha256');
    for (const sql of CHANGING) {
      for (const row of this.#db.prepare(sql).raw().iterate()) digest.update(JSON.stringify(row));
    }
    return digest.digest('base64');
  }

  /** How many rows a table has, up to a key where one is given. */
  count({ name, key }: Table, through?: Key): number {
    const bound = through ? ` WHERE ${compared(key, '<=')}` : '';
    const count = this.#db.prepare<unknown[], number>(`SELECT count(*) FROM ${name}${bound}`);
    return count.pluck().get(...(through ?? [])) ?? 0;
  }

  /** The rows after a key, or all, in the order of their keys, as many at a time as are moved at once. */
  *batches(table: Table, after?: Key): Generator<Row[]> {
    for (let from = after; ; ) {
      const rows = this.#batch(table, from);
      const last = rows.at(-1);
      if (!last) return;
      yield rows;
      from = keyOf(table, last);
    }
  }

  #batch(table: Table, after: Key | undefined): Row[] {
    const { name, key } = table;
    const rows = this.#db
      .prepare<unknown[], Row>(
        `SELECT ${this.#columns(table).join(', ')} FROM ${name}
         ${after ? `WHERE ${compared(key, '>')}` : ''} ORDER BY ${key.join(', ')} LIMIT ${BATCH}`,
      )
      .iterate(...(after ?? []));
    return fitting(rows, ({ data }) => ROW_LENGTH + String(data ?? '').length);
  }

  #columns({ name, left = [] }: Table): string[] {
    const columns = this.#db.prepare<[string], string>('SELECT name FROM pragma_table_info(?)');
    return columns
      .pluck()
      .all(name)
      .filter((column) => !left.includes(column));
  }
}

function compared(key: readonly string[], operator: string): string {
  return `(${key.join(', ')}) ${operator} (${key.map(() => '?').join(', ')})`;
}
