/** Finding words: through the index, and by itself in what is not indexed yet. Runs in the reader worker. */
import type Database from 'better-sqlite3';
import { makeSnippet, matches, parseQuery, type Query } from '../search-text.ts';
import type { SearchHit } from '../store.ts';
import { inSnapshot } from './schema.ts';

type Row = [
  sessionId: string,
  title: string | null,
  messageId: string,
  seq: number,
  timestamp: string,
  data: string,
];

/** Somebody has the session, or is a member of it. */
const IS_FOR = `(owner = ? OR sessions.id IN (SELECT session_id FROM members WHERE principal = ?))`;
const COLUMNS = 'key, title, message_id, seq, timestamp, data';

export function prepareSearch(db: Database.Database) {
  const notIndexed = db
    .prepare<[string, string], Row>(
      `SELECT ${COLUMNS} FROM events CROSS JOIN sessions ON sessions.id = session_id
       WHERE events.id > (SELECT indexed_to FROM search_state) AND ${IS_FOR}
         AND type IN ('chat_message', 'agent_response')
       ORDER BY events.id DESC`,
    )
    .raw();
  const indexed = db
    .prepare<[string, string, string, number], Row>(
      `SELECT ${COLUMNS} FROM search CROSS JOIN events ON events.id = search.rowid
         CROSS JOIN sessions ON sessions.id = session_id
       WHERE search MATCH ? AND ${IS_FOR} ORDER BY search.rowid DESC LIMIT ?`,
    )
    .raw();

  return {
    /** Newest first. */
    search: inSnapshot(db, (person: string, text: string, limit: number): SearchHit[] => {
      const query = parseQuery(text);
      const hits: SearchHit[] = [];
      if (query.length === 0) return hits;
      for (const row of notIndexed.iterate(person, person)) {
        const { content, role } = parseData(row[5]);
        if (matches(content, query)) hits.push(toHit(row, role, makeSnippet(content, query)));
        if (hits.length === limit) return hits;
      }
      for (const row of indexed.all(toMatch(query), person, person, limit - hits.length)) {
        const { content, role } = parseData(row[5]);
        hits.push(toHit(row, role, makeSnippet(content, query)));
      }
      return hits;
    }),
  };
}

/** The words consist of letters, digits and marks only, so none can end its quotes. */
function toMatch(query: Query): string {
  return `${query.map((word) => `"${word}"`).join(' ')}*`;
}

function parseData(data: string): { content: string; role: SearchHit['role'] } {
  return JSON.parse(data) as { content: string; role: SearchHit['role'] };
}

function toHit(row: Row, role: SearchHit['role'], snippet: string): SearchHit {
  const [sessionId, title, messageId, seq, timestamp] = row;
  return { sessionId, title, messageId, seq, role, timestamp, snippet };
}
