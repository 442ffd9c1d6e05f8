/** A page that shows a session, or several, with the hooks, as React's StrictMode wants it. */
import { type Client, createClient } from '@parley/client';
import { useConnection, useSession, useSessions } from '@parley/client/react';
import { createElement as h, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

interface Shown {
  readonly client: Client;
  readonly ids: readonly (string | undefined)[];
}

const sessions: { [key: number]: unknown } = {};

function Conversation({ client, id, at }: { client: Client; id: string | undefined; at: number }) {
  const { session, transcript } = useSession(client, id);
  sessions[at] = session;
  return h(
    'section',
    { 'data-id': session.id, 'data-status': transcript.status },
    ...transcript.items.map((item) => h('p', { key: item.kind + item.text }, item.text)),
  );
}

function List({ client }: { client: Client }) {
  const { status, sessions: all } = useSessions(client);
  const connection = useConnection(client);
  return h(
    'nav',
    { 'data-status': status, 'data-connection': connection.status },
    ...all.map(({ id, title }) => h('li', { key: id }, title ?? 'Untitled')),
  );
}

const root = createRoot(document.querySelector('main') ?? document.body);
const page = {
  open: (url: string) => createClient({ url }),
  sessions,
  show({ client, ids }: Shown): void {
    root.render(
      h(
        StrictMode,
        null,
        h(List, { client }),
        ...ids.map((id, at) => h(Conversation, { key: at, client, id, at })),
      ),
    );
  },
};
declare global {
  var hooks: typeof page;
  var client: Client;
}
globalThis.hooks = page;
