import type { RequestError } from '@parley/client';
import { useRef } from 'react';
import { client } from '../app/client.ts';
import { notify } from '../app/notices.ts';
import { errorInWords } from '../text/errors.ts';
import { useText } from '../text/text.tsx';
import type { NamedSession } from './session-menu.tsx';

interface FieldProps {
  readonly session: NamedSession;
  readonly onEnd: () => void;
}

/** Where a chat is given another title: in the place of the one that it has. */
export function TitleField({ session, onEnd }: FieldProps) {
  const { text } = useText();
  const ended = useRef(false);

  function end(title: string | undefined): void {
    // Taking the field away blurs it once more.
    if (ended.current) return;
    ended.current = true;
    onEnd();
    if (!title || title === session.title) return;
    client.sessions.rename(session.id, title).catch((error: RequestError) =>
      notify({
        id: `rename ${session.id}`,
        words: (words) => words.chats.renameFailed(errorInWords(error, words)),
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
      className="h-10 w-full min-w-0 rounded-lg border border-edge bg-raised px-3 text-sm"
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
