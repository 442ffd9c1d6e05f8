import type { SessionSummary } from '@parley/client';
import { type KeyboardEvent, memo, useRef, useState } from 'react';
import { useAuthMode } from '../app/account.ts';
import { client } from '../app/client.ts';
import { Link } from '../app/link.tsx';
import { notify } from '../app/notices.ts';
import { pathOf } from '../app/router.ts';
import { DeleteIcon, DownloadIcon, EditIcon, MoreIcon, PeopleIcon } from '../controls/icons.tsx';
import { Menu, MenuItem, MenuLine } from '../controls/menu.tsx';
import { useText } from '../text/text.tsx';
import { InviteDialog } from './invite-dialog.tsx';
import { fullTime, relativeTime } from './times.ts';

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
  const [isInviting, setInviting] = useState(false);
  const authMode = useAuthMode();
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
      <Menu
        trigger={
          <button
            type="button"
            aria-label={text.chats.actions(title)}
            className="absolute inset-y-0 end-1 my-auto grid size-8 place-items-center rounded-md text-muted opacity-0 hover:text-ink focus-visible:opacity-100 group-hover:opacity-100 group-has-aria-[current=page]:opacity-100 data-[state=open]:opacity-100 pointer-coarse:opacity-100"
          >
            <MoreIcon />
          </button>
        }
        // Renaming and deleting take the focus elsewhere.
        onCloseAutoFocus={(event) => {
          if (!link.current?.isConnected) event.preventDefault();
        }}
      >
        <MenuItem onSelect={() => setRenaming(true)}>
          <EditIcon /> {text.chats.rename}
        </MenuItem>
        {/* Where nobody is asked who they are, there is nobody to invite. */}
        {authMode !== undefined && authMode !== 'none' && (
          <MenuItem onSelect={() => setInviting(true)}>
            <PeopleIcon /> {text.invite.label}
          </MenuItem>
        )}
        <ExportItem session={session} format="markdown" />
        <ExportItem session={session} format="json" />
        <MenuLine />
        <MenuItem className="text-danger" onSelect={() => onDelete(session)}>
          <DeleteIcon /> {text.chats.delete}
        </MenuItem>
      </Menu>
      {isInviting && <InviteDialog session={session} onClose={() => setInviting(false)} />}
    </div>
  );
});

interface ExportProps {
  readonly session: SessionSummary;
  readonly format: 'markdown' | 'json';
}

function ExportItem({ session, format }: ExportProps) {
  const { text } = useText();
  return (
    <MenuItem asChild>
      <a href={client.sessions.exportUrl(session.id, format)} download>
        <DownloadIcon />
        {format === 'markdown' ? text.chats.exportMarkdown : text.chats.exportJson}
      </a>
    </MenuItem>
  );
}

interface FieldProps {
  readonly session: SessionSummary;
  readonly onEnd: () => void;
}

function TitleField({ session, onEnd }: FieldProps) {
  const { text } = useText();
  const ended = useRef(false);

  function end(title: string | undefined): void {
    // Taking the field away blurs it once more.
    if (ended.current) return;
    ended.current = true;
    onEnd();
    if (!title || title === session.title) return;
    client.sessions.rename(session.id, title).catch((error: Error) =>
      notify({
        id: `rename ${session.id}`,
        words: (words) => words.chats.renameFailed(error.message),
        tone: 'problem',
      }),
    );
  }

  return (
    <input
      ref={(field) => {
        // The menu that it was chosen in gives the focus back first.
        requestAnimationFrame(() => field?.select());
      }}
      aria-label={text.chats.renameLabel}
      defaultValue={session.title ?? ''}
      maxLength={200}
      dir="auto"
      className="h-10 w-full rounded-lg border border-edge bg-raised px-3 text-sm"
      onBlur={(event) => end(event.target.value.trim())}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === 'Enter' && !event.nativeEvent.isComposing) {
          end(event.currentTarget.value.trim());
        } else if (event.key === 'Escape') end(undefined);
      }}
    />
  );
}
