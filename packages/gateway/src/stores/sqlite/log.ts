/** The hot path: what appends to the logs, and the fence around runs. Runs in the writer worker. */
import type Database from 'better-sqlite3';
import type { MessageOutcome, RunAttempt, RunOutcome, SessionIdentity } from '../store.ts';
import type { Counted, EventRow } from './rows.ts';
import { hashId } from './schema.ts';

type Receipt = [seq: number, fingerprint: string | null, runId: string | null, timestamp: string];

/**
 * Every method is to be called inside a transaction.
 *
 * Where a query could be answered in several ways (a join, an order), SQLite looks at what is bound to choose one, and
 * prepares the statement anew for each value: ten times the work of the query. It cannot look into an expression,
 * which is why some of the parameters here are written as one.
 */
export function prepareLog(db: Database.Database) {
  const findSession = db
    .prepare<
      [number, string, string],
      [
        id: number,
        lastSeq: number,
        trimmed: number,
        known: number,
        owner: string,
        titled: number | null,
        runs: number,
      ]
    >(
      `SELECT id, last_seq, first_seq > 1,
         EXISTS (SELECT 1 FROM events e WHERE e.session_id = s.id AND e.message_hash = ?), owner,
         iif(title IS NULL, version + 1, NULL), (SELECT count(*) FROM runs r WHERE r.session_id = s.id)
       FROM sessions s WHERE key = ? AND incarnation = ?`,
    )
    .raw();
  const isWriter = db
    .prepare<[number, string], number>(
      `SELECT 1 FROM members WHERE session_id = ? AND principal = ? AND access = 'write'`,
    )
    .pluck();
  const findReceipt = db
    .prepare<[number, number, string], Receipt>(
      `SELECT seq, fingerprint, answer_run, timestamp FROM events
       WHERE session_id = ? AND message_hash = ? AND message_id = ?
       ORDER BY fingerprint IS NULL LIMIT 1`,
    )
    .raw();
  const findSpent = db
    .prepare<[number, string], Receipt>(
      `SELECT seq, fingerprint, answer_run, timestamp FROM spent_ids
       WHERE session_id = ? AND message_id = ?`,
    )
    .raw();
  const insertEvent = db.prepare(
    `INSERT INTO events (session_id, seq, type, message_id, timestamp, reply_to, run_id, attempt,
       data, message_hash, fingerprint, answer_run) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const touchSession = db.prepare<[number, number, number, string | null, string | null, number]>(
    `UPDATE sessions SET last_seq = ?, last_activity = max(last_activity, ?), message_count = message_count + ?,
       version = version + (coalesce(title, ?) IS NOT title), title = coalesce(title, ?) WHERE id = ?`,
  );
  const findLastRun = db.prepare<[number], RunAttempt & { readonly node: string }>(
    `SELECT run_id AS runId, attempt, node FROM runs WHERE session_id = ? + 0
     ORDER BY event_id DESC LIMIT 1`,
  );
  const insertRun = db.prepare<
    [string, number, number | bigint, string, string, string, string, string]
  >(
    `INSERT INTO runs (run_id, session_id, event_id, reply_to, answer_id, agent, sender, node)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const anyAlive = db
    .prepare<[number], string>(
      'SELECT id FROM nodes WHERE alive_until > ? ORDER BY random() LIMIT 1',
    )
    .pluck();
  const countOfSender = db
    .prepare<[string], number>('SELECT count(*) FROM runs WHERE sender = ?')
    .pluck();
  const findRun = db
    .prepare<[string | null, number | null, string], [sessionId: number, lastSeq: number]>(
      `SELECT s.id, s.last_seq FROM runs r JOIN sessions s ON s.id = r.session_id
       WHERE r.run_id = ? || '' AND r.attempt = ? + 0 AND s.key = ? || ''`,
    )
    .raw();
  const deleteRun = db.prepare<[string | null]>('DELETE FROM runs WHERE run_id = ?');
  const startRun = db.prepare<[string, number]>(
    'UPDATE runs SET started = 1 WHERE run_id = ? AND attempt = ?',
  );
  const keepAlive = db.prepare<[string, number]>(
    'INSERT INTO nodes VALUES (?, ?) ON CONFLICT DO UPDATE SET alive_until = excluded.alive_until',
  );
  const forgetNodes = db.prepare<[number]>('DELETE FROM nodes WHERE alive_until <= ?');
  const claimRuns = db.prepare<[string, string, number]>(
    `UPDATE runs SET attempt = attempt + (node <> ''), node = ?
     WHERE session_id = (SELECT id FROM sessions WHERE key = ?)
       AND node NOT IN (SELECT id FROM nodes WHERE alive_until > ?)`,
  );

  const findOwner = db
    .prepare<[string, string], [id: number, owner: string]>(
      'SELECT id, owner FROM sessions WHERE key = ? AND incarnation = ?',
    )
    .raw();
  const stopRuns = db
    .prepare<[number, string | null], string>(
      'UPDATE runs SET stopped = 1 WHERE session_id = ? AND run_id = coalesce(?, run_id) RETURNING run_id',
    )
    .pluck();

  function append(
    sessionId: number,
    seq: number,
    row: EventRow,
    hash: number,
    message?: { fingerprint: string; runId: string; title: string },
  ): number | bigint {
    const [type, , timestamp] = row;
    const counts = type === 'chat_message' || type === 'agent_response' ? 1 : 0;
    const { fingerprint = null, runId = null, title = null } = message ?? {};
    touchSession.run(seq, Date.parse(timestamp), counts, title, title, sessionId);
    return insertEvent.run(sessionId, seq, ...row, hash, fingerprint, runId).lastInsertRowid;
  }

  function appendRunEvent(session: string, row: EventRow): RunOutcome {
    const [, messageId, , , runId, attempt] = row;
    const found = findRun.get(runId, attempt, session);
    if (!found) return { outcome: 'stale' };
    const [sessionId, lastSeq] = found;
    append(sessionId, lastSeq + 1, row, hashId(messageId));
    return { outcome: 'appended', seq: lastSeq + 1 };
  }

  function mayWrite(sessionId: number, owner: string, sender: string, asAdmin: boolean): boolean {
    return asAdmin || owner === sender || isWriter.get(sessionId, sender) !== undefined;
  }

  /** The session, if it is there for the sender to write in. `hash`: of the message that they write. */
  function findWritable(
    hash: number,
    session: string,
    incarnation: string,
    [sender, , , asAdmin]: Counted,
  ) {
    const found = findSession.get(hash, session, incarnation);
    if (!found) return undefined;
    const [id, lastSeq, isTrimmed, mayRepeat, owner, titled, runs] = found;
    if (!mayWrite(id, owner, sender, asAdmin)) return undefined;
    return { id, lastSeq, isTrimmed, mayRepeat, titled, runs };
  }

  function findRepetition(
    { id, isTrimmed, mayRepeat }: NonNullable<ReturnType<typeof findWritable>>,
    messageId: string,
    hash: number,
    fingerprint: string,
  ) {
    const receipt =
      (isTrimmed ? findSpent.get(id, messageId) : undefined) ??
      (mayRepeat ? findReceipt.get(id, hash, messageId) : undefined);
    if (!receipt) return undefined;
    const [seq, earlier, runId, timestamp] = receipt;
    if (earlier !== fingerprint || runId === null) return { outcome: 'conflict' } as const;
    return { outcome: 'duplicate', seq, runId, timestamp } as const;
  }

  function findFull(runs: number, [sender, mostOfSession, mostOfSender]: Counted) {
    if (mostOfSession > 0 && runs >= mostOfSession)
      return { outcome: 'full', of: 'ofSession' } as const;
    if (mostOfSender > 0 && Number(countOfSender.get(sender)) >= mostOfSender)
      return { outcome: 'full', of: 'ofSender' } as const;
    return undefined;
  }

  return {
    repeatMessage(
      session: string,
      incarnation: string,
      messageId: string,
      fingerprint: string,
      ...counted: Counted
    ) {
      const hash = hashId(messageId);
      const found = findWritable(hash, session, incarnation, counted);
      if (!found) return findFull(0, counted) ?? ({ outcome: 'session_not_found' } as const);
      return (
        findRepetition(found, messageId, hash, fingerprint) ??
        findFull(found.runs, counted) ??
        ({ outcome: 'new' } as const)
      );
    },
    appendMessage(
      session: string,
      incarnation: string,
      row: EventRow,
      fingerprint: string,
      runId: string,
      answerId: string,
      agent: string,
      node: string | null,
      title: string,
      ...counted: Counted
    ): MessageOutcome {
      const [, messageId] = row;
      const hash = hashId(messageId);
      const found = findWritable(hash, session, incarnation, counted);
      if (!found) return { outcome: 'session_not_found' };
      const { id, lastSeq, titled, runs } = found;
      const known = findRepetition(found, messageId, hash, fingerprint) ?? findFull(runs, counted);
      if (known) return known;
      const seq = lastSeq + 1;
      const eventId = append(id, seq, row, hash, { fingerprint, runId, title });
      const [sender] = counted;
      const last = runs > 0 ? findLastRun.get(id) : undefined;
      const executor = last?.node ?? node ?? anyAlive.get(Date.now()) ?? '';
      insertRun.run(runId, id, eventId, messageId, answerId, agent, sender, executor);
      const before = last ? { runId: last.runId, attempt: last.attempt } : null;
      return { outcome: 'appended', seq, node: executor, before, titled };
    },
    appendRunEvent,
    finishRun(session: string, row: EventRow): RunOutcome {
      const [, , , , runId] = row;
      const outcome = appendRunEvent(session, row);
      if (outcome.outcome === 'appended') deleteRun.run(runId);
      return outcome;
    },
    markStarted(runId: string, attempt: number): boolean {
      return startRun.run(runId, attempt).changes > 0;
    },
    keepAlive(node: string, until: number, now: number): void {
      forgetNodes.run(now);
      keepAlive.run(node, until);
    },
    /** The ids of those that this marks; `undefined`: there is no such session for the sender to write in. */
    stopRuns(
      { id, incarnation }: SessionIdentity,
      sender: string,
      asAdmin: boolean,
      runId: string | null,
    ): string[] | undefined {
      const [session, owner] = findOwner.get(id, incarnation) ?? [];
      if (session === undefined || owner === undefined) return undefined;
      return mayWrite(session, owner, sender, asAdmin) ? stopRuns.all(session, runId) : undefined;
    },
    /** `false`: there was nothing to take over. */
    claimRuns(session: string, node: string, now: number): boolean {
      return claimRuns.run(node, session, now).changes > 0;
    },
  };
}
