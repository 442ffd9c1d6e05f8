import { randomUUID } from 'node:crypto';
import { type SessionEvent, toHistoryEntry } from '@parley/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connect, conversation, rejoined, type Shown, shown, texts } from './conversation.ts';
import { ack, answered, chunk, fakeServer, refusal, said, status } from './fake-server.ts';

// Full jitter at its lowest: who was cut comes back at once.
beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(0));
afterEach(() => void vi.restoreAllMocks());

describe('a new session', () => {
  test('is made with the first message, under an id of the client', async () => {
    const server = await fakeServer();
    const client = connect({ url: server.url });
    const session = client.session();
    const connection = await server.accept();
    await connection.settled();
    expect(connection.unread).toBe(0);

    const id = session.send('hello', { agent: 'guide' });
    const create = await connection.next('session_create');
    expect(create.session_id).toBe(session.id);
    expect(create.data).toEqual({ agent_name: 'guide' });
    connection.send(status(session.id));
    const message = await connection.next('chat_message');
    expect(message).toEqual({
      type: 'chat_message',
      session_id: session.id,
      message_id: id,
      data: { content: 'hello', message_type: 'text', agent_name: 'guide' },
    });
  });

  test('[R3] is asked for again under the same id when its status was lost', async () => {
    const server = await fakeServer();
    const session = connect({ url: server.url }).session();
    session.send('hello');
    const first = await server.accept();
    await first.next('session_create');
    first.drop();

    const second = await server.accept();
    expect((await second.next('session_create')).session_id).toBe(session.id);
  });

  test('the token goes first', async () => {
    const server = await fakeServer();
    connect({ url: server.url, token: 'secret' }).session(randomUUID());
    const connection = await server.accept();
    expect((await connection.next('auth')).data).toEqual({ token: 'secret' });
    await connection.next('session_join');
  });
});

describe('[R6] resume', () => {
  test('a first join asks for the newest page and the running answer', async () => {
    const server = await fakeServer();
    const id = randomUUID();
    const session = connect({ url: server.url }).session(id);
    const connection = await server.accept();
    expect((await connection.next('session_join')).data).toEqual({});
    const history = [toHistoryEntry(said(id, 41, 'earlier') as SessionEvent)];
    connection.send(
      status(id, {
        history,
        last_seq: 41,
        has_more: true,
        answer: {
          run_id: 'run-41',
          attempt: 1,
          message_id: 'answer-41',
          reply_to: 'message-41',
          agent_name: 'echo',
          offset: 0,
          content: 'so far',
        },
      }),
    );
    const snapshot = await shown(session, ({ items }) => items.length === 2);
    expect(texts(snapshot)).toEqual(['earlier', 'so far']);
    expect(snapshot.hasMore).toBe(true);
    expect(session.transcript.lastSeq).toBe(41);
  });

  test('a later join says the last seq and how much of which attempt is there', async () => {
    const { server, session, id, connection } = await conversation();
    connection.send(chunk(session.id, id, 0, 'par', { attempt: 2 }));
    await shown(session, (snapshot) => texts(snapshot).includes('par'));
    connection.drop();

    const next = await server.accept();
    const join = await rejoined(next, session);
    expect(join.data).toEqual({
      after_seq: 1,
      answer: { run_id: 'run-1', attempt: 2, offset: 3 },
    });
    next.send(chunk(session.id, id, 3, 'ley', { attempt: 2 }));
    next.send(answered(session.id, id, 2, 'parley'));
    const snapshot = await shown(session, ({ items }) => items[1]?.status === 'complete');
    expect(texts(snapshot)).toEqual(['hello', 'parley']);
  });

  test('a message of oneself that is replayed is shown once', async () => {
    const server = await fakeServer();
    const session = connect({ url: server.url }).session();
    const id = session.send('hello');
    const first = await server.accept();
    await first.next('session_create');
    first.send(status(session.id));
    await first.next('chat_message');
    first.drop();

    const second = await server.accept();
    const join = await second.next('session_join');
    expect(join.data).toEqual({ after_seq: 0 });
    second.send(status(session.id, { last_seq: 1 }));
    second.send({ ...said(session.id, 1, 'hello'), message_id: id } as SessionEvent);
    const again = await second.next('chat_message');
    expect(again.message_id).toBe(id);
    second.send(ack(again, 1));
    await second.settled();
    expect(texts(session.transcript.snapshot())).toEqual(['hello', '']);
  });

  test('what cannot be resumed is dropped and loaded anew', async () => {
    const { server, session, connection } = await conversation();
    connection.drop();
    const next = await server.accept();
    await next.next('session_join');
    const history = [toHistoryEntry(said(session.id, 2_000, 'much later') as SessionEvent)];
    next.send(status(session.id, { reset: true, history, last_seq: 2_000, has_more: true }));
    const snapshot = await shown(session, ({ hasMore }) => hasMore);
    expect(texts(snapshot)).toEqual(['much later', '']);
    expect(session.transcript.lastSeq).toBe(2_000);
  });

  test('a hole in what comes is asked for', async () => {
    const { session, connection } = await conversation();
    connection.send(said(session.id, 3, 'third'));
    const join = await connection.next('session_join');
    expect(join.data).toEqual({ after_seq: 1 });
    connection.send(status(session.id, { last_seq: 3 }));
    connection.send(said(session.id, 2, 'second'));
    connection.send(said(session.id, 3, 'third'));
    await shown(session, (snapshot) => texts(snapshot).includes('second'));
    await connection.settled();
    expect(texts(session.transcript.snapshot())).toEqual(['hello', '', 'second', '', 'third', '']);
    expect(connection.unread).toBe(0);
  });
});

