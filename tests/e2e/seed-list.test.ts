/** The rest of the page's list of tests; it begins in seed.test.ts. */
import { createMessage, decode } from '@parley/protocol';
import { describe, expect, test } from 'vitest';
import { defineAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
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
  const running = await startGateway({ agents: [chatAgent], ...options });
  return { ...running, client: await TestSocket.open(running.ws, { plain: true }) };
}

describe('Ping/pong: heartbeat mechanism', () => {
  test('[R11] ping is answered with pong, naming what it answers', async () => {
    const { client } = await plainClient();
    client.send({ type: 'ping', message_id: 'p-1', timestamp: '2025-01-09T10:00:00Z', data: {} });
    expect(await client.next()).toMatchObject({ type: 'pong', reply_to: 'p-1', data: {} });
  });

  test('[R11] a ping of the protocol is answered with a pong of the protocol', async () => {
    const { client } = await plainClient();
    const pong = new Promise((resolve) => client.socket.once('pong', resolve));
    client.socket.ping('beat');
    expect(String(await pong)).toBe('beat');
  });
});

describe('Error handling: invalid message handling', () => {
  test.each([
    ['{not json', 'INVALID_JSON'],
    ['[]', 'INVALID_MESSAGE'],
    ['{"type":"no_such_type","data":{}}', 'UNKNOWN_MESSAGE_TYPE'],
    ['{"type":"chat_message","data":{}}', 'INVALID_MESSAGE'],
    ['{"type":"session_join","data":{}}', 'NO_SESSION'],
    ['{"type":"session_join","session_id":"nowhere","data":{}}', 'SESSION_NOT_FOUND'],
    ['{"type":"chat_message","session_id":"nowhere","data":{"content":"x"}}', 'SESSION_NOT_FOUND'],
  ])('[R11] [R12] %s is answered with %s and the connection goes on', async (frame, code) => {
    const { client } = await plainClient();
    client.raw(frame);
    expect((await client.next()).data).toMatchObject({ code, retryable: false });
    expect((await client.ask('Still there?')).data.status).toBe('complete');
  });

  test('[R8] [R11] 512 bytes are taken, 513 are told their size, the limit and the way', async () => {
    const { client } = await plainClient();
    const sized = (bytes: number) => {
      const message = { type: 'chat_message', message_id: 'm-1', data: { content: '' } };
      message.data.content = 'x'.repeat(bytes - JSON.stringify(message).length);
      return message;
    };
    client.send(sized(513));
    const refusal = await client.next();
    expect(refusal).toMatchObject({
      type: 'error',
      reply_to: 'm-1',
      data: { code: 'MESSAGE_TOO_LARGE', limit: 512, retryable: false },
    });
    const { message } = (refusal as { data: { message: string } }).data;
    expect(message).toContain('513 bytes');
    expect(message).toContain('512 bytes');
    expect(message).toContain('parley.v1');
    expect(message).toContain('maxPlainMessageBytes');
    client.send(sized(512));
    expect((await client.next('agent_response')).reply_to).toBe('m-1');
  });
});

describe('Connection manager: lifecycle operations', () => {
  test('counts what is open, and forgets what has gone, however it went', async () => {
    const { http, ws, client } = await plainClient();
    const count = async () => {
      const metrics = await (await fetch(`${http}/metrics`)).text();
      return Number(/^parley_connections (\d+)$/m.exec(metrics)?.[1]);
    };
    expect(await count()).toBe(1);
    const second = await TestSocket.open(ws);
    const third = await TestSocket.open(ws);
    expect(await count()).toBe(3);
    await second.close();
    third.cut();
    await expect.poll(count, { interval: 5 }).toBe(1);
    client.cut();
    await expect.poll(count, { interval: 5 }).toBe(0);
  });

  test('many connections at once, each with its own answer', async () => {
    const { ws } = await plainClient();
    const clients = await Promise.all(
      Array.from({ length: 50 }, () => TestSocket.open(ws, { plain: true })),
    );
    const answers = await Promise.all(clients.map((client, n) => client.ask(`Hello from ${n}`)));
    expect(new Set(answers.map(({ session_id }) => session_id)).size).toBe(50);
    expect(answers.every(({ data }) => data.status === 'complete')).toBe(true);
  });
});

describe('Message helpers: creation and parsing, and validation', () => {
  // In depth: tests/protocol.
  test('message creation helpers', () => {
    const message = createMessage('pong', {}, { reply_to: 'p-1' });
    expect(message).toMatchObject({ type: 'pong', reply_to: 'p-1', data: {} });
    expect(Date.parse(message.timestamp)).toBeLessThanOrEqual(Date.now());
  });

  test('message parsing', () => {
    expect(decode(JSON.stringify(SESSION_CREATE), 'plain')).toEqual({
      ok: true,
      message: SESSION_CREATE,
    });
    expect(decode(JSON.stringify(CHAT_MESSAGE), 'plain')).toEqual({
      ok: true,
      message: CHAT_MESSAGE,
    });
  });

  test('message validation', () => {
    expect(decode('{"type":"chat_message","data":{"content":""}}', 'plain').ok).toBe(false);
    expect(decode('{"type":"chat_message","data":{"content":" x"}}', 'plain').ok).toBe(true);
  });
});
