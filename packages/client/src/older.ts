/** Older history, in pages, into a transcript. */
import type { HistoryEntry } from '@parley/protocol';
import type { Http } from './http.ts';
import type { Transcript } from './transcript.ts';

/** Events in a page of older ones. */
const PAGE = 100;
/** Events in a page on the way to one far back: as many as the server gives. */
const LARGE_PAGE = 1_000;

/**
 * Loads older pages until a message of a person is among them; with `to`, until that message or answer
 * is, with the question of it.
 */
export async function loadOlder(
  transcript: Transcript,
  http: Http,
  to: string | undefined,
): Promise<void> {
  if (!transcript.snapshot().hasMore) return;
  const start = transcript.firstSeq;
  const path = `sessions/${encodeURIComponent(transcript.sessionId)}/messages`;
  const limit = to === undefined ? PAGE : LARGE_PAGE;
  const pages: HistoryEntry[][] = [];
  // An answer is shown only with its question.
  const wanted = new Set(to === undefined ? [] : [transcript.questionOf(to) ?? to]);
  let hasMore: boolean;
  let isEnough: boolean;
  do {
    const before = pages.at(-1)?.[0]?.seq ?? start;
    const page = await http.call<{ messages: HistoryEntry[]; has_more: boolean }>(
      `${path}?before_seq=${before}&limit=${limit}`,
    );
    pages.push(page.messages);
    hasMore = page.has_more && page.messages.length > 0;
    for (const { message_id, reply_to } of page.messages.toReversed()) {
      if (wanted.delete(message_id) && reply_to !== undefined) wanted.add(reply_to);
    }
    // A page of nothing but steps shows nothing either.
    isEnough = wanted.size === 0 && pages.flat().some(({ role }) => role === 'user');
  } while (hasMore && !isEnough);
  // At once, so that whoever shows it does so once.
  transcript.addOlder(start, pages.reverse().flat(), hasMore);
}
