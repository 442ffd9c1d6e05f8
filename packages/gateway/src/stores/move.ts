/** Moves a store from SQLite to PostgreSQL: from one machine to many. */
import { Source } from './move/source.ts';
import { differing, type Key, keyOf, type Row, TABLES, type Table } from './move/tables.ts';
import { MOVING, Target } from './move/target.ts';
import { toStoreError } from './postgres/connection.ts';
import { toStoreError as toSqliteError } from './sqlite/thread.ts';
import { StoreError } from './store.ts';

/** Differences that are told; all are counted. */
const TOLD = 20;

export interface MoveProgress {
  readonly step: 'copied' | 'compared';
  /** What is copied or compared, in the plural. */
  readonly rows: string;
  readonly done: number;
  /** How many there are; `done` is as many once at the end of each step. */
  readonly total: number;
}

export interface MoveOptions {
  readonly dataDir: string;
  /** `postgres://…` */
  readonly url: string;
  report(progress: MoveProgress): void;
  /** What was found in the database of an earlier try of the same move. */
  begun(how: 'new' | 'continued' | 'anew'): void;
}

export type MoveResult =
  | { readonly outcome: 'moved' }
  | { readonly outcome: 'moved_before'; readonly at: Date }
  /** Servers do not see what was copied. `told` has the first differences, `where` the schema with the rows. */
  | {
      readonly outcome: 'different';
      readonly count: number;
      readonly told: readonly string[];
      readonly where: string;
    };

/**
 * Copies everything in batches, compares it row by row, and then lets servers have it. Ended at any point,
 * it goes on where it was when it is called again. The source is never written.
 *
 * @throws StoreError where the source is in use or the target has other sessions, or one of them fails.
 */
export async function moveStore({ dataDir, url, report, begun }: MoveOptions): Promise<MoveResult> {
  let source: Source | undefined;
  try {
    source = new Source(dataDir);
    const target = await Target.open(url);
    try {
      const digest = source.digest();
      const at = await target.findMoved(digest);
      if (at) return { outcome: 'moved_before', at };
      begun(await target.begin(digest));
      for (const table of TABLES) await copy(source, target, table, report);
      const differences = new Differences();
      for (const table of TABLES) await compare(source, target, table, report, differences);
      const { count, told } = differences;
      if (count > 0) return { outcome: 'different', count, told, where: MOVING };
      await target.finish();
      return { outcome: 'moved' };
    } finally {
      await target.close();
    }
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const { message, code } = error as Error & { code?: string };
    if (code?.startsWith('SQLITE_')) throw toSqliteError({ message, code });
    const { message: said } = toStoreError(error, url);
    throw new StoreError(`${said} Run it again then: it goes on where it was.`, {
      cause: error,
    });
  } finally {
    source?.close();
  }
}

type Report = MoveOptions['report'];

async function copy(source: Source, target: Target, table: Table, report: Report): Promise<void> {
  const after = await target.lastKey(table);
  const total = source.count(table);
  let done = after ? source.count(table, after) : 0;
  for (const rows of source.batches(table, after)) {
    await target.insert(table, rows.map(table.toTarget));
    done += rows.length;
    if (done < total) report({ step: 'copied', rows: table.rows, done, total });
  }
  report({ step: 'copied', rows: table.rows, done: total, total });
}

async function compare(
  source: Source,
  target: Target,
  table: Table,
  report: Report,
  differences: Differences,
): Promise<void> {
  const total = source.count(table);
  let done = 0;
  let after: Key | undefined;
  for (const rows of source.batches(table)) {
    const last = keyOf(table, rows.at(-1) ?? {});
    differences.find(table, rows, await target.read(table, after, last));
    after = last;
    done += rows.length;
    if (done < total) report({ step: 'compared', rows: table.rows, done, total });
  }
  differences.find(table, [], await target.read(table, after));
  report({ step: 'compared', rows: table.rows, done: total, total });
}

class Differences {
  count = 0;
  readonly told: string[] = [];

  find(table: Table, rows: readonly Row[], found: readonly Row[]): void {
    const left = new Map(found.map((row) => [nameOf(table, row), row]));
    for (const row of rows) {
      const name = nameOf(table, row);
      const other = left.get(name);
      left.delete(name);
      const columns = other && differing(table.toTarget(row), other);
      if (!columns) this.#tell(`${name} is missing.`);
      else if (columns.length > 0) this.#tell(`${name} has another ${columns.join(', ')}.`);
    }
    for (const name of left.keys()) this.#tell(`${name} is not of the store.`);
  }

  #tell(difference: string): void {
    this.count += 1;
    if (this.told.length < TOLD) this.told.push(difference);
  }
}

/** By what a database finds the row; what it says is nobody else's. */
function nameOf(table: Table, row: Row): string {
  return `${table.name}: ${table.key.map((column) => `${column} ${row[column]}`).join(', ')}`;
}
