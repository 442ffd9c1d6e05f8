import type { ServerMessage } from '@parley/protocol';
import { describe, expect, test } from 'vitest';
import { defineAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { OPCODE, RawSocket } from '../helpers/raw.ts';
import { TestSocket } from '../helpers/socket.ts';
import { View } from '../helpers/view.ts';

const HEALTHY = 50;
const STALLED = 20;
/** More than the kernel keeps for a reader that reads nothing, several times over. */
const PIECE = 'lorem ipsum '.repeat(5_000);

/** A connection that has joined, and reads nothing from now on. */
async function stall(port: number, sessionId: string): Promise<RawSocket> {
  const reader = await RawSocket.open(port);
  reader.send({ type: 'session_join', session_id: sessionId });
  await reader.until(({ frames }) => frames.length > 0);
  reader.socket.pause();
  return reader;
}

/** Reads on; resolves with the close code once the server has nothing more to say. */
async function readOn(reader: RawSocket): Promise<number> {
  reader.socket.resume();
  await reader.until(({ frames }) => frames.some(({ opcode }) => opcode === OPCODE.close));
  return reader.closeCode;
}

/** How far a stalled reader got: what it says when it comes back. */
function positionOf(reader: RawSocket): { after_seq: number; answer?: object } {
  let after_seq = 0;
  let answer:
    | { run_id?: string | undefined; attempt?: number | undefined; offset: number }
    | undefined;
  for (const message of reader.messages() as unknown as ServerMessage[]) {
    if (message.type === 'session_status' && message.data.history)
      after_seq = message.data.last_seq;
    if (message.seq !== undefined) after_seq = message.seq;
    if (message.type === 'agent_chunk') {
      const { run_id, attempt, data } = message;
      answer = { run_id, attempt, offset: data.offset + data.content.length };
    }
  }
  return answer ? { after_seq, answer } : { after_seq };
}

test(`[R8] [R6] ${STALLED} stalled readers beside ${HEALTHY} healthy ones: cut with 4409, nobody else notices, they resume`, async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({
    agents: [agent],
    maxAnswerLength: 100_000_000,
    // Long beside what fifty clients in this very process take for one piece.
    stallTimeout: 3_000,
    pingInterval: 500,
    // They answer no ping either: on a slow machine it could be that for which they are cut.
    idleTimeout: '1h',
  });
  const port = Number(new URL(ws).port);
  const author = await TestSocket.open(ws);
  const sessionId = await author.create();
  const healthy = await Promise.all(
    Array.from({ length: HEALTHY }, async () => {
      const view = new View(ws, sessionId);
      await view.join();
      return view;
    }),
  );
  const stalled = await Promise.all(Array.from({ length: STALLED }, () => stall(port, sessionId)));
  const present = (connections: number) =>
    author.find(
      (message) => message.type === 'presence' && message.data.connections === connections,
    );
  // All of them, so that what is told later of fewer is told of those that are gone.
  await present(1 + HEALTHY + STALLED);
  author.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
  const run = await next();
  let slowest = 0;
  // Each piece is with every healthy reader before the next one is written.
  for (let i = 1; i <= 100; i += 1) {
    const started = performance.now();
    await run.say(PIECE);
    await Promise.all(
      healthy.map((view) =>
        view.until(({ answer }) => (answer?.text.length ?? 0) >= i * PIECE.length),
      ),
    );
    slowest = Math.max(slowest, performance.now() - started);
  }
  await run.finish();
  await Promise.all(healthy.map((view) => view.ended(1)));
  for (const view of healthy) expect(view.log()[1]?.data).toEqual(healthy[0]?.log()[1]?.data);
  // Fifty readers of 60 kB each, and their twenty neighbours, never made anyone wait long.
  expect(slowest).toBeLessThan(1_500);

  // They are gone for everyone before they read on.
  await present(1 + HEALTHY);
  const codes = await Promise.all(stalled.map(readOn));
  expect(codes).toEqual(Array.from({ length: STALLED }, () => 4409));
  expect(healthy.every(({ socket }) => socket?.socket.readyState === 1)).toBe(true);

  // What they had is exact: with it they get the rest, and nothing else.
  for (const reader of stalled.slice(0, 3)) {
    const back = await TestSocket.open(ws);
    const data = positionOf(reader);
    back.send({ type: 'session_join', session_id: sessionId, data });
    const end = await back.next('agent_response');
    expect(end.data).toEqual(healthy[0]?.log()[1]?.data);
    const seqs = back.received.flatMap(({ seq }) => seq ?? []);
    expect(seqs).toEqual([1, 2].filter((seq) => seq > data.after_seq));
  }
}, 120_000);

