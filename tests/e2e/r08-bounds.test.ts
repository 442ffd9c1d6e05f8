import { describe, expect, test } from 'vitest';
import { defineAgent, echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { clientFrame, OPCODE, RawSocket } from '../helpers/raw.ts';
import { TestSocket } from '../helpers/socket.ts';

/** A chat message whose frame has exactly so many bytes. */
function sized(bytes: number, message_id = 'm-1'): string {
  const message = { type: 'chat_message', message_id, data: { content: '' } };
  message.data.content = 'x'.repeat(bytes - JSON.stringify(message).length);
  return JSON.stringify(message);
}

describe('[R8] the size of a message', () => {
  test.each([
    ['parley.v1', false, {}, 65_536],
    ['plain', true, {}, 512],
    ['parley.v1, configured', false, { maxMessageBytes: 1_000 }, 1_000],
    ['plain, configured', true, { maxPlainMessageBytes: 2_000 }, 2_000],
  ])(
    '%s: the limit is taken, one byte more is told and the connection goes on',
    async (_, plain, options, limit) => {
      const { ws } = await startGateway({ agents: [echoAgent], ...options });
      const client = await TestSocket.open(ws, { plain });
      await client.create();
      if (!plain) await client.next('presence');
      client.raw(sized(limit + 1));
      expect(await client.next()).toMatchObject({
        type: 'error',
        reply_to: 'm-1',
        data: {
          code: 'MESSAGE_TOO_LARGE',
          limit,
          retryable: false,
          message: expect.stringContaining(`${limit + 1} bytes`),
        },
      });
      client.raw(sized(limit));
      expect((await client.next('agent_response')).reply_to).toBe('m-1');
    },
  );

  test('bytes are counted, not characters', async () => {
    const { ws } = await startGateway({ agents: [echoAgent] });
    const client = await TestSocket.open(ws, { plain: true });
    client.send({ type: 'chat_message', data: { content: '€'.repeat(170) } });
    expect((await client.next()).data).toMatchObject({ code: 'MESSAGE_TOO_LARGE', limit: 512 });
  });

  test('above the hard cap the connection ends with 1009, before the message is in memory', async () => {
    const { ws } = await startGateway({ agents: [echoAgent], hardMessageBytes: 100_000 });
    const port = Number(new URL(ws).port);
    const below = await TestSocket.open(ws);
    below.raw('x'.repeat(100_000));
    expect((await below.next()).data).toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    const above = await TestSocket.open(ws);
    above.raw('x'.repeat(100_001));
    expect((await above.closed).code).toBe(1009);
    // The header alone is enough: what it announces is not waited for.
    const raw = await RawSocket.open(port);
    const frame = clientFrame(OPCODE.text, Buffer.alloc(100_001, 'x'));
    raw.write(frame.subarray(0, 14));
    await raw.closed;
    expect(raw.closeCode).toBe(1009);
    // In fragments too, as soon as they are more.
    const torn = await RawSocket.open(port);
    torn.write(clientFrame(OPCODE.text, Buffer.alloc(60_000, 'x'), false));
    torn.write(clientFrame(OPCODE.continuation, Buffer.alloc(60_000, 'x'), false));
    await torn.closed;
    expect(torn.closeCode).toBe(1009);
    expect((await below.ask('still here')).data.status).toBe('complete');
  });

  test('a message in thousands of fragments ends its connection, one in a hundred is taken', async () => {
    const { ws } = await startGateway({ agents: [echoAgent] });
    const port = Number(new URL(ws).port);
    const text = Buffer.from('{"type":"ping","message_id":"p"}'.padEnd(3_000));
    const fragments = (size: number) => {
      const frames: Buffer[] = [];
      for (let at = 0; at < text.length; at += size) {
        const piece = text.subarray(at, at + size);
        const opcode = at === 0 ? OPCODE.text : OPCODE.continuation;
        frames.push(clientFrame(opcode, piece, at + size >= text.length));
      }
      return Buffer.concat(frames);
    };
    const patient = await RawSocket.open(port);
    patient.write(fragments(30));
    await patient.until(({ frames }) => frames.length > 0);
    expect(patient.messages()).toMatchObject([{ type: 'pong' }]);
    const many = await RawSocket.open(port);
    many.write(fragments(1));
    await many.closed;
    expect([1008, 1009]).toContain(many.closeCode);
  });
});

describe('[R8] how many', () => {
  test('[R12] connections: the one too many is told so over HTTP, and may come when one has gone', async () => {
    const { ws, http } = await startGateway({ agents: [echoAgent], maxConnections: 3 });
    const open = await Promise.all([1, 2, 3].map(() => TestSocket.open(ws)));
    const refused = await RawSocket.open(Number(new URL(ws).port));
    await refused.closed;
    expect(refused.status).toBe('HTTP/1.1 503 CONNECTION_LIMIT');
    expect(refused.head).toMatch(/\r\nRetry-After: \d/);
    expect(JSON.parse(refused.body)).toMatchObject({
      status: 'error',
      error: { code: 'CONNECTION_LIMIT', retryable: true, limit: 3 },
    });
    // The others and HTTP notice nothing.
    expect((await open[0]?.ask('here'))?.data.status).toBe('complete');
    expect((await fetch(`${http}/api/health`)).status).toBe(200);
    await open[1]?.close();
    const next = await TestSocket.open(ws);
    expect((await next.ask('in')).data.content).toBe('in');
  });

  test('[R12] sessions of a connection: one too many is refused, leaving one makes room', async () => {
    const { ws } = await startGateway({ agents: [echoAgent], maxSessionsPerConnection: 2 });
    const client = await TestSocket.open(ws);
    const first = await client.create();
    await client.create();
    const third = await (await TestSocket.open(ws)).create();
    client.send({ type: 'session_join', session_id: third, message_id: 'j' });
    expect(await client.next('error')).toMatchObject({
      reply_to: 'j',
      data: { code: 'SESSION_LIMIT', limit: 2, retryable: false },
    });
    // One that it is in already it may join again.
    client.send({ type: 'session_join', session_id: first, message_id: 'again' });
    await client.find(({ type, reply_to }) => type === 'session_status' && reply_to === 'again');
    client.send({ type: 'session_leave', session_id: first });
    client.send({ type: 'session_join', session_id: third, message_id: 'j2' });
    const { data } = await client.find(({ reply_to }) => reply_to === 'j2');
    expect(data).toMatchObject({ session_id: third });
  });

  test('[R12] a session that cannot be joined is not created behind the back of who asked', async () => {
    const { ws, http } = await startGateway({ agents: [echoAgent], maxSessionsPerConnection: 1 });
    const client = await TestSocket.open(ws);
    await client.create();
    client.send({ type: 'session_create', message_id: 'c' });
    expect((await client.next('error')).data.code).toBe('SESSION_LIMIT');
    const list = (await (await fetch(`${http}/api/sessions`)).json()) as {
      data: { total: number };
    };
    expect(list.data.total).toBe(1);
  });
});

describe('[R8] the length of an answer', () => {
  const writer = (...pieces: string[]) =>
    defineAgent({
      name: 'writer',
      async *run() {
        yield* pieces;
      },
    });
  const answer = async (...pieces: string[]) => {
    const { ws } = await startGateway({ agents: [writer(...pieces)], maxAnswerLength: 10 });
    return (await (await TestSocket.open(ws)).ask('go')).data;
  };

  test('exactly as long as it may be is complete', async () => {
    expect(await answer('01234', '56789')).toMatchObject({
      status: 'complete',
      content: '0123456789',
    });
  });

  test.each([
    ['in pieces', ['01234', '56789', 'a']],
    ['in one', ['0123456789a']],
    ['across the limit', ['01234567', '89abc']],
  ])(
    '[R12] longer, %s: what fits is kept and the run ends with the limit named',
    async (_, pieces) => {
      expect(await answer(...pieces)).toMatchObject({
        status: 'error',
        code: 'ANSWER_TOO_LARGE',
        content: '0123456789',
        error: expect.stringContaining('10'),
      });
    },
  );

  test('a pair of surrogates that does not fit is left out whole', async () => {
    expect(await answer('012345678🎉')).toMatchObject({
      code: 'ANSWER_TOO_LARGE',
      content: '012345678',
    });
  });
});

test('[R8] a client that sends without reading is not read further than the server can keep up with', async () => {
  const { ws } = await startGateway({ agents: [echoAgent], messageRate: 0, byteRate: 0 });
  const port = Number(new URL(ws).port);
  const flood = await RawSocket.open(port);
  const other = await TestSocket.open(ws);
  const ping = clientFrame(OPCODE.text, Buffer.from('{"type":"ping"}'));
  for (let i = 0; i < 50; i += 1)
    flood.write(Buffer.concat(Array.from({ length: 1_000 }, () => ping)));
  const started = performance.now();
  expect((await other.ask('in between')).data.status).toBe('complete');
  expect(performance.now() - started).toBeLessThan(2_000);
  await flood.until(({ frames }) => frames.length >= 50_000);
  expect(flood.messages().every(({ type }) => type === 'pong')).toBe(true);
});
