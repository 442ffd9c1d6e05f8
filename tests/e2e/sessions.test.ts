import type { ServerMessage, ServerMessageOf } from '@parley/protocol';
import { describe, expect, test } from 'vitest';
import { defineAgent, echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';

const shout = defineAgent({ name: 'shout', run: ({ message }) => message.toUpperCase() });

async function two() {
  const { ws, http } = await startGateway({ agents: [echoAgent, shout] });
  const one = await TestSocket.open(ws);
  const sessionId = await one.create();
  const other = await TestSocket.open(ws);
  other.send({ type: 'session_join', session_id: sessionId });
  await other.next('session_status');
  return { ws, http, one, other, sessionId };
}

type Status = ServerMessageOf<'session_status'>;
const statusWith =
  (fits: (data: Status['data']) => boolean) =>
  (message: ServerMessage): message is Status =>
    message.type === 'session_status' && fits(message.data);

describe('session_update', () => {
  test('a new title is told to everyone, acknowledged, and kept', async () => {
    const { ws, one, other, sessionId } = await two();
    one.send({ type: 'session_update', message_id: 'u', data: { title: '  Plans  ' } });
    await one.find(({ type, reply_to }) => type === 'message_ack' && reply_to === 'u');
    const told = await other.find(statusWith(({ title }) => title === 'Plans'));
    expect(told.data).not.toHaveProperty('history');
    const late = await TestSocket.open(ws);
    late.send({ type: 'session_join', session_id: sessionId });
    expect((await late.next('session_status')).data.title).toBe('Plans');
    // A title that a person gave is not replaced by one made from a message.
    await one.ask('hello');
    late.send({ type: 'session_join', session_id: sessionId });
    expect((await late.next('session_status')).data.title).toBe('Plans');
  });

  test('another agent answers from then on', async () => {
    const { one, other } = await two();
    expect((await one.ask('quiet')).data.content).toBe('quiet');
    other.send({ type: 'session_update', message_id: 'u', data: { agent_name: 'shout' } });
    await other.find(({ reply_to }) => reply_to === 'u');
    await one.find(statusWith(({ agent_name }) => agent_name === 'shout'));
    expect((await one.ask('loud')).data).toMatchObject({ agent_name: 'shout', content: 'LOUD' });
    // One message may ask another one.
    const asked = await one.ask('quiet', { data: { agent_name: 'echo' } });
    expect(asked.data).toMatchObject({ agent_name: 'echo', content: 'quiet' });
  });

  test('an agent that there is not changes nothing', async () => {
    const { one, other } = await two();
    one.send({ type: 'session_update', message_id: 'u', data: { title: 'T', agent_name: 'x' } });
    expect(await one.next('error')).toMatchObject({
      reply_to: 'u',
      data: { code: 'AGENT_NOT_FOUND', details: expect.stringContaining('shout') },
    });
    await other.settled();
    expect(other.received.filter(({ type }) => type === 'session_status')).toHaveLength(1);
  });
});

describe('the title', () => {
  test.each([
    ['Short and sweet', 'Short and sweet'],
    ['  first line \n second line', 'first line'],
    [`${'word '.repeat(30)}`, `${'word '.repeat(12).trim()}…`],
    ['```ts\nconst sea = 1;\n```', 'const sea = 1;'],
    ['---\n# Harbours', '# Harbours'],
    ['```\n```', '```'],
    ['x'.repeat(100), `${'x'.repeat(60)}…`],
    [`${'x'.repeat(59)}🎉🎉`, `${'x'.repeat(59)}…`],
  ])('comes from the first message: %j', async (content, expected) => {
    const { one } = await two();
    one.send({ type: 'chat_message', data: { content } });
    const { data } = await one.find(statusWith(({ title }) => title !== null));
    expect(data.title).toBe(expected);
  });
});

describe('deletion', () => {
  test('everyone in it is told, runs stop, and it is gone', async () => {
    const { agent, next } = puppet();
    const { ws, http } = await startGateway({ agents: [agent] });
    const one = await TestSocket.open(ws);
    const sessionId = await one.create();
    const plain = await TestSocket.open(ws, { plain: true });
    plain.send({ type: 'session_join', session_id: sessionId });
    await plain.next('session_status');
    one.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
    const run = await next();
    await run.say('some');
    const response = await fetch(`${http}/api/sessions/${sessionId}`, { method: 'DELETE' });
    expect(response.status).toBe(200);
    await run.aborted;
    void run.say(' more');
    const told = await one.find(statusWith(({ status }) => status === 'deleted'));
    expect(told.data.session_id).toBe(sessionId);
    expect((await plain.next('session_status')).data.status).toBe('deleted');
    for (const socket of [one, plain]) {
      socket.send({ type: 'chat_message', session_id: sessionId, data: { content: 'anyone?' } });
      expect((await socket.next('error')).data.code).toBe('SESSION_NOT_FOUND');
    }
    expect(one.received.filter(({ type }) => type === 'agent_chunk')).toHaveLength(1);
    // Without naming one, a new session begins.
    one.send({ type: 'chat_message', message_id: 'm-2', data: { content: 'again' } });
    const fresh = await one.next('session_status');
    expect(fresh.data.session_id).not.toBe(sessionId);
    await (await next()).finish();
  });
});

describe('session_leave', () => {
  test('nothing of the session comes any more, and others see who is still there', async () => {
    const { one, other, sessionId } = await two();
    await one.find((m) => m.type === 'presence' && m.data.connections === 2);
    other.send({ type: 'session_leave', message_id: 'l' });
    await other.find(({ type, reply_to }) => type === 'message_ack' && reply_to === 'l');
    const heard = other.received.length;
    await one.find((m) => m.type === 'presence' && m.data.connections === 1);
    await one.ask('hello');
    await other.settled();
    expect(other.received.slice(heard).map(({ type }) => type)).toEqual(['pong']);
    other.send({ type: 'typing', session_id: sessionId });
    expect((await other.next('error')).data.code).toBe('NO_SESSION');
    other.send({ type: 'session_leave' });
    expect((await other.next('error')).data.code).toBe('NO_SESSION');
  });
});

describe('typing and presence', () => {
  test('others are told that somebody writes and stops; whoever writes is not', async () => {
    const { one, other, sessionId } = await two();
    one.send({ type: 'typing', session_id: sessionId });
    expect(await other.next('typing')).toMatchObject({
      session_id: sessionId,
      data: { sender: 'local', is_typing: true },
    });
    one.send({ type: 'typing', data: { is_typing: false } });
    expect((await other.next('typing')).data.is_typing).toBe(false);
    await one.settled();
    expect(one.received.some(({ type }) => type === 'typing')).toBe(false);
  });

  test('who is here is told when it changes, each person once with their connections', async () => {
    const { ws, one, other, sessionId } = await two();
    const count = (connections: number) => (m: ServerMessage) =>
      m.type === 'presence' && m.data.connections === connections;
    const told = (await one.find(count(2))) as ServerMessageOf<'presence'>;
    expect(told.data.participants).toEqual([{ id: 'local', connections: 2 }]);
    const plain = await TestSocket.open(ws, { plain: true });
    plain.send({ type: 'session_join', session_id: sessionId });
    await one.find(count(3));
    other.cut();
    plain.cut();
    await one.find(count(1));
  });

  test('who is alone is told so right behind what the session is', async () => {
    const { ws } = await two();
    const client = await TestSocket.open(ws);
    client.send({ type: 'session_create' });
    client.send({ type: 'ping' });
    await client.next('pong');
    const types = client.received.map(({ type }) => type);
    expect(types).toEqual(['session_status', 'presence', 'pong']);
  });

  test('[R8] many who come at once are one notice, not one for each', async () => {
    const { ws, one, sessionId } = await two();
    await one.find((m) => m.type === 'presence' && m.data.connections === 2);
    const before = one.received.length;
    const crowd = await Promise.all(Array.from({ length: 60 }, () => TestSocket.open(ws)));
    for (const socket of crowd) socket.send({ type: 'session_join', session_id: sessionId });
    await one.find((m) => m.type === 'presence' && m.data.connections === 62);
    const notices = one.received.slice(before).filter(({ type }) => type === 'presence');
    expect(notices.length).toBeLessThan(20);
  });
});

test('a session is created with an id that its client chose, and creating it again returns it', async () => {
  const { ws } = await two();
  const client = await TestSocket.open(ws);
  const create = { type: 'session_create', session_id: 'chosen-1', data: { title: 'Mine' } };
  client.send(create);
  expect((await client.next('session_status')).data).toMatchObject({ session_id: 'chosen-1' });
  await client.ask('hello');
  client.send({ ...create, message_id: 'again' });
  const again = await client.find(
    (m): m is Status => m.type === 'session_status' && m.reply_to === 'again',
  );
  expect(again.data).toMatchObject({ session_id: 'chosen-1', title: 'Mine', last_seq: 2 });
});
