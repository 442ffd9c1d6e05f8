/** What the database looks like, how it came to look so, and how a connection is opened on it. */
import { hash } from 'node:crypto';
import Database from 'better-sqlite3';
import { StoreError } from '../store.ts';

/**
 * One entry per schema version, never changed once released.
 *
 * The hot path writes `sessions`, `events` with two indexes, and `runs`; every further b-tree costs
 * a page of the write-ahead log per message. Hence no table of idempotency keys beside the events:
 * the keys move to `spent_ids` when their events are trimmed.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    title TEXT,
    agent TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_activity INTEGER NOT NULL,
    message_count INTEGER NOT NULL DEFAULT 0,
    first_seq INTEGER NOT NULL DEFAULT 1,
    last_seq INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX sessions_by_activity ON sessions (owner, last_activity, id);

  -- AUTOINCREMENT: the search index knows an event by its id, so a deleted one must not come back.
  CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    type TEXT NOT NULL,
    message_id TEXT NOT NULL,
    -- 48 bits of a hash of message_id: what the index holds instead of it.
    message_hash INTEGER NOT NULL,
    timestamp TEXT NOT NULL,
    reply_to TEXT,
    run_id TEXT,
    attempt INTEGER,
    data TEXT NOT NULL,
    -- Of a chat_message: what tells a repetition from a conflict, and the run that answers it.
    fingerprint TEXT,
    answer_run TEXT,
    UNIQUE (session_id, seq)
  ) STRICT;
  CREATE INDEX events_by_message ON events (session_id, message_hash);

  -- The idempotency keys of trimmed chat_messages.
  CREATE TABLE spent_ids (
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    message_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    answer_run TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    PRIMARY KEY (session_id, message_id)
  ) STRICT, WITHOUT ROWID;

  -- Only runs that have not ended: a row and its attempt are the right to write.
  CREATE TABLE runs (
    run_id TEXT NOT NULL PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    event_id INTEGER NOT NULL,
    reply_to TEXT NOT NULL,
    answer_id TEXT NOT NULL,
    agent TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 1,
    started INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  -- Every message asks for those of its session, and how many there are of its sender. All of them are in a
  -- few pages, which are written once for all that is committed together.
  CREATE INDEX runs_by_session ON runs (session_id, event_id);

  -- Contentless: the text stands in events already, and deleting needs no more than the id.
  CREATE VIRTUAL TABLE search USING fts5 (
    content, content = '', contentless_delete = 1,
    tokenize = "unicode61 remove_diacritics 2 categories 'L* N* M* Co'"
  );
  -- Events up to this id are in the search index.
  CREATE TABLE search_state (indexed_to INTEGER NOT NULL) STRICT;
  INSERT INTO search_state VALUES (0);
  `,
  `
  CREATE TABLE members (
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    principal TEXT NOT NULL,
    access TEXT NOT NULL CHECK (access IN ('read', 'write')),
    PRIMARY KEY (session_id, principal)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX members_by_principal ON members (principal, session_id);
  ALTER TABLE sessions ADD COLUMN invitation_epoch INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE sessions ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE runs ADD COLUMN node TEXT NOT NULL DEFAULT '';
  ALTER TABLE runs ADD COLUMN stopped INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE runs ADD COLUMN sender TEXT NOT NULL DEFAULT '';
  CREATE INDEX runs_by_sender ON runs (sender);
  -- Which of the sessions that have had this key.
  ALTER TABLE sessions ADD COLUMN incarnation TEXT NOT NULL DEFAULT '';
  UPDATE sessions SET incarnation = lower(hex(randomblob(16)));
  CREATE TABLE nodes (id TEXT NOT NULL PRIMARY KEY, alive_until INTEGER NOT NULL) STRICT;
  `,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** The columns of a `SessionRow`, of a table named `sessions`. */
export const SESSION_COLUMNS = `key AS id, incarnation, owner, title, agent, created_at AS createdAt,
  last_activity AS lastActivity, message_count AS messageCount, first_seq AS firstSeq,
  last_seq AS lastSeq, invitation_epoch AS invitationEpoch, version, (SELECT json_group_object(principal, access) FROM
    (SELECT principal, access FROM members WHERE session_id = sessions.id ORDER BY principal)
  ) AS members`;

/**
 * What stands for a `message_id` in the index of events: a third of the size, so a third of the pages
 * to write. Of a cryptographic hash, so that nobody can choose ids that all fall on one entry.
 */
export function hashId(messageId: string): number {
  return Number.parseInt(hash('sha256', messageId, 'hex').slice(0, 12), 16);
}

/** How long a connection waits for a lock that another program (a backup) holds, milliseconds. */
const BUSY_TIMEOUT = 5_000;

/**
 * The one connection that writes. Creates the schema or brings it up to date.
 *
 * @throws StoreError where the database was written by a newer version.
 */
export function openForWriting(file: string): Database.Database {
  const db = new Database(file, { timeout: BUSY_TIMEOUT });
  try {
    const version = db.pragma('user_version', { simple: true }) as number;
    if (version > SCHEMA_VERSION) {
      throw new StoreError(
        `The database ${file} has schema version ${version}, and this version of Parley knows ` +
          `only versions up to ${SCHEMA_VERSION}. Run the version that wrote it or a newer one, ` +
          'or use another data directory.',
      );
    }
    // 8 KiB pages: a third fewer pages to write per batch than with 4 KiB.
    db.pragma('page_size = 8192');
    db.pragma('journal_mode = WAL');
    // Explicit, because builds differ in their default, and NORMAL would lose acknowledged messages
    // when the power fails.
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    // What a person deletes is overwritten wherever that costs no further write.
    db.pragma('secure_delete = FAST');
    // KiB. The kernel keeps the rest of the file, from which a page costs a copy.
    db.pragma('cache_size = -32768');
    // The writer checkpoints itself, after it has answered.
    db.pragma('wal_autocheckpoint = 0');
    if (version < SCHEMA_VERSION) {
      db.transaction(() => {
        for (const migration of MIGRATIONS.slice(version)) db.exec(migration);
        db.pragma(`user_version = ${SCHEMA_VERSION}`);
      })();
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** A connection that reads. The writer must have opened the database before. */
export function openForReading(file: string): Database.Database {
  const db = new Database(file, { readonly: true, timeout: BUSY_TIMEOUT });
  // KiB. More would not be kept: what is written by the other connection makes this one read anew.
  db.pragma('cache_size = -8192');
  return db;
}

/** `read` in one snapshot: nothing that is committed meanwhile is seen by a part of it. */
export function inSnapshot<Args extends unknown[], Result>(
  db: Database.Database,
  read: (...args: Args) => Result,
): (...args: Args) => Result {
  return db.transaction(read);
}
