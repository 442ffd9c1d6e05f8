import type { SessionSummary } from '@parley/client';
import { type KeyboardEvent, memo, useRef, useState } from 'react';
import { Link } from '../app/link.tsx';
import { pathOf } from '../app/router.ts';
import { MoreIcon } from '../controls/icons.tsx';
import { useText } from '../text/text.tsx';
import { SessionMenu } from './session-menu.tsx';
import { fullTime, relativeTime } from './times.ts';
import { TitleField } from './title-field.tsx';

interface Props {
  readonly session: SessionSummary;
  readonly isCurrent: boolean;
  readonly isUnread: boolean;
  /** Milliseconds; the time is said in relation to it. */
  readonly now: number;
  readonly onDelete: (session: SessionSummary) => void;
  readonly onOpen: () => void;
}

export const SessionRow = memo(function SessionRow(props: Props) {
  const { session, isCurrent, isUnread, now, onDelete, onOpen } = props;
  const { text, locale } = useText();
  const [renaming, setRenaming] = useState(false);
  const link = useRef<HTMLAnchorElement>(null);
  const title = session.title ?? text.untitled;

  function endRenaming(): void {
    setRenaming(false);
    // The link is not there before the field has gone.
    requestAnimationFrame(() => link.current?.focus());
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === 'F2') setRenaming(true);
    else if (event.key === 'Delete') onDelete(session);
    else return;
    event.preventDefault();
  }

  if (renaming) return <TitleField session={session} onEnd={endRenaming} />;
  return (
    <div
      className={`group relative flex h-10 items-center rounded-lg ${isCurrent ? 'bg-selected' : 'hover:bg-hover'}`}
    >
      <Link
        ref={link}
        to={pathOf(session.id)}
        onFollow={onOpen}
        onKeyDown={onKeyDown}
        data-session={session.id}
        aria-current={isCurrent ? 'page' : undefined}
        aria-keyshortcuts="F2 Delete"
        className="flex h-full min-w-0 flex-1 items-center gap-2 rounded-lg ps-3 pe-10 text-sm"
      >
        {isUnread && (
          <span className="size-2 shrink-0 rounded-full bg-accent">
            <span className="sr-only">{text.chats.unread}: </span>
          </span>
        )}
        <span dir="auto" className={`min-w-0 flex-1 truncate ${isUnread ? 'font-semibold' : ''}`}>
          {title}
        </span>
        <time
          dateTime={new Date(session.lastActivity).toISOString()}
          title={fullTime(session.lastActivity, locale)}
          className="shrink-0 text-xs text-muted tabular-nums"
        >
          {relativeTime(session.lastActivity, now, locale)}
        </time>
      </Link>
      <SessionMenu
        session={session}
        trigger={
          <button
            type="button"
            aria-label={text.chats.actions(title)}
            className="absolute inset-y-0 end-1 my-auto grid size-8 place-items-center rounded-md text-muted opacity-0 hover:text-ink focus-visible:opacity-100 group-hover:opacity-100 group-has-aria-[current=page]:opacity-100 data-[state=open]:opacity-100 pointer-coarse:opacity-100"
          >
            <MoreIcon />
          </button>
        }
        onRename={() => setRenaming(true)}
        onDelete={() => onDelete(session)}
        // Renaming and deleting take the focus elsewhere.
        onCloseAutoFocus={(event) => {
          if (!link.current?.isConnected) event.preventDefault();
        }}
      />
    </div>
  );
});
