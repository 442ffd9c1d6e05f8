/**
 * The page that describes the WebSocket layer which this one takes up, message by message as it
 * prints them, over `new WebSocket('ws://…/ws')` with no subprotocol; and its list of tests by name,
 * which goes on in seed-list.test.ts.
 */
import { SERVER_MESSAGE_TYPES } from '@parley/protocol';
import { describe, expect, onTestFinished, test } from 'vitest';
import { defineAgent, simulatorAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';

const chatAgent = defineAgent({ name: 'ChatAgent', run: () => 'Hello! How can I help you?' });

const SESSION_CREATE = {
  type: 'session_create',
  timestamp: '2025-01-09T10:00:00Z',
  data: { user_agent: 'WebUI Client' },
};
const CHAT_MESSAGE = {
  type: 'chat_message',
  session_id: 'session-id-here',
  timestamp: '2025-01-09T10:00:00Z',
  data: { content: 'Hello, agent!', message_type: 'text' },
};

async function plainClient(options = {}) {
  const running = await startGateway({ agents: [chatAgent, simulatorAgent], ...options });
  return { ...running, client: await TestSocket.open(running.ws, { plain: true }) };
}

describe('connection flow of the page', () => {
  test("[R11] connect, create, send, receive, with Node's own WebSocket and nothing else", async () => {
    const { ws } = await startGateway({ agents: [chatAgent] });
    const socket = new WebSocket(ws);
    onTestFinished(() => socket.close());
    const frames: Record<string, unknown>[] = [];
    const came = (type: string) =>
      new Promise<Record<string, unknown>>((resolve) => {
        socket.addEventListener('message', ({ data }) => {
          const message = JSON.parse(data);
          if (message.type === type) resolve(message);
        });
      });
    socket.addEventListener('message', ({ data }) => frames.push(JSON.parse(data)));
    await new Promise((resolve) => socket.addEventListener('open', resolve));
    expect(socket.protocol).toBe('');

    const status = came('session_status');
    socket.send(JSON.stringify(SESSION_CREATE));
    const { session_id } = await status;
    expect(session_id).toMatch(/./);

    const answer = came('agent_response');
    socket.send(JSON.stringify({ ...CHAT_MESSAGE, session_id }));
    expect(await answer).toMatchObject({
      type: 'agent_response',
      session_id,
      message_id: expect.stringMatching(/./),
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      data: {
        agent_name: 'ChatAgent',
        content: 'Hello! How can I help you?',
        status: 'complete',
      },
    });
    expect(frames.map(({ type }) => type)).toEqual(['session_status', 'agent_response']);
  });

  test('[R11] a session is created by itself for the first chat_message', async () => {
    const { client } = await plainClient();
    client.send({ type: 'chat_message', data: { content: 'Hello, agent!', message_type: 'text' } });
    const status = await client.next('session_status');
    const answer = await client.next('agent_response');
    expect(answer.session_id).toBe(status.data.session_id);
    client.send({ type: 'chat_message', data: { content: 'And again', message_type: 'text' } });
    expect((await client.next('agent_response')).session_id).toBe(status.data.session_id);
    expect(client.received.map(({ type }) => type)).toEqual([
      'session_status',
      'agent_response',
      'agent_response',
    ]);
  });

  test('[R11] empty strings for ids, as Go clients send them, mean that there is none', async () => {
    const { client } = await plainClient();
    client.send({ ...SESSION_CREATE, session_id: '', message_id: '' });
    const { session_id } = await client.next('session_status');
    client.send({ ...CHAT_MESSAGE, session_id: '', message_id: '' });
    const first = await client.next('agent_response');
    client.send({ ...CHAT_MESSAGE, session_id: '', message_id: '' });
    const second = await client.next('agent_response');
    expect([first.session_id, second.session_id]).toEqual([session_id, session_id]);
    expect(first.reply_to).not.toBe(second.reply_to);
  });
});

describe('Connection establishment: WebSocket upgrade and handshake', () => {
  test('[R11] /ws upgrades without a subprotocol and chooses none', async () => {
    const { client } = await plainClient();
    expect(client.socket.protocol).toBe('');
    client.send({ type: 'ping' });
    expect(await client.next()).toMatchObject({ type: 'pong' });
  });

  test('a client that offers parley.v1 among others gets it', async () => {
    const { ws } = await plainClient();
    const socket = new WebSocket(ws, ['other', 'parley.v1']);
    onTestFinished(() => socket.close());
    await new Promise((resolve) => socket.addEventListener('open', resolve));
    expect(socket.protocol).toBe('parley.v1');
  });

  test('another path is no WebSocket', async () => {
    const { ws } = await plainClient();
    await expect(TestSocket.open(`${ws}/other`)).rejects.toThrow('404');
  });
});

describe('Protocol compliance: message format validation', () => {
  test("[R11] only the seed's types reach a plain client, whatever goes on in its session", async () => {
    const { agent, next } = puppet();
    const { ws } = await startGateway({ agents: [agent, simulatorAgent] });
    const client = await TestSocket.open(ws, { plain: true });
    const sessionId = await client.create();
    const other = await TestSocket.open(ws);
    other.send({ type: 'session_join', session_id: sessionId });
    await other.next('presence');

    client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
    const run = await next();
    other.send({ type: 'typing', session_id: sessionId, data: { is_typing: true } });
    other.send({ type: 'session_update', session_id: sessionId, data: { title: 'Renamed' } });
    await run.say('some ');
    await run.say({ type: 'tool_call', id: 't', name: 'search', arguments: { q: 1 } });
    await run.say({ type: 'tool_result', id: 't', name: 'search', result: null });
    await run.say({ type: 'progress', agents: [], overallProgress: 0.5 });
    const decision = run.context.approve({ tool: 'rm', arguments: {} });
    const request = await other.next('approval_request');
    other.send({
      type: 'approval_response',
      session_id: sessionId,
      data: { approval_id: request.data.approval_id, approved: true },
    });
    expect(await decision).toEqual({ approved: true });
    // These two wait: the one sent here and the one sent from elsewhere.
    client.send({ type: 'chat_message', message_id: 'm-2', data: { content: 'tokens=3' } });
    expect((await client.next('system_message')).data.message).toContain('waits its turn');
    other.send({
      type: 'chat_message',
      session_id: sessionId,
      data: { content: 'from elsewhere' },
    });
    await other.next('message_ack');
    // Who joins while messages wait is not told in types that it does not know.
    const late = await TestSocket.open(ws, { plain: true });
    late.send({ type: 'session_join', session_id: sessionId });
    await late.next('session_status');
    await late.settled();
    expect(late.received.map(({ type }) => type)).toEqual(['session_status', 'pong']);
    await run.say('text');
    await run.finish();
    expect((await client.next('agent_response')).data.content).toBe('some text');
    await (await next()).finish();
    await client.next('agent_response');
    await (await next()).finish();
    await client.next('agent_response');

    const types = new Set(client.received.map(({ type }) => type));
    expect([...types].sort()).toEqual([
      'agent_progress',
      'agent_response',
      'session_status',
      'system_message',
    ]);
    for (const type of types) expect(SERVER_MESSAGE_TYPES.plain).toContain(type);
    expect(other.received.some(({ type }) => type === 'agent_chunk')).toBe(true);
  });

  test('[R11] typing without a session is nothing to complain about', async () => {
    const { client } = await plainClient();
    client.send({ type: 'typing', data: { is_typing: true } });
    client.send({ type: 'ping', message_id: 'p-1' });
    expect(await client.next()).toMatchObject({ type: 'pong', reply_to: 'p-1' });
  });

  test.each(['session_update', 'session_leave', 'run_cancel', 'approval_response', 'auth'])(
    '[R11] %s does not exist without the subprotocol',
    async (type) => {
      const { client } = await plainClient();
      client.send({ type, message_id: 'x', data: {} });
      expect(await client.next()).toMatchObject({
        type: 'error',
        reply_to: 'x',
        data: { code: 'UNKNOWN_MESSAGE_TYPE' },
      });
    },
  );
});

describe('Chat flow: end-to-end message exchange', () => {
  test('[R11] a plain client gets one agent_response, whole and complete', async () => {
    const { client } = await plainClient();
    await client.create({ agent_name: 'simulator' });
    const answer = await client.ask('tokens=200 tool=search agents=2');
    expect(answer.data.status).toBe('complete');
    expect(answer.data.content).toMatch(/^t1 t2 .* t200 $/);
    const answers = client.received.filter(({ type }) => type === 'agent_response');
    expect(answers).toHaveLength(1);
  });

  test('[R11] joining later brings the history with original ids, roles and times', async () => {
    const { client, ws } = await plainClient();
    const sessionId = await client.create();
    const answer = await client.ask('Hello, agent!', { message_id: 'm-1' });
    const late = await TestSocket.open(ws, { plain: true });
    late.send({ type: 'session_join', session_id: sessionId, data: {} });
    const { data } = await late.next('session_status');
    expect(data.history).toMatchObject([
      { role: 'user', content: 'Hello, agent!', message_id: 'm-1', seq: 1 },
      {
        role: 'assistant',
        content: 'Hello! How can I help you?',
        message_id: answer.message_id,
        timestamp: answer.timestamp,
        seq: 2,
      },
    ]);
    expect(data).toMatchObject({ message_count: 2, first_seq: 1, last_seq: 2, has_more: false });
  });

  test('[R11] session_join takes the id in data as well as in the envelope', async () => {
    const { client, ws } = await plainClient();
    const sessionId = await client.create();
    const late = await TestSocket.open(ws, { plain: true });
    late.send({ type: 'session_join', data: { session_id: sessionId } });
    expect((await late.next('session_status')).data.session_id).toBe(sessionId);
  });

  test('[R11] joining another session leaves the first', async () => {
    const { client, ws } = await plainClient();
    const first = await client.create();
    const second = await client.create();
    client.send({ type: 'session_join', session_id: first, data: {} });
    await client.next('session_status');
    client.send({ type: 'session_join', session_id: second, data: {} });
    await client.next('session_status');
    const other = await TestSocket.open(ws, { plain: true });
    other.send({ type: 'session_join', session_id: first, data: {} });
    await other.ask('Is anyone here?');
    expect((await client.ask('Here.')).session_id).toBe(second);
    const heard = client.received.filter(({ type }) => type === 'agent_response');
    expect(heard.map(({ session_id }) => session_id)).toEqual([second]);
  });

  test('[R11] a join that is refused changes nothing: the client stays where it was', async () => {
    const { client } = await plainClient();
    const sessionId = await client.create();
    client.send({ type: 'session_join', session_id: 'nowhere', data: {} });
    expect((await client.next('error')).data.code).toBe('SESSION_NOT_FOUND');
    const answer = await client.ask('Still here?');
    expect(answer.session_id).toBe(sessionId);
  });
});
