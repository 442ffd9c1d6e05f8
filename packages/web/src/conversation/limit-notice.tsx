/** The server has asked to wait: why, and for how long. What was written goes by itself then. */

import type { Session } from '@parley/client';
import { useEffect, useState } from 'react';
import { Countdown } from '../controls/countdown.tsx';
import { WorkingIcon } from '../controls/icons.tsx';
import { useText } from '../text/text.tsx';

interface Limit {
  readonly code: string;
  readonly messageId: string;
  /** By `performance.now()`. */
  readonly until: number | undefined;
}

export function LimitNotice({ session }: { readonly session: Session }) {
  const [limit, setLimit] = useState<Limit>();
  useEffect(() => {
    // Another tab may have sent what this is about, or taken it back: that is not acknowledged here.
    const forgetWhenDone = (): void => {
      if (!session.isWaiting) setLimit(undefined);
    };
    const stops = [
      session.transcript.subscribe(forgetWhenDone),
      session.subscribe((message) => {
        forgetWhenDone();
        if (message.type === 'message_ack') {
          setLimit((now) => (now?.messageId === message.reply_to ? undefined : now));
        }
        if (message.type !== 'error' || !message.data.retryable || !message.reply_to) return;
        if (!session.isWaiting) return;
        const { code, retry_after_ms: delay } = message.data;
        const until = delay === undefined ? undefined : performance.now() + delay;
        setLimit({ code, messageId: message.reply_to, until });
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [session]);
  return (
    <div role="status">
      {limit && (
        <p className="mb-2 flex items-center gap-2 rounded-xl bg-warning-tint px-3.5 py-2 text-sm text-warning">
          <WorkingIcon className="size-4 motion-safe:animate-turn" />
          <Words limit={limit} />
        </p>
      )}
    </div>
  );
}

function Words({ limit: { code, until } }: { readonly limit: Limit }) {
  const { text } = useText();
  switch (code) {
    case 'QUEUE_FULL':
      return text.limits.queue;
    case 'STORE_UNAVAILABLE':
      return text.limits.store;
    case 'RATE_LIMITED':
      return (
        <span>
          {text.limits.rate}{' '}
          {until !== undefined && <Countdown until={until} words={text.limits.goesOn} />}
        </span>
      );
    default:
      return text.limits.other;
  }
}