describe('[R8] what waits for one reader is bounded', () => {
  test('durable events beyond maxOutboxBytes cut it at once, without waiting for the timeout', async () => {
    const { agent, next } = puppet();
    const { ws } = await startGateway({
      agents: [agent],
      maxOutboxBytes: 200_000,
      stallTimeout: '1h',
    });
    const author = await TestSocket.open(ws);
    const sessionId = await author.create();
    const reader = await stall(Number(new URL(ws).port), sessionId);
    author.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
    const run = await next();
    const gone = reader.closed;
    let cut = false;
    void gone.then(() => (cut = true));
    for (let i = 0; i < 200 && !cut; i += 1) {
      await run.say({ type: 'tool_call', id: `t-${i}`, name: 'n', arguments: { text: PIECE } });
    }
    expect(await readOn(reader)).toBe(4409);
    await run.finish();
    expect((await author.next('agent_response')).data.status).toBe('complete');
  }, 120_000);

  test('text is not queued for it: when it reads again in time it is paid in one piece, and stays', async () => {
    const { agent, next } = puppet();
    const { ws } = await startGateway({
      agents: [agent],
      maxAnswerLength: 100_000_000,
      maxOutboxBytes: 200_000,
      stallTimeout: '1h',
    });
    const author = await TestSocket.open(ws);
    const sessionId = await author.create();
    const reader = await stall(Number(new URL(ws).port), sessionId);
    // Who is there is told 100 ms after the reader has come: on a fast machine that would be behind all of this.
    await author.find(({ type, data }) => type === 'presence' && data.connections === 2);
    author.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
    const run = await next();
    let length = 0;
    // Until the kernel takes no more, and then far beyond what may wait.
    for (let i = 0; i < 200; i += 1) {
      await run.say(PIECE);
      length += PIECE.length;
    }
    reader.socket.resume();
    /** The chunks that came, and how far they reach; each begins where the one before it ends. */
    const paid = () => {
      const messages = reader.messages() as unknown as ServerMessage[];
      const chunks = messages.filter((message) => message.type === 'agent_chunk');
      let known = 0;
      for (const { data } of chunks) {
        expect(data.offset).toBe(known);
        known += data.content.length;
      }
      return { known, count: chunks.length };
    };
    await reader.until(({ bytes }) => bytes > length);
    await reader.until(() => paid().known === length);
    expect(paid().count).toBeLessThan(150);
    await run.say('the end');
    await run.finish();
    const types = () => reader.messages().map(({ type }) => type);
    await reader.until(() => types().includes('agent_response') && types().at(-1) === 'run_status');
    expect(reader.frames.some(({ opcode }) => opcode === OPCODE.close)).toBe(false);
  }, 120_000);
});

describe('[R8] [R6] who reads is not cut for how much there is to read', () => {
  const sized = defineAgent({ name: 'sized', run: ({ message }) => 'x'.repeat(Number(message)) });

  test('a log of many times maxOutboxBytes is replayed whole', async () => {
    const { ws } = await startGateway({ agents: [sized], maxOutboxBytes: 100_000 });
    const author = await TestSocket.open(ws);
    const sessionId = await author.create();
    for (let i = 0; i < 40; i += 1) await author.ask('60000');
    const reader = await TestSocket.open(ws);
    reader.send({ type: 'session_join', session_id: sessionId, data: { after_seq: 0 } });
    await reader.find((message) => message.seq === 80);
    expect(reader.received.filter(({ seq }) => seq !== undefined)).toHaveLength(80);
  });

  test('long histories of several sessions are shown one after the other', async () => {
    const { ws } = await startGateway({ agents: [sized], maxOutboxBytes: 100_000 });
    const author = await TestSocket.open(ws);
    const ids: string[] = [];
    for (let i = 0; i < 8; i += 1) {
      ids.push(await author.create());
      await author.ask('400000');
    }
    const reader = await TestSocket.open(ws);
    for (const session_id of ids) reader.send({ type: 'session_join', session_id, data: {} });
    const shown = await reader.collect('session_status', 8);
    expect(shown.map(({ session_id }) => session_id)).toEqual(ids);
  });

  test('an agent that calls tools without a pause does not cut those who keep up', async () => {
    const busy = defineAgent({
      name: 'busy',
      async *run() {
        for (let i = 0; i < 100; i += 1) {
          yield { type: 'tool_call', id: `t-${i}`, name: 'n', arguments: { text: PIECE } } as const;
        }
      },
    });
    const { ws } = await startGateway({ agents: [busy], maxOutboxBytes: 200_000 });
    const client = await TestSocket.open(ws);
    expect((await client.ask('go')).data.status).toBe('complete');
    expect(client.received.filter(({ type }) => type === 'tool_call')).toHaveLength(100);
  });
});
