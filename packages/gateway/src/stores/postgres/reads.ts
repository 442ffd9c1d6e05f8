/** What is read, each in one statement and so in one snapshot. */
import type { Retention, SessionRecord } from '../store.ts';
import { STORE_LIMITS } from '../store.ts';

const NOT_BUSY = 'NOT EXISTS (SELECT 1 FROM runs WHERE session_id = s.id)';
const EVENT = 'e.seq, e.type, e.message_id, e.timestamp, e.reply_to, e.run_id, e.attempt, e.data';
const IS_FOR = `(s.owner = $1 OR EXISTS
  (SELECT 1 FROM members m WHERE m.session_id = s.id AND m.principal = $1))`;

/** The session and its runs stand in the row of the first event of the page, or in the only row where there is none. */
const readEvents = (bound: string, order: string) => `
  SELECT CASE WHEN e.place IS NULL OR e.place = 1 THEN session_record(s) END AS session,
    CASE WHEN e.place IS NULL OR e.place = 1 THEN
      (SELECT coalesce(json_agg(json_build_object('runId', r.run_id, 'replyTo', r.reply_to, 'agent', r.agent,
        'attempt', r.attempt) ORDER BY r.event_id), '[]') FROM runs r WHERE r.session_id = s.id) END AS runs, ${EVENT}
  FROM sessions s LEFT JOIN LATERAL (
    SELECT * FROM (
      SELECT *, row_number() OVER (ORDER BY seq ${order}) AS place,
        sum(size) OVER (ORDER BY seq ${order}) AS length
      FROM (SELECT * FROM events WHERE session_id = s.id AND ${bound} ORDER BY seq ${order} LIMIT $3) x) y
    WHERE place = 1 OR length <= ${STORE_LIMITS.pageLength}) e ON true
  WHERE s.key = $1 ORDER BY e.seq`;

