/**
 * Hooks over `@parley/client`. They only subscribe: everything that is shown lives in the client.
 *
 * @example
 * const { session, transcript } = useSession(client, id);
 * return transcript.items.map((item) => <p>{item.text}</p>);
 */
import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import type { Client } from './client.ts';
import type { ConnectionState } from './connection.ts';
import type { TranscriptSnapshot } from './items.ts';
import type { Session } from './session.ts';
import type { SessionListSnapshot } from './session-list.ts';

/**
 * A session that nobody shows any more is left so much later, milliseconds: a page that shows it
 * elsewhere a moment later, or React trying twice, does not leave and join for that.
 */
const LINGER_MS = 1_000;

/** How the connection is. */
export function useConnection(client: Client): ConnectionState {
  const read = () => client.state;
  return useSyncExternalStore(client.subscribe, read, read);
}

/** The person's sessions, kept in step while this is shown. */
export function useSessions(client: Client): SessionListSnapshot {
  const { sessions } = client;
  const subscribe = useCallback((listener: () => void) => sessions.subscribe(listener), [sessions]);
  const read = () => sessions.snapshot();
  return useSyncExternalStore(subscribe, read, read);
}

/**
 * The session with this id, joined while somebody shows it; without an id a new one, which the
 * server makes with the first message. A session that is passed on under its own id then stays the
 * same object.
 */
export function useSession(
  client: Client,
  id: string | undefined,
): { readonly session: Session; readonly transcript: TranscriptSnapshot } {
  const [held, setHeld] = useState(() => hold(client, id));
  let current = held;
  if (held.client !== client || held.id !== id) {
    current = hold(client, id);
    setHeld(current);
  }
  const { session } = current;
  useEffect(() => keep(session), [session]);
  const subscribe = useCallback(
    (listener: () => void) => session.transcript.subscribe(listener),
    [session],
  );
  const read = () => session.transcript.snapshot();
  const transcript = useSyncExternalStore(subscribe, read, read);
  return { session, transcript };
}

/** How many show a session, and what leaves it when nobody does. */
const holders = new WeakMap<Session, { count: number; timer?: ReturnType<typeof setTimeout> }>();

function hold(client: Client, id: string | undefined) {
  const session = client.session(id);
  // React may throw away what it renders, and then nobody would leave.
  if (!holders.has(session)) keep(session)();
  return { client, id, session };
}

/** Until the returned function is called, and a little longer, the session is not left. */
function keep(session: Session): () => void {
  const holder = holders.get(session) ?? { count: 0 };
  holders.set(session, holder);
  holder.count += 1;
  clearTimeout(holder.timer);
  return () => {
    holder.count -= 1;
    if (holder.count > 0) return;
    holder.timer = setTimeout(() => {
      holders.delete(session);
      session.leave();
    }, LINGER_MS);
  };
}