describe('a session that is not there', () => {
  test('[R12] is refused in words, with what was to be sent', async () => {
    const server = await fakeServer();
    const session = connect({ url: server.url }).session(randomUUID());
    session.send('hello');
    const connection = await server.accept();
    const join = await connection.next('session_join');
    connection.send(refusal(join, { code: 'SESSION_NOT_FOUND', retryable: false }));
    const snapshot = await shown(session, (each) => each.status === 'refused');
    expect(snapshot.problem?.code).toBe('SESSION_NOT_FOUND');
    await connection.settled();
    expect(session.transcript.snapshot().items[0]?.status).toBe('failed');
  });

  test('a refusal for now is tried again', async () => {
    const server = await fakeServer();
    const session = connect({ url: server.url }).session(randomUUID());
    const connection = await server.accept();
    const join = await connection.next('session_join');
    connection.send(
      refusal(join, { code: 'STORE_UNAVAILABLE', retryable: true, retry_after_ms: 1 }),
    );
    await connection.next('session_join');
    expect(session.isWaiting).toBe(true);
    connection.send(status(session.id));
    await shown(session, (each) => each.status === 'active');
    expect(session.isWaiting).toBe(false);
  });

  test('a deleted one stays readable, and nothing is sent to it', async () => {
    const { server, session, connection } = await conversation();
    connection.send(status(session.id, { status: 'deleted' }));
    await shown(session, (each) => each.status === 'deleted');
    session.send('too late');
    expect(session.transcript.snapshot().items.at(-1)?.status).toBe('failed');
    connection.drop();
    const next = await server.accept();
    await next.settled();
    expect(next.unread).toBe(0);
    expect(texts(session.transcript.snapshot())).toContain('hello');
  });
});

describe('[R7] one that is deleted', () => {
  test('by this client is gone at once, whenever the server says so over the connection', async () => {
    const server = await fakeServer();
    const fetch = async () => Response.json({ status: 'success', data: {} });
    const client = connect({ url: server.url, fetch });
    const session = client.session('of-mine');
    const connection = await server.accept();
    await rejoined(connection, session);
    await shown(session, ({ status }) => status === 'active');
    await client.sessions.delete(session.id);
    expect(session.transcript.snapshot().status).toBe('deleted');
    const late = session.send('anybody here?');
    expect(session.transcript.message(late)).toMatchObject({
      status: 'failed',
      problem: { code: 'SESSION_NOT_FOUND' },
    });
  });
});

