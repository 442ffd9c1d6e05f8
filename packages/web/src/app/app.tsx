import { Tooltip } from 'radix-ui';
import { useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { Drawer } from '../controls/dialog.tsx';
import { focusComposer } from '../conversation/composer.tsx';
import { Conversation } from '../conversation/conversation.tsx';
import { followDeletions, isHidden } from '../sessions/deletion.ts';
import { Sidebar } from '../sessions/sidebar.tsx';
import { TextProvider, useText } from '../text/text.tsx';
import { client } from './client.ts';
import { acceptInvitation } from './join.ts';
import { NoticeList } from './notice-list.tsx';
import { followTheme, useSidebarShown } from './preferences.ts';
import { currentPlace, navigate, pathOf, usePlace } from './router.ts';
import { useShortcuts } from './shortcuts.ts';
import { ShortcutsDialog } from './shortcuts-dialog.tsx';
import { SignIn, useAsksForToken } from './sign-in.tsx';
import { useIsWide } from './wide.ts';

followTheme();
followDeletions();
void acceptInvitation();

export function App() {
  return (
    <TextProvider>
      <Tooltip.Provider delayDuration={500}>
        <Place />
      </Tooltip.Provider>
    </TextProvider>
  );
}

function Place() {
  return useAsksForToken() ? <SignIn /> : <Shell />;
}

function Shell() {
  const { text } = useText();
  const place = usePlace();
  const isWide = useIsWide();
  const [isShown, setShown] = useSidebarShown();
  const [isDrawerOpen, setDrawerOpen] = useState(false);
  const [isHelpOpen, setHelpOpen] = useState(false);
  const searchField = useRef<HTMLInputElement>(null);

  function toggleSidebar(): void {
    if (isWide) setShown(!isShown);
    else setDrawerOpen((open) => !open);
  }

  useShortcuts({
    help: () => setHelpOpen(true),
    newChat: () => navigate('/'),
    search() {
      // Drawn at once: the next key belongs to the field already.
      flushSync(() => (isWide ? setShown(true) : setDrawerOpen(true)));
      searchField.current?.focus();
    },
    composer: focusComposer,
    previous: () => step(-1),
    next: () => step(1),
    sidebar: toggleSidebar,
  });

  const sidebar = (
    <Sidebar
      searchField={searchField}
      onOpen={() => setDrawerOpen(false)}
      onClose={toggleSidebar}
      onShowShortcuts={() => {
        setDrawerOpen(false);
        setHelpOpen(true);
      }}
    />
  );
  return (
    <div className="flex h-full">
      <button
        type="button"
        onClick={focusComposer}
        className="sr-only z-50 focus:not-sr-only focus:absolute! focus:start-3 focus:top-3 focus:rounded-lg focus:bg-raised focus:px-3 focus:py-2"
      >
        {text.skipToMessage}
      </button>
      {isWide && isShown && (
        <div className="h-full w-72 shrink-0 border-e border-line bg-surface">{sidebar}</div>
      )}
      {!isWide && (
        <Drawer open={isDrawerOpen} onOpenChange={setDrawerOpen} title={text.chats.label}>
          {sidebar}
        </Drawer>
      )}
      <Conversation place={place} onOpenSidebar={isWide && isShown ? undefined : toggleSidebar} />
      <ShortcutsDialog open={isHelpOpen} onOpenChange={setHelpOpen} />
      <NoticeList />
    </div>
  );
}

/** To the chat above or below the present one in the list. */
function step(by: 1 | -1): void {
  const here = currentPlace().sessionId;
  const sessions = client.sessions.snapshot().sessions.filter(({ id }) => !isHidden(id));
  const at = sessions.findIndex(({ id }) => id === here);
  const next = sessions[at === -1 ? 0 : at + by];
  if (next) navigate(pathOf(next.id));
}
