/** All chats, the latest first: only those in view are in the page. */

import type { SessionSummary } from '@parley/client';
import { useSessions } from '@parley/client/react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useCallback, useEffect, useRef } from 'react';
import { client } from '../app/client.ts';
import { usePlace } from '../app/router.ts';
import { Button } from '../controls/button.tsx';
import { useText } from '../text/text.tsx';
import { deleteWithUndo, useHiddenSessions } from './deletion.ts';
import { SessionRow } from './session-row.tsx';
import { periodOf, useNow } from './times.ts';
import { useIsUnread } from './unread.ts';

/** The next page is asked for when so many rows are left below. */
const AHEAD = 30;

export function SessionList({ onOpen }: { readonly onOpen: () => void }) {
  const { text } = useText();
  const { sessions: all, status, hasMore } = useSessions(client);
  const hidden = useHiddenSessions();
  const sessions = hidden.size === 0 ? all : all.filter(({ id }) => !hidden.has(id));
  const { sessionId } = usePlace();
  const isUnread = useIsUnread();
  const now = useNow(30_000);
  const scroll = useRef<HTMLDivElement>(null);

  const virtualizer = useVirtualizer({
    count: sessions.length,
    getScrollElement: () => scroll.current,
    getItemKey: (index) => sessions[index]?.id ?? index,
    estimateSize: () => 42,
    overscan: 12,
    useFlushSync: false,
  });
  const rows = virtualizer.getVirtualItems();
  const last = rows.at(-1)?.index ?? 0;
  const loadFrom = hasMore && last >= sessions.length - AHEAD ? sessions.length : undefined;
  useEffect(() => {
    if (loadFrom !== undefined) void client.sessions.loadMore();
  }, [loadFrom]);

  const shown = useRef(sessions);
  shown.current = sessions;
  const remove = useCallback(
    (session: SessionSummary) => {
      const index = shown.current.findIndex(({ id }) => id === session.id);
      const next = shown.current[index + 1] ?? shown.current[index - 1];
      deleteWithUndo(session.id, session.title ?? text.untitled);
      // Not lost with the row: to its neighbour, once the row is gone.
      requestAnimationFrame(() => focusRow(scroll.current, next?.id));
    },
    [text],
  );

  if (status === 'failed' && sessions.length === 0) {
    return (
      <div role="alert" className="space-y-3 px-4 py-6 text-sm text-muted">
        <p>{text.chats.failed}</p>
        <Button onClick={() => void client.sessions.refresh()}>{text.chats.tryAgain}</Button>
      </div>
    );
  }
  if (sessions.length === 0) {
    return (
      <p className="px-4 py-6 text-sm text-muted">
        {status === 'loading' ? text.loading : text.chats.empty}
      </p>
    );
  }
  return (
    <div ref={scroll} className="min-h-0 flex-1 overflow-y-auto overscroll-contain px-2 pb-2">
      <ul
        className="relative"
        style={{ height: virtualizer.getTotalSize() }}
        onKeyDown={(event) => moveFocus(event, scroll.current)}
      >
        {rows.map(({ key, index, start }) => {
          const session = sessions[index];
          if (!session) return null;
          const period = periodOf(session.lastActivity, now);
          const before = sessions[index - 1];
          return (
            <li
              key={key}
              ref={virtualizer.measureElement}
              data-index={index}
              aria-setsize={hasMore ? -1 : sessions.length}
              aria-posinset={index + 1}
              className="absolute inset-x-0 top-0 pb-0.5"
              style={{ transform: `translateY(${start}px)` }}
            >
              {(!before || periodOf(before.lastActivity, now) !== period) && (
                <h3 className="px-3 pt-4 pb-1 text-xs font-medium text-muted">
                  {text.chats[period]}
                </h3>
              )}
              <SessionRow
                session={session}
                isCurrent={session.id === sessionId}
                isUnread={session.id !== sessionId && isUnread(session)}
                now={now}
                onDelete={remove}
                onOpen={onOpen}
              />
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function focusRow(list: HTMLElement | null, id: string | undefined): void {
  const row = id === undefined ? null : list?.querySelector(`[data-session="${CSS.escape(id)}"]`);
  const target = row ?? document.querySelector('[data-new-chat]');
  if (target instanceof HTMLElement) target.focus();
}

function moveFocus(event: KeyboardEvent, list: HTMLElement | null): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  const links = [...(list?.querySelectorAll<HTMLElement>('[data-session]') ?? [])];
  const at = links.indexOf(document.activeElement as HTMLElement);
  if (at === -1) return;
  event.preventDefault();
  links[at + (event.key === 'ArrowDown' ? 1 : -1)]?.focus();
}
