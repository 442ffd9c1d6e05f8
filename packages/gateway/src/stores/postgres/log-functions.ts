/**
 * The hot path: what appends to the logs, and the fence around runs. It is the database that does it, so
 * that a batch is one round trip and one transaction: no process holds a lock while it is slow or stopped.
 * Part of the first migration: see `migrations.ts`.
 */
export const LOG_FUNCTIONS = `
  CREATE FUNCTION append_event(session BIGINT, event_seq BIGINT, c call) RETURNS BIGINT
  LANGUAGE plpgsql AS $$
  DECLARE event_id BIGINT;
  BEGIN
    UPDATE sessions SET last_seq = event_seq, last_activity = greatest(last_activity, c.last_activity),
      message_count = message_count + (c.type IN ('chat_message', 'agent_response'))::int,
      version = version + (title IS NULL AND c.title IS NOT NULL)::int, title = coalesce(title, c.title)
    WHERE id = session;
    INSERT INTO events (session_id, seq, type, message_id, timestamp, reply_to, run_id, attempt, data,
      size, replaces, fingerprint, answer_run, words)
    VALUES (session, event_seq, c.type, c.message_id, c.timestamp, c.reply_to, c.run_id, c.attempt,
      c.data, c.size, c.replaces, c.fingerprint, c.answer_run, array_to_tsvector(c.words))
    RETURNING id INTO event_id;
    RETURN event_id;
  END $$;

  -- The session, if it is there for the sender to write in.
  CREATE FUNCTION writable_session(c call) RETURNS sessions LANGUAGE plpgsql STABLE AS $$
  DECLARE s sessions;
  BEGIN
    SELECT * INTO s FROM meant_session(c);
    IF c.as_admin OR s.owner = c.sender OR EXISTS (SELECT 1 FROM members
      WHERE session_id = s.id AND principal = c.sender AND access = 'write')
    THEN RETURN s; END IF;
    RETURN NULL;
  END $$;

  -- NULL: there was no such message.
  CREATE FUNCTION find_repetition(s sessions, c call) RETURNS JSON LANGUAGE plpgsql STABLE AS $$
  DECLARE first RECORD;
  BEGIN
    IF s.first_seq > 1 THEN
      SELECT seq, fingerprint, answer_run, timestamp INTO first FROM spent_ids
      WHERE session_id = s.id AND message_id = c.message_id;
    END IF;
    IF s.first_seq = 1 OR NOT FOUND THEN
      SELECT seq, fingerprint, answer_run, timestamp INTO first FROM events
      WHERE session_id = s.id AND message_id = c.message_id ORDER BY fingerprint IS NULL LIMIT 1;
    END IF;
    IF NOT FOUND THEN RETURN NULL; END IF;
    IF first.fingerprint IS DISTINCT FROM c.fingerprint THEN
      RETURN json_build_object('outcome', 'conflict');
    END IF;
    RETURN json_build_object('outcome', 'duplicate', 'seq', first.seq, 'runId', first.answer_run,
      'timestamp', first.timestamp);
  END $$;

  -- NULL: there may be another run.
  CREATE FUNCTION find_full(session BIGINT, c call) RETURNS JSON LANGUAGE plpgsql STABLE AS $$
  BEGIN
    IF c.most_of_session > 0 AND c.most_of_session <=
      (SELECT count(*) FROM runs WHERE session_id = session)
    THEN RETURN json_build_object('outcome', 'full', 'of', 'ofSession'); END IF;
    IF c.most_of_sender > 0 AND c.most_of_sender <= (SELECT count(*) FROM runs WHERE sender = c.sender)
    THEN RETURN json_build_object('outcome', 'full', 'of', 'ofSender'); END IF;
    RETURN NULL;
  END $$;

  CREATE FUNCTION append_message(c call) RETURNS JSON LANGUAGE plpgsql AS $$
  DECLARE s sessions := writable_session(c); known JSON; event_id BIGINT; last runs; executor TEXT;
  BEGIN
    IF s.id IS NULL THEN RETURN json_build_object('outcome', 'session_not_found'); END IF;
    known := coalesce(find_repetition(s, c), find_full(s.id, c));
    IF known IS NOT NULL THEN RETURN known; END IF;
    event_id := append_event(s.id, s.last_seq + 1, c);
    SELECT * INTO last FROM runs r WHERE r.session_id = s.id ORDER BY r.event_id DESC LIMIT 1;
    INSERT INTO runs (run_id, session_id, event_id, reply_to, answer_id, agent, sender, node)
    VALUES (c.answer_run, s.id, event_id, c.message_id, c.answer_id, c.agent, c.sender,
      coalesce(last.node, c.node,
        (SELECT id FROM nodes WHERE alive_until > clock_timestamp() ORDER BY random() LIMIT 1), ''))
    RETURNING node INTO executor;
    RETURN json_build_object('outcome', 'appended', 'seq', s.last_seq + 1, 'node', executor, 'before',
      CASE WHEN last.run_id IS NOT NULL THEN
        json_build_object('runId', last.run_id, 'attempt', last.attempt) END,
      'titled', CASE WHEN s.title IS NULL THEN s.version + 1 END);
  END $$;

  CREATE FUNCTION repeat_message(c call) RETURNS JSON LANGUAGE plpgsql AS $$
  DECLARE s sessions := writable_session(c);
  BEGIN
    IF s.id IS NULL THEN
      RETURN coalesce(find_full(NULL, c), json_build_object('outcome', 'session_not_found'));
    END IF;
    RETURN coalesce(find_repetition(s, c), find_full(s.id, c), json_build_object('outcome', 'new'));
  END $$;

  CREATE FUNCTION append_run_event(c call) RETURNS JSON LANGUAGE plpgsql AS $$
  DECLARE session BIGINT; next_seq BIGINT;
  BEGIN
    SELECT s.id, s.last_seq + 1 INTO session, next_seq FROM runs r JOIN sessions s ON s.id = r.session_id
    WHERE r.run_id = c.run_id AND r.attempt = c.attempt AND s.key = c.session;
    IF session IS NULL THEN RETURN json_build_object('outcome', 'stale'); END IF;
    PERFORM append_event(session, next_seq, c);
    IF c.method = 'finish_run' THEN DELETE FROM runs WHERE run_id = c.run_id; END IF;
    RETURN json_build_object('outcome', 'appended', 'seq', next_seq);
  END $$;

  CREATE FUNCTION mark_started(c call) RETURNS JSON LANGUAGE plpgsql AS $$
  BEGIN
    UPDATE runs SET started = true WHERE run_id = c.run_id AND attempt = c.attempt;
    RETURN to_json(FOUND);
  END $$;

  CREATE FUNCTION keep_alive(c call) RETURNS JSON LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO nodes VALUES (c.node, clock_timestamp() + c.alive_ms * interval '1 millisecond')
    ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until;
    DELETE FROM nodes WHERE alive_until < clock_timestamp() - interval '1 hour';
    RETURN to_json((SELECT count(*) FROM nodes WHERE id <> c.node AND alive_until > clock_timestamp()));
  END $$;

  CREATE FUNCTION run_record(r runs, s sessions) RETURNS JSON LANGUAGE sql STABLE AS $$
    SELECT json_build_object('runId', r.run_id, 'sessionId', s.key, 'incarnation', s.incarnation,
      'audience', s.owner || ARRAY(SELECT principal FROM members WHERE session_id = s.id ORDER BY principal),
      'replyTo', r.reply_to, 'answerId', r.answer_id, 'agent', r.agent, 'attempt', r.attempt,
      'started', r.started, 'node', r.node, 'stopped', r.stopped)
  $$;

  -- What it has marked, as it is then: whoever has them may have ended them before they could be read.
  -- NULL: there is no such session for them.
  CREATE FUNCTION stop_runs(c call) RETURNS JSON LANGUAGE plpgsql AS $$
  DECLARE s sessions := writable_session(c); records JSON;
  BEGIN
    IF s.id IS NULL THEN RETURN NULL; END IF;
    WITH marked AS (
      UPDATE runs SET stopped = true WHERE session_id = s.id
        AND run_id = coalesce(c.run_id, run_id) RETURNING runs AS run)
    SELECT coalesce(json_agg(run_record(run, s) ORDER BY (run).event_id), '[]') INTO records FROM marked;
    RETURN records;
  END $$;

  -- Whoever is faster has them: the others wait for the lock of the session, and find none left. A node that
  -- says at this moment that it lives waits, too, and then sees what was taken from it; or is waited for.
  CREATE FUNCTION claim_runs(c call) RETURNS JSON LANGUAGE plpgsql AS $$
  DECLARE records JSON;
  BEGIN
    PERFORM 1 FROM nodes WHERE id IN (SELECT node FROM runs
      WHERE session_id = (SELECT id FROM sessions WHERE key = c.session)) FOR SHARE;
    WITH claimed AS (
      UPDATE runs SET attempt = attempt + (node <> '')::int, node = c.node
      WHERE session_id = (SELECT id FROM sessions WHERE key = c.session)
        AND node NOT IN (SELECT id FROM nodes WHERE alive_until > clock_timestamp())
      RETURNING runs AS run)
    SELECT coalesce(json_agg(run_record(run, s) ORDER BY (run).event_id), '[]') INTO records
    FROM claimed JOIN sessions s ON s.id = (run).session_id;
    RETURN records;
  END $$;

  -- Does the calls in their order, all or none, and once however often it is asked to.
  CREATE FUNCTION write_batch(writer UUID, number BIGINT, given JSON) RETURNS JSON[]
  LANGUAGE plpgsql AS $$
  DECLARE known writers; c call; results JSON[] := '{}';
    calls call[] := ARRAY(SELECT x FROM json_populate_recordset(NULL::call, given) x);
  BEGIN
    INSERT INTO writers (id, batch) VALUES (writer, 0) ON CONFLICT DO NOTHING;
    -- A first try of this batch that is still under way is waited for here.
    SELECT * INTO known FROM writers WHERE id = writer FOR UPDATE;
    IF known.batch >= number THEN RETURN known.answers; END IF;

    -- Locks in one order, whoever takes them: that of creating, then sessions by their ids. What is done
    -- with members and runs is done by whoever holds their session.
    IF EXISTS (SELECT 1 FROM unnest(calls) x WHERE x.method = 'create_session') THEN
      PERFORM pg_advisory_xact_lock(hashtext('parley'), hashtext('create_session'));
    END IF;
    PERFORM 1 FROM sessions s WHERE s.id IN (
      SELECT id FROM sessions WHERE key IN (SELECT x.session FROM unnest(calls) x)
      UNION SELECT session_id FROM runs WHERE run_id IN (SELECT x.run_id FROM unnest(calls) x))
    ORDER BY s.id FOR UPDATE;
    -- Whose runs are counted in several sessions, and so on several nodes, at once.
    PERFORM pg_advisory_xact_lock(hashtext('parley sender'), sender) FROM (
      SELECT DISTINCT hashtext(x.sender) AS sender FROM unnest(calls) x
      WHERE x.method = 'append_message' AND x.most_of_sender > 0 ORDER BY 1) AS senders;

    FOREACH c IN ARRAY calls LOOP
      results := results || CASE c.method
        WHEN 'append_message' THEN append_message(c)
        WHEN 'append_run_event' THEN append_run_event(c)
        WHEN 'finish_run' THEN append_run_event(c)
        WHEN 'repeat_message' THEN repeat_message(c)
        WHEN 'mark_started' THEN mark_started(c)
        WHEN 'keep_alive' THEN keep_alive(c)
        WHEN 'claim_runs' THEN claim_runs(c)
        WHEN 'stop_runs' THEN stop_runs(c)
        WHEN 'create_session' THEN create_session(c)
        WHEN 'update_session' THEN update_session(c)
        WHEN 'add_member' THEN add_member(c)
        WHEN 'remove_member' THEN remove_member(c)
        WHEN 'withdraw_invitations' THEN withdraw_invitations(c)
        WHEN 'delete_session' THEN delete_session(c)
        WHEN 'trim_session' THEN trim_session(c)
        WHEN 'check' THEN to_json(true)
      END;
    END LOOP;
    UPDATE writers SET batch = number, answers = results, touched = now() WHERE id = writer;
    RETURN results;
  END $$;
`;
