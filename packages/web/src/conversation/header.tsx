import { type ReactNode, useRef, useState } from 'react';
import { navigate } from '../app/router.ts';
import { modified } from '../app/shortcuts.ts';
import { IconButton } from '../controls/icon-button.tsx';
import { MoreIcon, NewChatIcon, SidebarIcon } from '../controls/icons.tsx';
import { deleteWithUndo } from '../sessions/deletion.ts';
import { type Access, type NamedSession, SessionMenu } from '../sessions/session-menu.tsx';
import { TitleField } from '../sessions/title-field.tsx';
import { useText } from '../text/text.tsx';

interface Props {
  readonly title: string;
  /** Absent where there is no chat that something could be done with. */
  readonly session: NamedSession | undefined;
  readonly access: Access;
  readonly onOpenSidebar: (() => void) | undefined;
}

export function Header({ title, session, access, onOpenSidebar }: Props) {
  const { text } = useText();
  return (
    <header className="flex h-14 shrink-0 items-center gap-1 px-2">
      {onOpenSidebar && (
        <IconButton label={text.openSidebar} keys={modified('\\')} onClick={onOpenSidebar}>
          <SidebarIcon />
        </IconButton>
      )}
      {session ? (
        <Named key={session.id} session={session} access={access} title={title} />
      ) : (
        <Title>{title}</Title>
      )}
      {onOpenSidebar && (
        <IconButton label={text.newChat} onClick={() => navigate('/')}>
          <NewChatIcon />
        </IconButton>
      )}
    </header>
  );
}

function Title({ children }: { readonly children: ReactNode }) {
  return (
    <h1 dir="auto" className="min-w-0 flex-1 truncate px-2 text-[0.9375rem] font-semibold">
      {children}
    </h1>
  );
}

interface NamedProps {
  readonly session: NamedSession;
  readonly access: Access;
  readonly title: string;
}

function Named({ session, access, title }: NamedProps) {
  const { text } = useText();
  const [isRenaming, setRenaming] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  if (isRenaming) {
    return (
      <TitleField
        session={session}
        onEnd={() => {
          setRenaming(false);
          // The button is not there before the field has gone.
          requestAnimationFrame(() => button.current?.focus());
        }}
      />
    );
  }
  return (
    <>
      <Title>{title}</Title>
      <SessionMenu
        session={session}
        access={access}
        trigger={
          <button
            ref={button}
            type="button"
            aria-label={text.chats.actionsHere}
            className="grid size-9 shrink-0 place-items-center rounded-lg text-muted hover:bg-hover hover:text-ink data-[state=open]:bg-hover data-[state=open]:text-ink"
          >
            <MoreIcon />
          </button>
        }
        onRename={() => setRenaming(true)}
        onDelete={() => deleteWithUndo(session.id, title)}
        onCloseAutoFocus={(event) => {
          if (!button.current?.isConnected) event.preventDefault();
        }}
      />
    </>
  );
}
