/** What was said before what is here: loaded page by page, and said where that does not work. */
import type { Session } from '@parley/client';
import { useConnection } from '@parley/client/react';
import { useCallback, useEffect, useState } from 'react';
import { client } from '../app/client.ts';
import { Button } from '../controls/button.tsx';
import { WorkingIcon } from '../controls/icons.tsx';
import { useText } from '../text/text.tsx';

export interface Older {
  readonly hasFailed: boolean;
  retry(): void;
}

/** Loads while it is wanted. After a failure only when asked to, or when there is a connection again. */
export function useOlder(session: Session, isWanted: boolean): Older {
  const [state, setState] = useState<'idle' | 'loading' | 'failed'>('idle');
  const retry = useCallback(() => setState('idle'), []);
  useEffect(() => {
    if (!isWanted || state !== 'idle') return;
    setState('loading');
    session.loadOlder().then(
      () => setState('idle'),
      () => setState('failed'),
    );
  }, [session, isWanted, state]);
  const { status } = useConnection(client);
  useEffect(() => {
    if (status === 'open') setState((now) => (now === 'failed' ? 'idle' : now));
  }, [status]);
  return { hasFailed: state === 'failed', retry };
}

/** In the place of a chat of which nothing can be shown before more of it is loaded. */
export function OlderOnly({ session }: { readonly session: Session }) {
  return (
    <div className="grid min-h-0 flex-1 place-items-center px-3 text-sm text-muted">
      <OlderWords older={useOlder(session, true)} />
    </div>
  );
}

export function OlderWords({ older }: { readonly older: Older }) {
  const { text } = useText();
  if (!older.hasFailed) {
    return (
      <p className="flex items-center gap-2">
        <WorkingIcon className="size-4 motion-safe:animate-turn" /> {text.conversation.older}
      </p>
    );
  }
  return (
    <p role="alert" className="flex items-center gap-2">
      {text.conversation.olderFailed}
      <Button onClick={older.retry}>{text.conversation.tryAgain}</Button>
    </p>
  );
}
