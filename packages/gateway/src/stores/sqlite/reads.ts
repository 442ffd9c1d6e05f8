/** What is read, each in one snapshot. Runs in the reader worker. */
import { dataLengthOf } from '@parley/protocol/event-text';
import type Database from 'better-sqlite3';
import {
  fitting,
  type Question,
  type Retention,
  type SessionHead,
  type SessionIdentity,
  type SessionListPage,
  type SessionRecord,
  STORE_LIMITS,
  type UnendedRun,
} from '../store.ts';
import { fromSessionRow, type Removal, type SessionRow } from './rows.ts';
import { hashId, inSnapshot, SESSION_COLUMNS } from './schema.ts';

/**
 * An event as the wire has it: its `data` is there as text, and SQLite puts the rest around it in less time than it takes
 * to make a JavaScript string of each column. The session's id is given as JSON.
 */
const EVENT_TEXT = `concat('{"type":"', type, '","session_id":', ?, ',"message_id":', json_quote(message_id),
  CASE WHEN reply_to IS NOT NULL THEN ',"reply_to":' || json_quote(reply_to) END,
  CASE WHEN run_id IS NOT NULL THEN ',"run_id":' || json_quote(run_id) END, ',"attempt":' || attempt,
  ',"seq":', seq, ',"timestamp":"', timestamp, '","data":', data, '}')`;
const NOT_BUSY = 's.id NOT IN (SELECT session_id FROM runs)';

export interface ListParameters {
  readonly person: string;
  readonly at: number;
  readonly order: number;
  readonly limit: number;
}

