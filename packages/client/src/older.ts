/** Older history, in pages, into a transcript. */
import type { HistoryEntry } from '@parley/protocol';
import type { Http } from './http.ts';
import type { Transcript } from './transcript.ts';

/** Events in a page of older ones. */
const PAGE = 100;
/** Events in a page on the way to one far back: as many as the server gives. */
const LARGE_PAGE = 1_000;

/** Loads the page before what is shown; with `to`, all from there on. */
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
  let hasMore = true;
  do {
    const before = pages.at(-1)?.[0]?.seq ?? start;
    const page = await http.call<{ messages: HistoryEntry[]; has_more: boolean }>(
      `${path}?before_seq=${before}&limit=${limit}`,
    );
    pages.push(page.messages);
    hasMore = page.has_more && page.messages.length > 0;
    if (page.messages.some(({ message_id }) => message_id === to)) break;
  } while (hasMore && to !== undefined);
  // At once, so that whoever shows it does so once.
  transcript.addOlder(start, pages.reverse().flat(), hasMore);
}
