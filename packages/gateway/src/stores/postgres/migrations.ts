/** What the database looks like, and how it came to look so. */
import { LOG_FUNCTIONS } from './log-functions.ts';
import { SESSION_FUNCTIONS } from './session-functions.ts';

/**
 * One entry per schema version, never changed once released. A node of the last version may still be
 * running beside it: what that one calls has to stay.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE sessions (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key TEXT COLLATE "C" NOT NULL UNIQUE,
    -- Which of the sessions that have had this key.
    incarnation TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    title TEXT,
    agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_activity BIGINT NOT NULL,
    message_count BIGINT NOT NULL DEFAULT 0,
    invitation_epoch BIGINT NOT NULL DEFAULT 0,
    version BIGINT NOT NULL DEFAULT 1,
    first_seq BIGINT NOT NULL DEFAULT 1,
    last_seq BIGINT NOT NULL DEFAULT 0
  ) WITH (fillfactor = 70);
  CREATE INDEX sessions_by_activity ON sessions (owner, last_activity, id);
  CREATE INDEX sessions_by_age ON sessions (last_activity, id);

  CREATE TABLE events (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    type TEXT NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    timestamp TEXT NOT NULL,
    reply_to TEXT,
    run_id TEXT,
    attempt INTEGER,
    -- Not JSONB, which has no room for a NUL or half a surrogate pair.
    data TEXT NOT NULL,
    -- Characters of data, so that a page is measured without reading it.
    size INTEGER NOT NULL,
    -- Of a chat_message: what it replaces, what tells a repetition from a conflict, the run that answers it.
    replaces TEXT,
    fingerprint TEXT,
    answer_run TEXT,
    -- The folded words of messages and answers; NULL where they are more than an index takes.
    words TSVECTOR,
    UNIQUE (session_id, seq)
  );
  CREATE INDEX events_by_message ON events (session_id, message_id);
  CREATE INDEX events_by_word ON events USING gin (words);
  CREATE INDEX events_too_long ON events (session_id)
    WHERE words IS NULL AND type IN ('chat_message', 'agent_response');

  -- The idempotency keys of trimmed chat_messages.
  CREATE TABLE spent_ids (
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    message_id TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer_run TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    PRIMARY KEY (session_id, message_id)
  );

  -- Only runs that have not ended: a row and its attempt are the right to write.
  CREATE TABLE runs (
    run_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    event_id BIGINT NOT NULL,
    reply_to TEXT NOT NULL,
    answer_id TEXT NOT NULL,
    agent TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 1,
    started BOOLEAN NOT NULL DEFAULT false,
    -- Which node executes it: one for all of a session.
    node TEXT NOT NULL,
    stopped BOOLEAN NOT NULL DEFAULT false,
    -- Whose message it answers.
    sender TEXT COLLATE "C" NOT NULL
  );
  CREATE TABLE nodes (id TEXT NOT NULL PRIMARY KEY, alive_until TIMESTAMPTZ NOT NULL);
  CREATE INDEX runs_by_session ON runs (session_id);
  CREATE INDEX runs_by_sender ON runs (sender);

  CREATE TABLE members (
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    principal TEXT COLLATE "C" NOT NULL,
    access TEXT NOT NULL CHECK (access IN ('read', 'write')),
    PRIMARY KEY (session_id, principal)
  );
  CREATE INDEX members_by_principal ON members (principal, session_id);

  -- The last batch of each process and its answers: who lost the connection in mid-commit sends the batch
  -- again, and is told what it did or has it done, never both.
  CREATE TABLE writers (
    id UUID NOT NULL PRIMARY KEY,
    batch BIGINT NOT NULL,
    answers JSON[] NOT NULL DEFAULT '{}',
    touched TIMESTAMPTZ NOT NULL DEFAULT now()
  ) WITH (fillfactor = 50);
  ${SESSION_FUNCTIONS}
  ${LOG_FUNCTIONS}
  `,
];
