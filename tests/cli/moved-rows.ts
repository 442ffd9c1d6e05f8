/** Whether a store was moved column by column, told by the two databases and not by what moved it. */
import { expect } from 'vitest';
import { storable } from '../../packages/gateway/src/stores/postgres/rows.ts';
import { openForReading } from '../../packages/gateway/src/stores/sqlite/schema.ts';

/** Tables of one database alone: who lives now, what is derived, how far something has come. */
const NOT_MOVED = {
  sqlite: /^(sqlite_|search|nodes$)/,
  postgres: /^(nodes|writers|schema_version|move)$/,
};
/** Columns of one database alone, made of others. */
const DERIVED = {
  sqlite: ['events.message_hash'],
  postgres: ['events.size', 'events.replaces', 'events.words'],
};
/** What a value is in PostgreSQL where it is not the same. */
const KEPT_AS: Readonly<Record<string, (value: unknown) => unknown>> = {
  'sessions.title': (value) => (value === null ? null : storable(String(value))),
  'events.fingerprint': (value) => (value === null ? null : JSON.stringify(value)),
  'spent_ids.fingerprint': (value) => JSON.stringify(value),
  'runs.started': Boolean,
  'runs.stopped': Boolean,
};

type Cells = Readonly<Record<string, unknown>>;

interface Column {
  readonly name: string;
  readonly dflt_value: string | null;
  readonly pk: number;
}

/** @param query asks the database that the store was moved to. */
export async function expectMoved(
  file: string,
  query: (sql: string) => Promise<readonly Cells[]>,
): Promise<void> {
  const source = openForReading(file);
  try {
    const tables = source
      .prepare<[], string>(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
      .pluck()
      .all()
      .filter((name) => !NOT_MOVED.sqlite.test(name));
    const there = await query(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'parley' ORDER BY tablename`,
    );
    const names = there.map(({ name }) => String(name));
    expect(names.filter((name) => !NOT_MOVED.postgres.test(name))).toEqual(tables);
    for (const table of tables) {
      const columns = source
        .prepare<[string], Column>('SELECT name, dflt_value, pk FROM pragma_table_info(?)')
        .all(table);
      const key = columns.filter(({ pk }) => pk > 0).map(({ name }) => name);
      const order = `ORDER BY ${key.join(', ')}`;
      const rows = source.prepare<[], Cells>(`SELECT * FROM ${table} ${order}`).all();
      expectSomethingInEach(table, columns, rows);
      const found = await query(`SELECT to_json(t) AS row FROM parley.${table} t ${order}`);
      expect(found.map(({ row }) => without(table, row as Cells, DERIVED.postgres))).toEqual(
        rows.map((row) => asMoved(table, without(table, row, DERIVED.sqlite))),
      );
    }
  } finally {
    source.close();
  }
}

/** That a column was forgotten is not seen in rows that have nothing, or what all begin with, in it. */
function expectSomethingInEach(
  table: string,
  columns: readonly Column[],
  rows: readonly Cells[],
): void {
  const empty = columns.filter(({ name, dflt_value }) => {
    const fallback = dflt_value?.replaceAll("'", '');
    return rows.every((row) => row[name] === null || String(row[name]) === fallback);
  });
  expect({ table, empty }).toEqual({ table, empty: [] });
}

function without(table: string, row: Cells, columns: readonly string[]): Cells {
  return Object.fromEntries(
    Object.entries(row).filter(([name]) => !columns.includes(`${table}.${name}`)),
  );
}

function asMoved(table: string, row: Cells): Cells {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      const keep = KEPT_AS[`${table}.${name}`];
      return [name, keep ? keep(value) : value];
    }),
  );
}
