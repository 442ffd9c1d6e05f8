/** How the connection is, where there is something to say about it. */
import { useConnection } from '@parley/client/react';
import { useEffect, useRef, useState } from 'react';
import { Button } from '../controls/button.tsx';
import { Countdown } from '../controls/countdown.tsx';
import { CheckIcon, OfflineIcon, WarningIcon, WorkingIcon } from '../controls/icons.tsx';
import { Strip } from '../controls/strip.tsx';
import { useNow } from '../sessions/times.ts';
import { type Text, useText } from '../text/text.tsx';
import { client } from './client.ts';
import { countUnsent } from './open-sessions.ts';

/** A connection that is there sooner needs no words, milliseconds. */
const PATIENCE_MS = 700;
/** How long it says that all is well again, milliseconds. */
const RELIEF_MS = 4_000;

export function ConnectionBanner() {
  const { text } = useText();
  const state = useConnection(client);
  const isRestarting = useRestartNotice(state.status);
  const news = useNews(state.status);
  return (
    <div role="status" className="shrink-0 px-3 pb-1 empty:hidden sm:px-4">
      {state.status === 'closed' ? (
        <Strip tone="problem" icon={<WarningIcon />}>
          <span className="flex-1">
            {text.connection.closed} {reasonFor(state.code, text)}
          </span>
          <Button onClick={() => location.reload()}>{text.connection.reload}</Button>
        </Strip>
      ) : state.status === 'waiting' ? (
        <Strip tone="warning" icon={<OfflineIcon />}>
          <span className="flex-1">
            {lossInWords(isRestarting, text)}{' '}
            <Countdown until={state.retryAt} words={text.connection.retryIn} /> <Waiting />
          </span>
          <Button onClick={() => client.reconnect()}>{text.connection.tryNow}</Button>
        </Strip>
      ) : news === 'lost' || news === 'slow' ? (
        <Strip tone="warning" icon={<WorkingIcon className="size-5 motion-safe:animate-turn" />}>
          <span className="flex-1">
            {news === 'lost' ? text.connection.retrying : text.connection.connecting} <Waiting />
          </span>
        </Strip>
      ) : isRestarting ? (
        <Strip tone="warning" icon={<WarningIcon />}>
          {text.connection.restarting}
        </Strip>
      ) : (
        news === 'resumed' && (
          <Strip tone="well" icon={<CheckIcon />}>
            {text.connection.resumed}
          </Strip>
        )
      )}
    </div>
  );
}

function Waiting() {
  const { text } = useText();
  useNow(500);
  const count = countUnsent();
  return count > 0 && <span className="font-medium">{text.connection.waiting(count)}</span>;
}

function lossInWords(isRestarting: boolean, text: Text): string {
  if (isRestarting) return text.connection.restarting;
  return navigator.onLine ? text.connection.lost : text.connection.offline;
}

function reasonFor(code: number, text: Text): string {
  const { notAuthenticated, policy, other } = text.connection.closedBecause;
  if (code === 4401) return notAuthenticated;
  return code === 1008 ? policy : other;
}

/** The server has said that it goes down; until there is a connection again. */
function useRestartNotice(status: typeof client.state.status): boolean {
  const [isRestarting, setRestarting] = useState(false);
  useEffect(
    () =>
      client.on('notice', ({ retryAfterMs }) => {
        if (retryAfterMs !== undefined) setRestarting(true);
      }),
    [],
  );
  const wasOpen = useRef(false);
  useEffect(() => {
    if (status === 'open' && !wasOpen.current) setRestarting(false);
    wasOpen.current = status === 'open';
  }, [status]);
  return isRestarting;
}

/** What has become of the connection, beyond its state. */
function useNews(status: typeof client.state.status): 'none' | 'slow' | 'lost' | 'resumed' {
  const [news, setNews] = useState<'none' | 'slow' | 'lost' | 'resumed'>('none');
  const wasLost = useRef(false);
  useEffect(() => {
    if (status === 'waiting') {
      wasLost.current = true;
      setNews('lost');
      return;
    }
    if (status === 'connecting' && !wasLost.current) {
      const timer = setTimeout(() => setNews('slow'), PATIENCE_MS);
      return () => clearTimeout(timer);
    }
    if (status !== 'open') return;
    setNews(wasLost.current ? 'resumed' : 'none');
    wasLost.current = false;
    const timer = setTimeout(() => setNews('none'), RELIEF_MS);
    return () => clearTimeout(timer);
  }, [status]);
  return news;
}
