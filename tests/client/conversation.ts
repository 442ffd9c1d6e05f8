/** A client at the fake server, and a conversation that has begun. */
import { type Client, type ClientOptions, createClient, type Session } from '@parley/client';
import { onTestFinished } from 'vitest';
import { ack, type FakeConnection, fakeServer, status } from './fake-server.ts';

export function connect(options: ClientOptions): Client {
  const client = createClient(options);
  onTestFinished(() => client.close());
  return client;
}

/** Resolves as soon as what the session shows is as `until` says. */
export function shown(session: Session, until: (snapshot: Shown) => boolean): Promise<Shown> {
  return new Promise((resolve) => {
    const look = () => {
      const snapshot = session.transcript.snapshot();
      if (!until(snapshot)) return;
      stop();
      resolve(snapshot);
    };
    const stop = session.transcript.subscribe(look);
    look();
  });
}
export type Shown = ReturnType<Session['transcript']['snapshot']>;

export const texts = (snapshot: Shown) => snapshot.items.map(({ text }) => text);

/** A client that has made a session and sent `text`, acknowledged with `seq` 1. */
export async function conversation(text = 'hello') {
  const server = await fakeServer();
  const client = connect({ url: server.url });
  const session = client.session();
  const id = session.send(text);
  const connection = await server.accept();
  await connection.next('session_create');
  connection.send(status(session.id));
  connection.send(ack(await connection.next('chat_message'), 1));
  await shown(session, ({ items }) => items.some((item) => item.status === 'sent'));
  return { server, client, session, id, connection };
}

export async function rejoined(connection: FakeConnection, session: Session) {
  const join = await connection.next('session_join');
  connection.send(status(session.id));
  return join;
}
