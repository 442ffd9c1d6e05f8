/** What is moved: each table of the one store, and what a row of it is in the other. */
import { indexable, storable } from '../postgres/rows.ts';

/** A row by its columns, as SQLite has it or as PostgreSQL takes it and gives it back in JSON. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

/** Where a row stands in its table: the values of its key. */
export type Key = readonly (string | number)[];

export interface Table {
  readonly name: string;
  /** What its rows are to people. */
  readonly rows: string;
  /** In which order they are moved. Both databases compare its columns in the same way. */
  readonly key: readonly string[];
  /** Columns that SQLite alone has. All others are moved, also those that a later version adds. */
  readonly left?: readonly string[];
  /** The same row in PostgreSQL, with every column that it has there. */
  toTarget(row: Row): Row;
}

/**
 * Each after those that its rows refer to. Rows keep their numbers: by them lists, searches and runs are in
 * order.
 */
export const TABLES: readonly Table[] = [
  {
    name: 'sessions',
    rows: 'sessions',
    key: ['id'],
    toTarget: (row) => (row.title ? { ...row, title: storable(String(row.title)) } : row),
  },
  {
    name: 'members',
    rows: 'members',
    key: ['session_id', 'principal'],
    toTarget: (row) => row,
  },
  {
    name: 'events',
    rows: 'events',
    key: ['id'],
    left: ['message_hash'],
    toTarget: toEvent,
  },
  {
    name: 'spent_ids',
    rows: 'ids of messages that are kept no more',
    key: ['session_id', 'message_id'],
    toTarget: (row) => ({ ...row, fingerprint: toFingerprint(row.fingerprint) }),
  },
  {
    name: 'runs',
    rows: 'unfinished runs',
    key: ['run_id'],
    toTarget: (row) => ({ ...row, started: row.started === 1, stopped: row.stopped === 1 }),
  },
];

export function keyOf({ key }: Table, row: Row): Key {
  return key.map((column) => row[column] as string | number);
}

/** What the PostgreSQL store derives from an event when it appends it. */
function toEvent(row: Row): Row {
  const { type, data } = row;
  const isAsked = type === 'chat_message';
  const text = String(data);
  const message =
    isAsked || type === 'agent_response'
      ? (JSON.parse(text) as { content: string; replaces?: string })
      : undefined;
  const words = message && indexable(message.content);
  return {
    ...row,
    size: text.length,
    replaces: (isAsked && message?.replaces) || null,
    fingerprint: toFingerprint(row.fingerprint),
    // They consist of letters, digits and marks only, so none can end its quotes.
    words: words ? inOrder(words.map((word) => `'${word}'`)) : null,
  };
}

function toFingerprint(fingerprint: Row[string] | undefined): string | null {
  return typeof fingerprint === 'string' ? JSON.stringify(fingerprint) : null;
}

function inOrder(words: readonly string[]): string {
  return words.toSorted().join(' ');
}

/** The columns in which a row that was read back is not what it is to be, one that only it has among them. */
export function differing(expected: Row, found: Row): string[] {
  return Object.keys({ ...expected, ...found }).filter((column) => {
    const [wanted, got] = [expected[column], found[column]];
    // The database has its own order of words.
    if (column === 'words' && typeof got === 'string') return inOrder(got.split(' ')) !== wanted;
    return wanted !== got;
  });
}
