import { navigate } from '../app/router.ts';
import { modified } from '../app/shortcuts.ts';
import { IconButton } from '../controls/icon-button.tsx';
import { NewChatIcon, SidebarIcon } from '../controls/icons.tsx';
import { useText } from '../text/text.tsx';

interface Props {
  readonly title: string;
  readonly onOpenSidebar: (() => void) | undefined;
}

export function Header({ title, onOpenSidebar }: Props) {
  const { text } = useText();
  return (
    <header className="flex h-14 shrink-0 items-center gap-1 px-2">
      {onOpenSidebar && (
        <IconButton label={text.openSidebar} keys={modified('\\')} onClick={onOpenSidebar}>
          <SidebarIcon />
        </IconButton>
      )}
      <h1 dir="auto" className="min-w-0 flex-1 truncate px-2 text-[0.9375rem] font-semibold">
        {title}
      </h1>
      {onOpenSidebar && (
        <IconButton label={text.newChat} onClick={() => navigate('/')}>
          <NewChatIcon />
        </IconButton>
      )}
    </header>
  );
}
