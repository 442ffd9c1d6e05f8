/** The search index finds what looking through the texts finds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { matches, parseQuery } from '../../packages/gateway/src/stores/search-text.ts';
import { prepareLog } from '../../packages/gateway/src/stores/sqlite/log.ts';
import { toCounted } from '../../packages/gateway/src/stores/sqlite/rows.ts';
import { openForWriting } from '../../packages/gateway/src/stores/sqlite/schema.ts';
import { prepareSearch } from '../../packages/gateway/src/stores/sqlite/search.ts';
import { prepareSearchIndex } from '../../packages/gateway/src/stores/sqlite/search-index.ts';
import { prepareSessions } from '../../packages/gateway/src/stores/sqlite/sessions.ts';
import { toRow } from '../../packages/gateway/src/stores/sqlite.ts';
import { identityOf, newMessage, newSession } from './store-records.ts';

function openIndex() {
  const directory = mkdtempSync(join(tmpdir(), 'parley-search-'));
  const db = openForWriting(join(directory, 'parley.sqlite'));
  onTestFinished(() => {
    db.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const index = prepareSearchIndex(db);
  const sessions = prepareSessions(db, index);
  const log = prepareLog(db);
  const { search } = prepareSearch(db);
  let count = 0;
  return {
    db,
    index,
    sessions,
    search,
    /** Appends the texts to a session and has them indexed. */
    add(session: string, texts: readonly string[]): void {
      sessions.createSession(newSession(session));
      for (const content of texts) {
        count += 1;
        const append = newMessage(session, `m${count}`, { content });
        const { event, incarnation, fingerprint, run, title } = append;
        log.appendMessage(
          session,
          incarnation,
          toRow(event),
          fingerprint,
          run.runId,
          run.answerId,
          run.agent,
          run.node,
          title,
          ...toCounted(append),
        );
      }
      while (index.behind()) index.advance();
    },
  };
}

const TEXTS = [
  'The quick brown fox',
  'A brown bear, quickly!',
  'Crème BRÛLÉE',
  'Łódź und Straße, MÜNCHEN',
  'ΟΔΟΣ αλφα',
  'e\u0301te\u0301 noir',
  'one\u0000two😀three\ud800four',
  'मैं हिन्दी बोलता हूँ',
  'Привет, Ёлка йод',
  '한국어 문장',
  '東京 タワー',
  'NEAR OR AND NOT 3,14 a_b c-d',
  'İstanbul ISTANBUL ıstanbul',
];

test('each word of each text, and each beginning of it, is found in the index', () => {
  const { add, search } = openIndex();
  add('s', TEXTS);
  const words = TEXTS.flatMap((text) => text.split(/[^\p{L}\p{N}\p{M}]+/u).filter(Boolean));
  for (const word of words) {
    for (const query of [word, word.toUpperCase(), word.slice(0, 2)]) {
      const expected = TEXTS.filter((text) => matches(text, parseQuery(query))).reverse();
      const found = search('ann', query, 100).map(({ snippet }) => snippet);
      expect(found, query).toEqual(expected);
    }
  }
});

test('[R9] any text is a query that the index takes, with the same finds', () => {
  const { add, search } = openIndex();
  add('s', TEXTS);
  const pieces = fc.constantFrom(
    ...['"', '(', ')', '*', '^', ':', '+', '-', '{', '}', ' ', ' AND ', ' OR ', 'NOT ', 'NEAR('],
    ...['brown', 'fox', 'BRULEE', 'straße', 'content', '\u0000', '\ud800', '😀', "'", '3', 'b'],
  );
  const text = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(text, fc.string({ unit: 'binary' })), (query) => {
      const expected = TEXTS.filter((each) => matches(each, parseQuery(query))).reverse();
      expect(search('ann', query, 100).map(({ snippet }) => snippet)).toEqual(expected);
    }),
    { numRuns: 1_000 },
  );
});

test('what is deleted is taken out of the index and its text is overwritten', () => {
  const { db, add, search, sessions } = openIndex();
  add('s', ['the treasure is under the oak']);
  add('t', ['no treasure here']);
  expect(search('ann', 'treasure', 10)).toHaveLength(2);
  db.transaction(() => sessions.deleteSession(identityOf('s')))();
  expect(search('ann', 'treasure', 10).map(({ sessionId }) => sessionId)).toEqual(['t']);
  expect(db.serialize().includes('treasure is under')).toBe(false);
});

test('an event id is not given twice, so that nothing new takes the place of what is indexed', () => {
  const { db, add, search, sessions } = openIndex();
  add('s', ['first words']);
  db.transaction(() => sessions.deleteSession(identityOf('s')))();
  add('t', ['second words']);
  expect(search('ann', 'words', 10).map(({ snippet }) => snippet)).toEqual(['second words']);
});
