/** What can be done with a chat: the same in the list and above the open chat. */
import type { SessionSummary, TranscriptSnapshot } from '@parley/client';
import { type ReactNode, useState } from 'react';
import { useAuthMode } from '../app/account.ts';
import { client } from '../app/client.ts';
import { DeleteIcon, DownloadIcon, EditIcon, PeopleIcon } from '../controls/icons.tsx';
import { Menu, MenuItem, MenuLine } from '../controls/menu.tsx';
import { useText } from '../text/text.tsx';
import { ShareDialog } from './share-dialog.tsx';

/** What one may do in a chat; `undefined` until the server has said it. */
export type Access = NonNullable<TranscriptSnapshot['you']>['access'] | undefined;

export type NamedSession = Pick<SessionSummary, 'id' | 'title'>;

interface Props {
  readonly session: NamedSession;
  readonly access?: Access;
  readonly trigger: ReactNode;
  readonly onRename: () => void;
  readonly onDelete: () => void;
  readonly onCloseAutoFocus?: (event: Event) => void;
}

export function SessionMenu({
  session,
  access = 'manage',
  trigger,
  onRename,
  onDelete,
  ...menu
}: Props) {
  const { text } = useText();
  const [isSharing, setSharing] = useState(false);
  const authMode = useAuthMode();
  return (
    <>
      <Menu trigger={trigger} {...menu}>
        {access === 'manage' && (
          <MenuItem onSelect={onRename}>
            <EditIcon /> {text.chats.rename}
          </MenuItem>
        )}
        {/* Where nobody is asked who they are, there is nobody to invite. */}
        {authMode !== undefined && authMode !== 'none' && (
          <MenuItem onSelect={() => setSharing(true)}>
            <PeopleIcon /> {text.share.label}
          </MenuItem>
        )}
        <ExportItem session={session} format="markdown" />
        <ExportItem session={session} format="json" />
        {access === 'manage' && (
          <>
            <MenuLine />
            <MenuItem className="text-danger" onSelect={onDelete}>
              <DeleteIcon /> {text.chats.delete}
            </MenuItem>
          </>
        )}
      </Menu>
      {isSharing && <ShareDialog sessionId={session.id} onClose={() => setSharing(false)} />}
    </>
  );
}

interface ExportProps {
  readonly session: NamedSession;
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