test('several sessions share the connection and stay apart', async () => {
  const server = await fakeServer();
  const client = connect({ url: server.url });
  const [a, b] = [client.session(randomUUID()), client.session(randomUUID())];
  expect(client.session(a.id)).toBe(a);
  const connection = await server.accept();
  await rejoined(connection, a);
  await rejoined(connection, b);
  connection.send(said(b.id, 1, 'for b'));
  await shown(b, (snapshot) => texts(snapshot).includes('for b'));
  expect(texts(a.transcript.snapshot())).toEqual([]);

  a.leave();
  expect((await connection.next('session_leave')).session_id).toBe(a.id);
  connection.drop();
  const next = await server.accept();
  expect((await next.next('session_join')).session_id).toBe(b.id);
  await next.settled();
  expect(next.unread).toBe(0);
});

test('title, typing and presence are told', async () => {
  const { session, connection } = await conversation();
  session.rename('Greetings');
  const update = await connection.next('session_update');
  expect(update.data).toEqual({ title: 'Greetings' });
  connection.send(status(session.id, { title: 'Greetings', last_seq: 1 }));
  const envelope = { session_id: session.id, timestamp: new Date().toISOString() };
  connection.send({
    ...envelope,
    type: 'presence',
    data: { participants: [{ id: 'ann', connections: 2 }], connections: 2 },
  });
  connection.send({ ...envelope, type: 'typing', data: { sender: 'ann', is_typing: true } });
  const snapshot = await shown(session, ({ typing }) => typing.length > 0);
  expect(snapshot).toMatchObject({ title: 'Greetings', connections: 2, typing: ['ann'] });

  connection.send({
    ...envelope,
    type: 'presence',
    data: { participants: [{ id: 'bob', connections: 1 }], connections: 1 },
  });
  await shown(session, ({ typing }) => typing.length === 0);

  session.typing();
  session.typing();
  session.typing(false);
  expect((await connection.next('typing')).data.is_typing).toBe(true);
  expect((await connection.next('typing')).data.is_typing).toBe(false);
});

describe('the agent of a session', () => {
  test('is changed for everyone in it', async () => {
    const { session, connection } = await conversation();
    session.changeAgent('guide');
    const update = await connection.next('session_update');
    expect(update).toMatchObject({ session_id: session.id, data: { agent_name: 'guide' } });
    connection.send(status(session.id, { agent_name: 'guide', last_seq: 1 }));
    await shown(session, ({ agent }) => agent === 'guide');
  });

  test('is the one that was chosen before the session was made', async () => {
    const server = await fakeServer();
    const session = connect({ url: server.url }).session();
    session.changeAgent('guide');
    session.send('hello');
    const connection = await server.accept();
    expect((await connection.next('session_create')).data).toEqual({ agent_name: 'guide' });
    connection.send(status(session.id, { agent_name: 'guide' }));
    expect((await connection.next('chat_message')).data).toEqual({
      content: 'hello',
      message_type: 'text',
    });
  });

  test('is not asked where one asks again and names another', async () => {
    const { session, id, connection } = await conversation();
    session.retry(id, undefined, 'guide');
    expect((await connection.next('chat_message')).data).toMatchObject({
      content: 'hello',
      agent_name: 'guide',
      replaces: id,
    });
  });
});

test('an approval is asked, shown and decided', async () => {
  const { session, id, connection } = await conversation();
  const ask = (seq: number, decision: 'pending' | 'approved') =>
    connection.send({
      type: 'approval_request',
      session_id: session.id,
      message_id: `approval-${seq}`,
      reply_to: id,
      run_id: 'run-1',
      timestamp: new Date().toISOString(),
      seq,
      data: {
        agent_name: 'echo',
        approval_id: 'approval-1',
        tool_name: 'delete',
        arguments: { path: '/' },
        offset: 0,
        status: decision,
      },
    });
  const step = (snapshot: Shown) => {
    const answer = snapshot.items[1];
    return answer?.kind === 'answer' ? answer.steps[0] : undefined;
  };
  ask(2, 'pending');
  await shown(session, (snapshot) => step(snapshot)?.kind === 'approval');
  session.decide('approval-1', true);
  const response = await connection.next('approval_response');
  expect(response.data).toEqual({ approval_id: 'approval-1', approved: true });
  ask(3, 'approved');
  const snapshot = await shown(session, (each) => {
    const decided = step(each);
    return decided?.kind === 'approval' && decided.status === 'approved';
  });
  expect(snapshot.items).toHaveLength(2);
});
