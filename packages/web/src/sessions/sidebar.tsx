import { type Ref, useState } from 'react';
import { Link } from '../app/link.tsx';
import { SettingsMenu } from '../app/settings-menu.tsx';
import { modified } from '../app/shortcuts.ts';
import { IconButton } from '../controls/icon-button.tsx';
import {
  CloseIcon,
  KeyboardIcon,
  NewChatIcon,
  SearchIcon,
  SidebarIcon,
} from '../controls/icons.tsx';
import { Logo } from '../controls/logo.tsx';
import { useText } from '../text/text.tsx';
import { SearchResults } from './search.tsx';
import { SessionList } from './session-list.tsx';

interface Props {
  /** A chat was chosen: where the list lies over the chat, it goes. */
  readonly onOpen: () => void;
  readonly onClose: () => void;
  readonly onShowShortcuts: () => void;
  readonly searchField: Ref<HTMLInputElement>;
}

export function Sidebar({ onOpen, onClose, onShowShortcuts, searchField }: Props) {
  const { text } = useText();
  const [words, setWords] = useState('');
  const isSearching = words.trim() !== '';
  return (
    <nav aria-label={text.chats.label} className="flex h-full flex-col">
      <div className="flex h-14 shrink-0 items-center gap-2.5 ps-4 pe-2">
        <Logo className="size-6" />
        <span className="flex-1 text-[0.9375rem] font-semibold tracking-tight">Parley</span>
        <IconButton label={text.closeSidebar} keys={modified('\\')} onClick={onClose}>
          <SidebarIcon />
        </IconButton>
      </div>
      <div className="space-y-2 px-2 pb-1">
        <Link
          to="/"
          onFollow={onOpen}
          data-new-chat
          className="flex h-10 items-center gap-2.5 rounded-lg border border-line bg-raised px-3 text-sm font-medium hover:bg-hover"
        >
          <NewChatIcon /> {text.newChat}
        </Link>
        <search className="relative block">
          <SearchIcon className="pointer-events-none absolute inset-y-0 start-3 my-auto size-4.5 text-muted" />
          <input
            ref={searchField}
            type="search"
            value={words}
            aria-label={text.search.label}
            placeholder={text.search.placeholder}
            dir="auto"
            autoComplete="off"
            onChange={(event) => setWords(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Escape' && words !== '') {
                setWords('');
                event.stopPropagation();
              }
            }}
            className="h-10 w-full appearance-none rounded-lg bg-transparent ps-10 pe-9 text-sm hover:bg-hover focus:bg-raised [&::-webkit-search-cancel-button]:hidden"
          />
          {words !== '' && (
            <IconButton
              label={text.search.clear}
              className="absolute! inset-y-0 end-0.5 my-auto size-8!"
              onClick={() => setWords('')}
            >
              <CloseIcon className="size-4" />
            </IconButton>
          )}
        </search>
      </div>
      {isSearching ? (
        <SearchResults words={words.trim()} onOpen={onOpen} />
      ) : (
        <SessionList onOpen={onOpen} />
      )}
      <div className="mt-auto flex shrink-0 items-center gap-1 border-t border-line px-2 py-1.5">
        <SettingsMenu />
        <span className="flex-1" />
        <IconButton label={text.settings.shortcuts} keys="?" onClick={onShowShortcuts}>
          <KeyboardIcon />
        </IconButton>
      </div>
    </nav>
  );
}
