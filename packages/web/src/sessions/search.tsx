/** Search over what was said in all chats. */

import type { SearchHit } from '@parley/client';
import { useEffect, useState } from 'react';
import { client } from '../app/client.ts';
import { Link } from '../app/link.tsx';
import { pathOf } from '../app/router.ts';
import { useText } from '../text/text.tsx';
import { useHiddenSessions } from './deletion.ts';
import { relativeTime, useNow } from './times.ts';

/** So long after the last key the server is asked, milliseconds. */
const PAUSE_MS = 180;
const LIMIT = 50;
/** How much of a snippet stands before the first match at least, UTF-16 code units. */
const LEAD = 16;
/** What Markdown marks words with says nothing where it is not formatted. */
const MARKS = /\*\*|__|~~|`+|^#{1,6} /gm;

type Found =
  | { readonly status: 'searching' }
  | { readonly status: 'failed' }
  | { readonly status: 'found'; readonly words: string; readonly hits: readonly SearchHit[] };

export function SearchResults(props: { readonly words: string; readonly onOpen: () => void }) {
  const { words, onOpen } = props;
  const { text } = useText();
  const [found, setFound] = useState<Found>({ status: 'searching' });
  const hidden = useHiddenSessions();
  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      client.sessions.search(words, { limit: LIMIT, signal: abort.signal }).then(
        (hits) => {
          if (!abort.signal.aborted) setFound({ status: 'found', words, hits });
        },
        () => {
          if (!abort.signal.aborted) setFound({ status: 'failed' });
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [words]);

  const hits =
    found.status === 'found' ? found.hits.filter(({ sessionId }) => !hidden.has(sessionId)) : [];
  return (
    <div className="min-h-0 flex-1 overflow-y-auto overscroll-contain px-2 pb-2">
      <p role="status" className="px-3 pt-4 pb-1 text-xs font-medium text-muted">
        {found.status === 'searching' && text.search.searching}
        {found.status === 'failed' && text.search.failed}
        {found.status === 'found' &&
          (hits.length === 0 ? text.search.none(found.words) : text.search.found(hits.length))}
      </p>
      {found.status === 'found' && (
        <ul>
          {hits.map((hit) => (
            <li key={`${hit.sessionId} ${hit.messageId}`}>
              <Hit hit={hit} words={found.words} onOpen={onOpen} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

interface HitProps {
  readonly hit: SearchHit;
  readonly words: string;
  readonly onOpen: () => void;
}

function Hit({ hit, words, onOpen }: HitProps) {
  const { text, locale } = useText();
  const now = useNow(60_000);
  return (
    <Link
      to={pathOf(hit.sessionId, hit.messageId)}
      onFollow={onOpen}
      className="block rounded-lg px-3 py-2 text-sm hover:bg-hover"
    >
      <span className="flex items-baseline justify-between gap-2">
        <span dir="auto" className="truncate font-medium">
          {hit.title ?? text.untitled}
        </span>
        <time
          dateTime={new Date(hit.timestamp).toISOString()}
          className="shrink-0 text-xs text-muted"
        >
          {relativeTime(hit.timestamp, now, locale)}
        </time>
      </span>
      <span className="sr-only">{text.search.by[hit.role]}: </span>
      <span dir="auto" className="line-clamp-2 text-muted">
        <Marked snippet={hit.snippet} words={words} />
      </span>
    </Link>
  );
}

/** The words that were looked for stand out, and stand near the beginning: there are two lines. */
function Marked({ snippet, words }: { readonly snippet: string; readonly words: string }) {
  const wanted = words
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const plain = snippet.replace(MARKS, '');
  if (wanted.length === 0) return plain;
  const pattern = new RegExp(`(${wanted.join('|')})`, 'giu');
  const from = plain.lastIndexOf(' ', plain.search(pattern) - LEAD);
  const parts = (from > 0 ? `…${plain.slice(from + 1)}` : plain).split(pattern);
  return parts.map((part, index) =>
    // Every second part is what was matched.
    index % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts have no identity but their place
      <mark key={index} className="bg-transparent font-semibold text-ink">
        {part}
      </mark>
    ) : (
      part
    ),
  );
}