export function prepareReads(db: Database.Database) {
  const select = db.prepare<[string], SessionRow>(
    `SELECT ${SESSION_COLUMNS} FROM sessions WHERE key = ?`,
  );
  // Two scans in the order that is asked for, merged, and only then what a page shows of them: with OR, or
  // with all columns in the scans, everything that somebody has would be read and sorted.
  const list = db.prepare<ListParameters, SessionRow & { internal: number }>(
    `WITH page AS (
       SELECT id AS internal, last_activity AS at FROM sessions
       WHERE owner = @person AND (last_activity, id) < (@at, @order)
       UNION ALL
       SELECT s.id, s.last_activity FROM members m JOIN sessions s ON s.id = m.session_id
       WHERE m.principal = @person AND (s.last_activity, s.id) < (@at, @order)
       ORDER BY at DESC, internal DESC LIMIT @limit + 1)
     SELECT ${SESSION_COLUMNS}, internal FROM page CROSS JOIN sessions ON sessions.id = internal
     ORDER BY at DESC, internal DESC`,
  );
  const count = db
    .prepare<[string, string], number>(
      `SELECT (SELECT count(*) FROM sessions WHERE owner = ?) +
         (SELECT count(*) FROM members WHERE principal = ?)`,
    )
    .pluck();
  const findId = db.prepare<[string], number>('SELECT id FROM sessions WHERE key = ?').pluck();
  // `+ 0`, so that they are not prepared anew for each session and place, see `prepareLog`.
  const eventsAfter = db
    .prepare<[string, number, number, number], SeqAndText>(
      `SELECT seq, ${EVENT_TEXT} FROM events WHERE session_id = ? + 0 AND seq > ? + 0
       ORDER BY seq LIMIT ?`,
    )
    .raw();
  const eventsBefore = db
    .prepare<[string, number, number, number], SeqAndText>(
      `SELECT seq, ${EVENT_TEXT} FROM events WHERE session_id = ? + 0 AND seq < ? + 0
       ORDER BY seq DESC LIMIT ?`,
    )
    .raw();
  const eventByMessage = db
    .prepare<[string, string, string, number, string], string>(
      `SELECT ${EVENT_TEXT} FROM events
       WHERE session_id = (SELECT id FROM sessions WHERE key = ? AND incarnation = ?)
         AND message_hash = ? AND message_id = ?
       ORDER BY seq DESC LIMIT 1`,
    )
    .pluck();
  const questions = db
    .prepare<[string, string], [messageId: string, replaces: string | null]>(
      `SELECT message_id, json_extract(data, '$.replaces') FROM events
       WHERE session_id = (SELECT id FROM sessions WHERE key = ? AND incarnation = ?)
         AND type = 'chat_message'
       ORDER BY seq`,
    )
    .raw();
  const heads = db.prepare<[string], SessionHead>(
    `SELECT incarnation, last_seq AS lastSeq, version FROM sessions
     WHERE key IN (SELECT value FROM json_each(?))`,
  );
  const runsOf = db.prepare<[number], UnendedRun>(
    `SELECT run_id AS runId, reply_to AS replyTo, agent, attempt FROM runs
     WHERE session_id = ? + 0 ORDER BY event_id`,
  );
  const expired = db.prepare<
    { emptyBefore: number | null; idleBefore: number | null; limit: number },
    Removal['expired'][number]
  >(
    `SELECT key AS id, incarnation, last_seq AS lastSeq, last_activity AS lastActivity FROM sessions s
     WHERE (last_activity < @idleBefore OR (message_count = 0 AND last_activity < @emptyBefore))
       AND ${NOT_BUSY}
     ORDER BY last_activity, s.id LIMIT @limit`,
  );
  // Ranking every session is dear, so only where it was asked for.
  const expiredOrTooMany = db.prepare<
    {
      emptyBefore: number | null;
      idleBefore: number | null;
      maxSessions: number;
      limit: number;
    },
    Removal['expired'][number]
  >(
    `SELECT key AS id, incarnation, last_seq AS lastSeq, last_activity AS lastActivity FROM (
       SELECT *, row_number() OVER (PARTITION BY owner ORDER BY last_activity DESC, id DESC) AS place
       FROM sessions) s
     WHERE (last_activity < @idleBefore OR (message_count = 0 AND last_activity < @emptyBefore)
         OR place > @maxSessions)
       AND ${NOT_BUSY}
     ORDER BY last_activity, s.id LIMIT @limit`,
  );
  const tooLong = db.prepare<[number, number, number], Removal['trimmed'][number]>(
    `SELECT key AS id, last_seq - ? AS through FROM sessions s
     WHERE last_seq - first_seq + 1 > ? AND ${NOT_BUSY}
     ORDER BY last_activity, s.id LIMIT ?`,
  );

  function find(key: string): SessionRecord | undefined {
    const row = select.get(key);
    return row && fromSessionRow(row);
  }

  return {
    getSession(id: string): SessionRecord | undefined {
      return find(id);
    },
    listSessions: inSnapshot(db, (parameters: ListParameters): SessionListPage => {
      const { person, limit } = parameters;
      const rows = list.all(parameters);
      const last = rows.length > limit ? rows[limit - 1] : undefined;
      return {
        sessions: rows.slice(0, limit).map(({ internal: _, ...row }) => fromSessionRow(row)),
        total: count.get(person, person) ?? 0,
        ...(last ? { next: `${last.lastActivity}.${last.internal}` } : {}),
      };
    }),
    readSession: inSnapshot(
      db,
      (id: string, after: number | undefined, before: number | undefined, limit: number) => {
        const session = find(id);
        const internal = findId.get(id);
        if (!session || internal === undefined) return undefined;
        const newestFirst = after === undefined;
        const json = JSON.stringify(id);
        const found = newestFirst
          ? portions(eventsBefore, { json, internal }, before ?? Number.MAX_SAFE_INTEGER, limit)
          : portions(eventsAfter, { json, internal }, after, limit);
        const texts = fitting(found, dataLengthOf);
        if (newestFirst) texts.reverse();
        // One string goes to the other thread in less time than a hundred, and JSON has no line break of its own.
        return { session, texts: texts.join('\n'), runs: runsOf.all(internal) };
      },
    ),
    getEvent({ id, incarnation }: SessionIdentity, messageId: string): string | undefined {
      return eventByMessage.get(JSON.stringify(id), id, incarnation, hashId(messageId), messageId);
    },
    heads(ids: readonly string[]): SessionHead[] {
      return heads.all(JSON.stringify(ids));
    },
    questions({ id, incarnation }: SessionIdentity): Question[] {
      return questions.all(id, incarnation).map(([message_id, replaces]) => ({
        message_id,
        ...(replaces === null ? {} : { replaces }),
      }));
    },
    /** The sessions that `retention` is about, the least recently active first, one batch. */
    findRemovable: inSnapshot(db, (retention: Retention): Removal & { more: boolean } => {
      const { maxSessions, maxEvents, batch } = retention;
      const policy = {
        emptyBefore: retention.emptyBefore ?? null,
        idleBefore: retention.idleBefore ?? null,
        limit: batch + 1,
      };
      const old =
        maxSessions === undefined
          ? expired.all(policy)
          : expiredOrTooMany.all({ ...policy, maxSessions });
      const gone = new Set(old.map(({ id }) => id));
      // Some of the long ones may be among the expired, hence as many more.
      const long =
        maxEvents === undefined || old.length > batch
          ? []
          : tooLong
              .all(maxEvents, maxEvents, batch + 1 + old.length)
              .filter(({ id }) => !gone.has(id));
      const room = Math.max(0, batch - old.length);
      return {
        expired: old.slice(0, batch),
        trimmed: long.slice(0, room),
        more: old.length + long.length > batch,
      };
    }),
  };
}

/**
 * Events asked for at once: one by one takes half as long again, and what a page has no room for is read in vain, which
 * is much where they are long. So few at first, and then more.
 */
const FIRST_PORTION = 4;
const GROWTH = 8;
const MOST_PORTION = 64;

type SeqAndText = [seq: number, text: string];

/** Up to `limit` texts from `place` on, each portion behind the last one of the one before. */
function* portions(
  events: Database.Statement<
    [json: string, internal: number, place: number, limit: number],
    SeqAndText
  >,
  session: { readonly json: string; readonly internal: number },
  place: number,
  limit: number,
): Generator<string> {
  let from = place;
  let left = limit;
  let portion = FIRST_PORTION;
  let room: number = STORE_LIMITS.pageLength;
  while (left > 0) {
    const asked = Math.min(portion, left);
    const rows = events.all(session.json, session.internal, from, asked);
    const before = room;
    for (const [, text] of rows) {
      room -= text.length;
      yield text;
    }
    const last = rows.at(-1);
    if (!last || rows.length < asked) return;
    [from] = last;
    left -= asked;
    // No more than there is room for where the next ones are as long.
    const fits = Math.ceil((room * asked) / (before - room));
    portion = Math.max(1, Math.min(GROWTH * portion, MOST_PORTION, fits));
  }
}
