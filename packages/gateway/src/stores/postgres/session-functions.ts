/** What the database does by itself for sessions. Part of the first migration: see `migrations.ts`. */
import { STORE_LIMITS } from '../store.ts';

export const SESSION_FUNCTIONS = `
  -- One call of a batch; what a method does not need is NULL.
  CREATE TYPE call AS (
    method TEXT,
    session TEXT,
    incarnation TEXT,
    owner TEXT,
    title TEXT,
    agent TEXT,
    created_at BIGINT,
    max_owned BIGINT,
    principal TEXT,
    access TEXT,
    invitation_epoch BIGINT,
    last_seq BIGINT,
    last_activity BIGINT,
    type TEXT,
    message_id TEXT,
    timestamp TEXT,
    reply_to TEXT,
    run_id TEXT,
    attempt INTEGER,
    data TEXT,
    size INTEGER,
    replaces TEXT,
    words TEXT[],
    fingerprint TEXT,
    answer_run TEXT,
    answer_id TEXT,
    node TEXT,
    alive_ms INTEGER,
    sender TEXT,
    most_of_session INTEGER,
    most_of_sender INTEGER,
    as_admin BOOLEAN
  );

  CREATE FUNCTION session_record(s sessions) RETURNS JSON LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', s.key, 'incarnation', s.incarnation, 'owner', s.owner, 'title', s.title, 'agent', s.agent,
      'createdAt', s.created_at, 'lastActivity', s.last_activity, 'messageCount', s.message_count,
      'firstSeq', s.first_seq, 'lastSeq', s.last_seq, 'invitationEpoch', s.invitation_epoch, 'version', s.version, 'members', coalesce(
        (SELECT json_object_agg(principal, access ORDER BY principal) FROM members
         WHERE session_id = s.id), '{}'))
  $$;

  CREATE FUNCTION find_session(key TEXT) RETURNS JSON LANGUAGE sql STABLE AS $$
    SELECT session_record(s) FROM sessions s WHERE s.key = $1
  $$;

  -- The one that a call means: not one that has its key since.
  CREATE FUNCTION meant_session(c call) RETURNS SETOF sessions LANGUAGE sql STABLE AS $$
    SELECT * FROM sessions WHERE key = c.session AND incarnation = c.incarnation
  $$;

  CREATE FUNCTION meant_record(c call) RETURNS JSON LANGUAGE sql STABLE AS $$
    SELECT session_record(s) FROM meant_session(c) s
  $$;

  CREATE FUNCTION create_session(c call) RETURNS JSON LANGUAGE plpgsql AS $$
  DECLARE created BOOLEAN := false;
  BEGIN
    IF c.max_owned IS NULL OR (SELECT count(*) FROM sessions WHERE owner = c.owner) < c.max_owned THEN
      INSERT INTO sessions (key, incarnation, owner, title, agent, created_at, last_activity, invitation_epoch)
      VALUES (c.session, c.incarnation, c.owner, c.title, c.agent, c.created_at, c.created_at, c.invitation_epoch)
      ON CONFLICT DO NOTHING;
      created := FOUND;
    END IF;
    RETURN json_build_object('session', find_session(c.session), 'created', created);
  END $$;

  CREATE FUNCTION update_session(c call) RETURNS JSON LANGUAGE plpgsql AS $$
  BEGIN
    UPDATE sessions SET title = coalesce(c.title, title), agent = coalesce(c.agent, agent),
      version = version + 1
    WHERE key = c.session AND incarnation = c.incarnation;
    RETURN meant_record(c);
  END $$;

  CREATE FUNCTION add_member(c call) RETURNS JSON LANGUAGE plpgsql AS $$
  DECLARE s sessions;
  BEGIN
    SELECT * INTO s FROM sessions WHERE key = c.session;
    IF s.id IS NULL THEN RETURN NULL; END IF;
    IF c.principal <> s.owner AND c.invitation_epoch = s.invitation_epoch THEN
      IF (SELECT count(*) >= ${STORE_LIMITS.members} AND NOT bool_or(principal = c.principal)
          FROM members WHERE session_id = s.id) THEN
        RETURN to_json('full'::text);
      END IF;
      INSERT INTO members (session_id, principal, access) VALUES (s.id, c.principal, c.access)
      ON CONFLICT (session_id, principal) DO UPDATE SET access = excluded.access
      WHERE members.access <> 'write' AND members.access <> excluded.access;
      IF FOUND THEN UPDATE sessions SET version = version + 1 WHERE id = s.id; END IF;
    END IF;
    RETURN find_session(c.session);
  END $$;

  CREATE FUNCTION remove_member(c call) RETURNS JSON LANGUAGE plpgsql AS $$
  BEGIN
    DELETE FROM members
    WHERE session_id = (SELECT id FROM meant_session(c)) AND principal = c.principal;
    UPDATE sessions SET version = version + 1 WHERE key = c.session AND incarnation = c.incarnation;
    RETURN meant_record(c);
  END $$;

  CREATE FUNCTION withdraw_invitations(c call) RETURNS JSON LANGUAGE plpgsql AS $$
  BEGIN
    UPDATE sessions SET invitation_epoch = invitation_epoch + 1, version = version + 1
    WHERE key = c.session AND incarnation = c.incarnation;
    RETURN meant_record(c);
  END $$;

  -- Its events, runs, members and spent ids go with it. Where the call says how it was, only if it still is so.
  CREATE FUNCTION delete_session(c call) RETURNS JSON LANGUAGE plpgsql AS $$
  DECLARE executor TEXT :=
    (SELECT node FROM runs WHERE session_id = (SELECT id FROM meant_session(c)) LIMIT 1);
  BEGIN
    DELETE FROM sessions WHERE key = c.session AND incarnation = c.incarnation AND (c.last_seq IS NULL OR
      last_seq = c.last_seq AND last_activity = c.last_activity AND executor IS NULL);
    RETURN CASE WHEN FOUND THEN json_build_object('node', coalesce(executor, '')) END;
  END $$;

  -- Takes the events up to c.last_seq away.
  CREATE FUNCTION trim_session(c call) RETURNS JSON LANGUAGE plpgsql AS $$
  DECLARE session BIGINT;
  BEGIN
    SELECT id INTO session FROM sessions s
    WHERE key = c.session AND s.first_seq <= c.last_seq AND s.last_seq >= c.last_seq
      AND NOT EXISTS (SELECT 1 FROM runs WHERE session_id = s.id);
    IF session IS NULL THEN RETURN to_json(false); END IF;
    INSERT INTO spent_ids (session_id, message_id, seq, fingerprint, answer_run, timestamp)
    SELECT session_id, message_id, seq, fingerprint, answer_run, timestamp FROM events
    WHERE session_id = session AND seq <= c.last_seq AND fingerprint IS NOT NULL;
    DELETE FROM events WHERE session_id = session AND seq <= c.last_seq;
    UPDATE sessions SET first_seq = c.last_seq + 1 WHERE id = session;
    RETURN to_json(true);
  END $$;
`;
