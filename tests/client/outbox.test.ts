import type { Client } from '@parley/client';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connect, conversation, rejoined, shown, texts } from './conversation.ts';
import { ack, answered, chunk, fakeServer, refusal, status } from './fake-server.ts';

// Full jitter at its lowest: who was cut comes back at once.
beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(0));
afterEach(() => void vi.restoreAllMocks());

/** Resolves as soon as the client knows that its connection is gone. */
function lost(client: Client): Promise<void> {
  return new Promise((resolve) => {
    const stop = client.subscribe(() => {
      if (client.state.status === 'open') return;
      stop();
      resolve();
    });
  });
}

describe('[R3] the outbox', () => {
  test('sends an unacknowledged message again with the same id, until it is acknowledged', async () => {
    const server = await fakeServer();
    const session = connect({ url: server.url }).session();
    const id = session.send('hello');
    let connection = await server.accept();
    await connection.next('session_create');
    connection.send(status(session.id));
    const first = await connection.next('chat_message');
    connection.drop();

    connection = await server.accept();
    await rejoined(connection, session);
    const second = await connection.next('chat_message');
    expect(second).toEqual(first);
    expect(session.transcript.snapshot().items[0]?.status).toBe('waiting');
    connection.send(ack(second, 1));
    await shown(session, ({ items }) => items[0]?.status === 'sent');
    connection.drop();

    connection = await server.accept();
    expect((await rejoined(connection, session)).data.after_seq).toBe(1);
    await connection.settled();
    expect(connection.unread).toBe(0);
    expect(session.transcript.snapshot().items[0]).toMatchObject({ id, status: 'sent' });
  });

  test('sends what was written offline in order, one at a time', async () => {
    const { server, session, connection } = await conversation();
    connection.drop();
    session.send('one');
    session.send('two');
    const next = await server.accept();
    await rejoined(next, session);
    const one = await next.next('chat_message');
    await next.settled();
    expect(next.unread).toBe(0);
    next.send(ack(one, 2));
    const two = await next.next('chat_message');
    expect([one.data.content, two.data.content]).toEqual(['one', 'two']);
  });

  test('a message refused for now keeps its place and is sent again after the delay', async () => {
    const { session, connection } = await conversation();
    session.send('one');
    session.send('two');
    const one = await connection.next('chat_message');
    connection.send(refusal(one, { code: 'QUEUE_FULL', retryable: true, retry_after_ms: 5 }));
    const again = await connection.next('chat_message');
    expect(again).toEqual(one);
    connection.send(ack(again, 2));
    expect((await connection.next('chat_message')).data.content).toBe('two');
  });

  test('what waits for room is sent as soon as an answer has ended', async () => {
    const { session, id, connection } = await conversation();
    session.send('one');
    const one = await connection.next('chat_message');
    connection.send(refusal(one, { code: 'QUEUE_FULL', retryable: true, retry_after_ms: 1e9 }));
    connection.send(answered(session.id, id, 2, 'done'));
    expect(await connection.next('chat_message')).toEqual(one);
  });

  test('[R12] a message refused for good is shown as failed, and the next one goes', async () => {
    const { session, connection } = await conversation();
    const one = session.send('one');
    session.send('two');
    const message = await connection.next('chat_message');
    connection.send(refusal(message, { code: 'AGENT_NOT_FOUND', retryable: false }));
    expect((await connection.next('chat_message')).data.content).toBe('two');
    const item = session.transcript
      .snapshot()
      .items.find((each) => 'id' in each && each.id === one);
    expect(item).toMatchObject({
      status: 'failed',
      problem: { code: 'AGENT_NOT_FOUND', message: 'Refused: AGENT_NOT_FOUND.' },
    });
    session.discard(one);
    expect(texts(session.transcript.snapshot())).toEqual(['hello', '', 'two']);
  });

  test('a message that ends the connection with 1009 is not sent again', async () => {
    const { server, session, connection } = await conversation();
    session.send('far too large');
    await connection.next('chat_message');
    connection.close(1009);
    const next = await server.accept();
    await rejoined(next, session);
    await next.settled();
    expect(next.unread).toBe(0);
    expect(session.transcript.snapshot().items.at(-1)).toMatchObject({
      status: 'failed',
      problem: { code: 'MESSAGE_TOO_LARGE' },
    });
  });

  test('a stop does not wait behind a message, and outlives the connection', async () => {
    const { server, session, connection } = await conversation();
    session.send('one');
    await connection.next('chat_message');
    session.stop('run-1');
    const stop = await connection.next('run_cancel');
    expect(stop.data).toEqual({ run_id: 'run-1' });
    connection.drop();
    const next = await server.accept();
    await rejoined(next, session);
    await next.next('chat_message');
    expect(await next.next('run_cancel')).toEqual(stop);
  });

  test('[R4] a stop of all while there is no connection means what ran then, not what is asked after it', async () => {
    const { server, client, session, id, connection } = await conversation();
    connection.send(chunk(session.id, id, 0, 'so'));
    await shown(session, ({ items }) => items[1]?.text === 'so');
    connection.drop();
    await lost(client);
    session.stop();
    session.send('and this?');
    const next = await server.accept();
    await rejoined(next, session);
    expect((await next.next('run_cancel')).data).toEqual({ run_id: 'run-1' });
    expect((await next.next('chat_message')).data.content).toBe('and this?');
    await next.settled();
    expect(next.unread).toBe(0);
  });

  test('[R4] nor does one whose acknowledgement was lost', async () => {
    const { server, client, session, connection } = await conversation();
    session.stop();
    expect((await connection.next('run_cancel')).data).toEqual({});
    connection.drop();
    await lost(client);
    session.send('and this?');
    const next = await server.accept();
    await rejoined(next, session);
    expect((await next.next('run_cancel')).data).toEqual({ run_id: 'run-1' });
    await next.next('chat_message');
  });

  test('[R4] what waited when all was stopped is sent, and not stopped', async () => {
    const { server, client, session, connection } = await conversation();
    connection.drop();
    await lost(client);
    session.send('waiting');
    session.stop();
    session.send('later');
    const next = await server.accept();
    await rejoined(next, session);
    const waiting = await next.next('chat_message');
    expect((await next.next('run_cancel')).data).toEqual({ run_id: 'run-1' });
    next.send(ack(waiting, 2));
    expect((await next.next('chat_message')).data.content).toBe('later');
  });

  test('a message that waits can be taken back, and the next one goes', async () => {
    const { server, client, session, connection } = await conversation();
    connection.drop();
    await lost(client);
    const back = session.send('no');
    session.send('yes');
    session.discard(back);
    expect(texts(session.transcript.snapshot())).toEqual(['hello', '', 'yes']);
    const next = await server.accept();
    await rejoined(next, session);
    expect((await next.next('chat_message')).data.content).toBe('yes');
  });

  test('a new session whose only message was taken back is not made', async () => {
    const server = await fakeServer();
    const session = connect({ url: server.url }).session();
    session.discard(session.send('no'));
    const connection = await server.accept();
    await connection.settled();
    expect(connection.unread).toBe(0);
    session.send('yes');
    await connection.next('session_create');
    connection.send(status(session.id));
    expect((await connection.next('chat_message')).data.content).toBe('yes');
  });
});