export const READS = {
  getSession: 'SELECT find_session($1) AS session',
  // Two scans in the order that is asked for, merged, and only then what a page shows of them.
  listSessions: `
    WITH page AS (
      SELECT * FROM (
        (SELECT id, last_activity FROM sessions
         WHERE owner = $1 AND (last_activity, id) < ($2::bigint, $3::bigint)
         ORDER BY last_activity DESC, id DESC LIMIT $4::bigint + 1)
        UNION ALL
        (SELECT s.id, s.last_activity FROM members m JOIN sessions s ON s.id = m.session_id
         WHERE m.principal = $1 AND (s.last_activity, s.id) < ($2::bigint, $3::bigint)
         ORDER BY s.last_activity DESC, s.id DESC LIMIT $4::bigint + 1)) own
      ORDER BY last_activity DESC, id DESC LIMIT $4::bigint + 1),
    shown AS (SELECT * FROM page ORDER BY last_activity DESC, id DESC LIMIT $4::bigint)
    SELECT CASE WHEN (SELECT count(*) FROM page) > $4::bigint THEN
        (SELECT last_activity || '.' || id FROM shown ORDER BY last_activity, id LIMIT 1) END AS next,
      (SELECT count(*) FROM sessions WHERE owner = $1)
        + (SELECT count(*) FROM members WHERE principal = $1) AS total,
      (SELECT coalesce(json_agg(session_record(s) ORDER BY s.last_activity DESC, s.id DESC), '[]')
       FROM shown JOIN sessions s ON s.id = shown.id) AS sessions`,
  readAfter: readEvents('seq > $2', 'ASC'),
  readBefore: readEvents('seq < $2', 'DESC'),
  getEvent: `
    SELECT ${EVENT} FROM events e WHERE e.session_id = (SELECT id FROM sessions WHERE key = $1 AND incarnation = $2)
      AND e.message_id = $3 ORDER BY e.seq DESC LIMIT 1`,
  heads: 'SELECT incarnation, last_seq AS "lastSeq", version FROM sessions WHERE key = ANY($1)',
  questions: `
    SELECT message_id, replaces FROM events
    WHERE session_id = (SELECT id FROM sessions WHERE key = $1 AND incarnation = $2)
      AND type = 'chat_message' ORDER BY seq`,
  unfinishedRuns: `
    SELECT run_record(r, s) AS run
    FROM runs r JOIN sessions s ON s.id = r.session_id
    WHERE CASE $1 WHEN 'all' THEN true WHEN 'of' THEN r.node = $2 ELSE
      r.node NOT IN (SELECT id FROM nodes WHERE alive_until > clock_timestamp()) END
    ORDER BY r.event_id`,
  search: `
    SELECT s.key AS "sessionId", s.title, e.id, e.message_id AS "messageId", e.seq, e.timestamp, e.data
    FROM events e JOIN sessions s ON s.id = e.session_id
    WHERE e.words @@ $2::tsquery AND ${IS_FOR} ORDER BY e.id DESC LIMIT $3`,
  /** Texts with more words than an index takes: whoever searches looks through them, newest first. */
  searchTooLong: `
    SELECT s.key AS "sessionId", s.title, e.id, e.message_id AS "messageId", e.seq, e.timestamp, e.data
    FROM events e JOIN sessions s ON s.id = e.session_id
    WHERE e.words IS NULL AND e.type IN ('chat_message', 'agent_response') AND ${IS_FOR}
      AND e.id < $2 ORDER BY e.id DESC LIMIT 1`,
  /** The least recently active first. */
  expired: `
    SELECT key AS id, incarnation, last_seq AS "lastSeq", last_activity AS "lastActivity" FROM sessions s
    WHERE (last_activity < $1 OR (message_count = 0 AND last_activity < $2)) AND ${NOT_BUSY}
    ORDER BY last_activity, s.id LIMIT $3`,
  /** Ranking every session is dear, so only where it was asked for. */
  expiredOrTooMany: `
    SELECT key AS id, incarnation, last_seq AS "lastSeq", last_activity AS "lastActivity" FROM (
      SELECT *, row_number() OVER (PARTITION BY owner ORDER BY last_activity DESC, id DESC) AS rank
      FROM sessions) s
    WHERE (last_activity < $1 OR (message_count = 0 AND last_activity < $2) OR rank > $4) AND ${NOT_BUSY}
    ORDER BY last_activity, s.id LIMIT $3`,
  tooLong: `
    SELECT key AS id, last_seq - $1::bigint AS through FROM sessions s
    WHERE last_seq - first_seq + 1 > $1 AND ${NOT_BUSY} ORDER BY last_activity, s.id LIMIT $2`,
} as const;

/** What is due to be taken away, as it was when it was found. */
export interface Removal {
  readonly expired: readonly Pick<
    SessionRecord,
    'id' | 'incarnation' | 'lastSeq' | 'lastActivity'
  >[];
  readonly trimmed: readonly { id: string; through: number }[];
  readonly more: boolean;
}

type Read = <Row>(name: keyof typeof READS, ...values: unknown[]) => Promise<Row[]>;

/** The sessions that `retention` is about, one batch. */
export async function findRemovable(read: Read, retention: Retention): Promise<Removal> {
  const { emptyBefore = null, idleBefore = null, maxSessions, maxEvents, batch } = retention;
  const policy = [idleBefore, emptyBefore, batch + 1];
  const old: Removal['expired'][number][] =
    maxSessions === undefined
      ? await read('expired', ...policy)
      : await read('expiredOrTooMany', ...policy, maxSessions);
  const gone = new Set(old.map(({ id }) => id));
  // Some of the long ones may be among the expired, hence as many more.
  const long: Removal['trimmed'][number][] =
    maxEvents === undefined || old.length > batch
      ? []
      : await read('tooLong', maxEvents, batch + 1 + old.length);
  const trimmed = long.filter(({ id }) => !gone.has(id));
  return {
    expired: old.slice(0, batch),
    trimmed: trimmed.slice(0, Math.max(0, batch - old.length)),
    more: old.length + trimmed.length > batch,
  };
}
