/** Compressed messages (RFC 7692): what is agreed on, what a small one may become, and that nothing overtakes. */
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createGateway, echoAgent } from '../../packages/gateway/src/index.ts';
import { openPage } from '../helpers/browser.ts';
import { startGateway } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { clientFrame, OPCODE, RawSocket } from '../helpers/raw.ts';
import { TestSocket } from '../helpers/socket.ts';
import { View } from '../helpers/view.ts';
import { collectGarbage, forgedFrame, GOES_ON, type Outcome, startTarget } from './target.ts';

/** By a connection that sends and receives compressed messages, bytes. */
const MOST_HELD = 150_000;

const { agent, next } = puppet();
const target = startTarget({
  compression: 'on',
  agents: [echoAgent, agent],
  messageRate: 0,
  byteRate: 0,
});
const EXTENSION = 'Sec-WebSocket-Extensions';
const OFFER = { [EXTENSION]: 'permessage-deflate; client_max_window_bits' };

function deflate(text: string | Buffer): Buffer {
  return deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

function inflate(payload: Buffer): string {
  return inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]), {
    finishFlush: constants.Z_SYNC_FLUSH,
  }).toString();
}

/** A whole compressed message, or the first part of one. */
const compressed = (payload: Buffer, fin = true) =>
  forgedFrame({ opcode: OPCODE.text, reserved: 4, fin, payload });
const more = (payload: Buffer, fin = true) => clientFrame(OPCODE.continuation, payload, fin);

async function open(headers: Record<string, string> = OFFER): Promise<RawSocket> {
  return RawSocket.open(target.port, { headers });
}

const agreed = ({ head }: RawSocket) => /sec-websocket-extensions: (.*)/i.exec(head)?.[1];

describe('negotiation', () => {
  const BOTH = 'server_no_context_takeover; client_no_context_takeover';
  const OFFERS: [string, string | undefined][] = [
    ['permessage-deflate', `permessage-deflate; ${BOTH}`],
    ['permessage-deflate; client_max_window_bits', `permessage-deflate; ${BOTH}`],
    ['x-webkit-deflate-frame', undefined],
    ['permessage-bzip2, permessage-deflate', `permessage-deflate; ${BOTH}`],
    [
      'permessage-deflate; server_max_window_bits=12; client_max_window_bits=12',
      'permessage-deflate; server_max_window_bits=12; client_max_window_bits=12',
    ],
  ];
  test.each(OFFERS)('%s', async (offer, expected) => {
    const raw = await open({ [EXTENSION]: offer });
    expect(raw.status).toBe('HTTP/1.1 101 Switching Protocols');
    const parts = (text: string | undefined) => text?.split('; ').sort();
    const all = expected?.includes('takeover') === false ? `${expected}; ${BOTH}` : expected;
    expect(parts(agreed(raw))).toEqual(parts(all));
  });

  test('not offered, not agreed on', async () => {
    expect(agreed(await open({}))).toBeUndefined();
  });

  const WRONG = [
    'permessage-deflate; nonsense',
    'permessage-deflate; server_max_window_bits=7',
    'permessage-deflate; server_max_window_bits=16',
    'permessage-deflate; client_max_window_bits=x',
    'permessage-deflate; server_no_context_takeover=1',
    'permessage-deflate; client_max_window_bits; client_max_window_bits',
    'permessage-deflate;',
    '=,;',
    `permessage-deflate; ${'x'.repeat(5_000)}`,
    '__proto__; constructor=1, permessage-deflate; toString',
  ].map((offer) => [offer.slice(0, 80), offer] as const);
  test.each(WRONG)('[R12] %s is refused with words', async (_, offer) => {
    const raw = await open({ [EXTENSION]: offer });
    expect(raw.status).toBe('HTTP/1.1 400 INVALID_MESSAGE');
    expect(JSON.parse(raw.body).message).toContain('Sec-WebSocket-Extensions');
  });

  test('off by default: whatever is offered is not taken', async () => {
    const { ws } = await startGateway();
    const { port } = new URL(ws);
    for (const offer of ['permessage-deflate', 'permessage-deflate; nonsense']) {
      const raw = await RawSocket.open(Number(port), { headers: { [EXTENSION]: offer } });
      expect([raw.status, agreed(raw)]).toEqual(['HTTP/1.1 101 Switching Protocols', undefined]);
    }
  });
});

describe('what goes out', () => {
  const ask = (raw: RawSocket, content: string) =>
    raw.send({ type: 'chat_message', message_id: 'm', data: { content, agent_name: 'echo' } });
  const end = (raw: RawSocket) =>
    raw.frames.find((frame) =>
      (frame.compressed ? inflate(frame.payload) : frame.payload.toString()).includes(
        '"agent_response"',
      ),
    );

  test.each([
    ['small: as it is', 100, OFFER, false],
    ['1 kB and more: compressed', 1_024, OFFER, true],
    ['not agreed on: as it is', 10_000, {}, false],
    [
      'to who takes a window smaller than ours: as it is',
      10_000,
      { [EXTENSION]: 'permessage-deflate; server_max_window_bits=10' },
      false,
    ],
  ])('%s', async (_, length, headers, expected) => {
    const raw = await open(headers as Record<string, string>);
    ask(raw, 'ab'.repeat(length / 2));
    await raw.until((socket) => end(socket) !== undefined);
    expect(end(raw)?.compressed).toBe(expected);
    if (expected) expect(end(raw)?.payload.length).toBeLessThan(length / 2);
  });
});

const ping = '{"type":"ping"}';
/** A MiB of zeros in 1 kB, to be repeated: what went before is in the window. */
const mebibyte = deflateRawSync(Buffer.alloc(1_048_576), { finishFlush: constants.Z_SYNC_FLUSH });
const bomb = (mebibytes: number) => Buffer.concat(Array<Buffer>(mebibytes).fill(mebibyte));
const small = deflate(ping);

describe('[R8] [R9] what comes in', () => {
  const MESSAGES: [string, Buffer, Outcome][] = [
    ['a message', compressed(small), GOES_ON],
    ['one that is not compressed', clientFrame(OPCODE.text, Buffer.from(ping)), GOES_ON],
    ['an empty one', compressed(Buffer.from([0])), GOES_ON],
    ['a payload of nothing', compressed(Buffer.alloc(0)), GOES_ON],
    [
      'in two parts',
      Buffer.concat([compressed(small.subarray(0, 3), false), more(small.subarray(3))]),
      GOES_ON,
    ],
    [
      'byte by byte',
      Buffer.concat([
        compressed(small.subarray(0, 1), false),
        ...Array.from(small.subarray(1), (byte) => more(Buffer.from([byte]), false)),
        more(Buffer.alloc(0)),
      ]),
      GOES_ON,
    ],
    [
      'a ping between its parts',
      Buffer.concat([
        compressed(small.subarray(0, 3), false),
        clientFrame(OPCODE.ping, Buffer.alloc(0)),
        more(small.subarray(3)),
      ]),
      GOES_ON,
    ],
    [
      'the mark on a later part',
      Buffer.concat([
        compressed(small.subarray(0, 3), false),
        forgedFrame({ opcode: OPCODE.continuation, reserved: 4, payload: small.subarray(3) }),
      ]),
      1002,
    ],
    ['the mark on a ping', forgedFrame({ opcode: OPCODE.ping, reserved: 4 }), 1002],
    [
      'another reserved bit',
      forgedFrame({ opcode: OPCODE.text, reserved: 6, payload: small }),
      1002,
    ],
    ['noise', compressed(Buffer.alloc(100, 0xa5)), 1007],
    ['what is not UTF-8', compressed(deflate(Buffer.from([0xff, 0xfe]))), 1007],
    ['just the hard limit', compressed(deflate(Buffer.alloc(1_048_576, 'x'))), GOES_ON],
    ['a byte more', compressed(deflate(Buffer.alloc(1_048_577, 'x'))), 1009],
    ['1 MB that would be 1 GB', compressed(bomb(1_000)), 1009],
    [
      'the same in parts',
      Buffer.concat([
        compressed(mebibyte, false),
        ...Array<Buffer>(500).fill(more(mebibyte, false)),
      ]),
      1009,
    ],
    [
      'parts that are too many together',
      Buffer.concat([
        compressed(small, false),
        ...Array<Buffer>(2_000).fill(more(Buffer.alloc(0), false)),
      ]),
      1008,
    ],
  ];
  test.each(MESSAGES)('%s', async (_, bytes, expected) => {
    const before = process.memoryUsage().rss;
    const started = process.cpuUsage();
    const raw = await open();
    raw.write(bytes);
    raw.send({ type: 'ping', message_id: 'after' });
    const answered = () => raw.frames.some(({ payload }) => payload.includes('"reply_to":"after"'));
    await raw.until((socket) => answered() || socket.closeCode !== 1006);
    expect(answered() ? GOES_ON : raw.closeCode).toBe(expected);
    if (expected !== GOES_ON) await raw.closed;
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
    // All of the bomb would be a second and more of the processor.
    expect(process.cpuUsage(started).user).toBeLessThan(1_000_000);
  });

  test('[R8] the rate of bytes counts what it is, not what came', async () => {
    const { ws } = await startGateway({ compression: 'on', byteRate: 100_000, messageRate: 0 });
    const raw = await RawSocket.open(Number(new URL(ws).port), { headers: OFFER });
    // Together 2 kB as they come.
    for (let i = 0; i < 2; i += 1) raw.write(compressed(deflate(Buffer.alloc(600_000, ' '))));
    await raw.until(({ frames }) => frames.length >= 2);
    expect(raw.messages().map(({ data }) => data.code)).toEqual([
      'MESSAGE_TOO_LARGE',
      'RATE_LIMITED',
    ]);
  });

  test('[R8] who has not said who they are sends no more in small than in large', async () => {
    const { ws } = await startGateway({
      compression: 'on',
      auth: 'token',
      jwtSecret: 'a secret of the tests that is long enough',
      byteRate: 0,
    });
    const raw = await RawSocket.open(Number(new URL(ws).port), { headers: OFFER });
    raw.write(compressed(deflate(Buffer.alloc(300_000, ' '))));
    await raw.until(({ frames }) => frames.length > 0);
    expect([raw.closeCode, raw.messages()]).toEqual([4401, []]);
  });

  test('[R8] 200 connections that send and receive compressed messages take little memory', async () => {
    // Its own, which keeps what was said only as long as this lasts.
    const { ws } = await startGateway({ compression: 'on', agents: [echoAgent] });
    const port = Number(new URL(ws).port);
    const content = 'abc '.repeat(1_000);
    const asked = { type: 'chat_message', message_id: 'm', data: { content, agent_name: 'echo' } };
    const isDone = ({ frames }: RawSocket) =>
      frames.some(
        ({ payload, compressed }) => compressed && inflate(payload).includes('"complete"'),
      );
    const connect = async () => {
      const all = await Promise.all(
        Array.from({ length: 200 }, () => RawSocket.open(port, { headers: OFFER })),
      );
      for (const raw of all) raw.write(compressed(deflate(JSON.stringify(asked))));
      await Promise.all(all.map((raw) => raw.until(isDone)));
      expect(all.every(isDone)).toBe(true);
      return all;
    };
    const disconnect = async (all: readonly RawSocket[]) => {
      for (const raw of all) {
        raw.socket.destroy();
        await raw.closed;
      }
    };
    // What a process takes once, whoever is connected: room for the young, compiled code.
    await disconnect(await connect());
    let each = Infinity;
    // A process takes other things meanwhile, now and then; what a connection holds it holds every time.
    for (let round = 0; round < 3 && each >= MOST_HELD; round += 1) {
      collectGarbage();
      const before = process.memoryUsage().rss;
      const all = await connect();
      // What the connections hold, not what they have done with; the clients are in this process as well.
      collectGarbage();
      each = Math.min(each, (process.memoryUsage().rss - before) / all.length);
      console.log('a connection takes', Math.round(each), 'bytes');
      await disconnect(all);
    }
    expect(each).toBeLessThan(MOST_HELD);
  });
});

/** Whether bytes wait in a socket because neither the kernel nor who reads there takes them. */
async function isHeld(way: Duplex): Promise<boolean> {
  // It takes a few turns of the event loop until the kernel has taken all that it will.
  for (let turn = 0; turn < 50; turn += 1) {
    if (way.writableLength === 0) return false;
    await new Promise(setImmediate);
  }
  return true;
}

describe('[R1] [R6] [R7] a stream is exact', () => {
  test('for who takes it compressed, as it is, and cut in the middle', async () => {
    const { ws } = target;
    const creator = await TestSocket.open(ws);
    const sessionId = await creator.create({ agent_name: 'puppet' });
    const compressing = new View(ws, sessionId);
    const plain = new View(ws, sessionId, { perMessageDeflate: false });
    const torn = new View(ws, sessionId);
    await Promise.all([compressing.join(), plain.join(), torn.join()]);
    expect(compressing.socket?.socket.extensions).toBe('permessage-deflate');
    expect(plain.socket?.socket.extensions).toBe('');
    compressing.say('m-1', 'go');
    const run = await next();
    let said = '';
    // Large and small ones in turn: none overtakes another, or its offset would not fit.
    const say = async (text: string) => {
      said += text;
      await run.say(text);
    };
    for (let i = 0; i < 40; i += 1) {
      await say(`${i} ${'wörd €🎉 '.repeat(i % 2 === 0 ? 1_000 + i * 100 : 1)}`);
      if (i === 20) torn.cut();
    }
    await torn.join();
    await say('the last of it');
    await run.finish();
    await Promise.all([compressing, plain, torn].map((view) => view.ended(1)));
    expect(compressing.log()[1]?.data).toMatchObject({ content: said, status: 'complete' });
    expect(plain.log()).toEqual(compressing.log());
    expect(torn.log()).toEqual(compressing.log());
    for (const view of [compressing, plain, torn]) view.cut();
  });

  test('[R2] what is still on its way out when the close comes is said whole before it', async () => {
    const options = { store: 'memory:', logLevel: 'silent', ollamaUrl: '' } as const;
    const gateway = await createGateway({
      ...options,
      compression: 'on',
      agents: [agent],
      maxAnswerLength: 100_000_000,
    });
    onTestFinished(() => gateway.close());
    const server = createServer();
    gateway.attach(server);
    onTestFinished(() => void server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const upgraded = once(server, 'upgrade');
    const raw = await RawSocket.open(port, { headers: OFFER });
    const [, way] = (await upgraded) as [unknown, Duplex];
    // It is closed after the other, in the same turn: then both close frames are written.
    const later = await TestSocket.open(`ws://127.0.0.1:${port}/ws`);

    raw.send({ type: 'chat_message', message_id: 'm', data: { content: 'go' } });
    const run = await next();
    raw.socket.pause();
    // Compressed it is most of what one frame takes, and so is all there or not at all.
    const noise = Array.from({ length: 700 }, (_, i) => hash('sha512', `${i}`, 'base64')).join('');
    let said = '';
    let told = 0;
    later.send({ type: 'session_join', session_id: run.input.sessionId });
    await later.next('session_status');
    do {
      const text = `${said.length} ${noise}`;
      said += text;
      await run.say(text);
      // What is written closely goes out together: all of it has, when another one has heard it.
      while (told < said.length) told += (await later.next('agent_chunk')).data.content.length;
    } while (!(await isHeld(way)));
    const closed = gateway.close();
    expect((await later.closed).code).toBe(1012);
    expect(way.writableLength).toBeGreaterThan(0);
    raw.socket.resume();
    await raw.until(({ closeCode }) => closeCode !== 1006);
    raw.socket.destroy();
    await closed;
    expect([raw.closeCode, raw.frames.at(-1)?.opcode]).toEqual([1012, OPCODE.close]);
    const chunks = raw.frames.filter((frame) => frame.compressed && frame.fin);
    const text = chunks.map(({ payload }) => JSON.parse(inflate(payload)).data.content).join('');
    expect(text === said).toBe(true);
  });

  test('a browser takes it', async () => {
    const health = target.ws.replace('ws:', 'http:').replace('/ws', '/api/health');
    // Without a page there is no icon.
    const page = await openPage(health, { expected: /404/ });
    const seen = await page.evaluate(
      ([url, content]) =>
        new Promise<{ extensions: string; content: string }>((resolve) => {
          const socket = new WebSocket(url as string, 'parley.v1');
          const asked = {
            type: 'chat_message',
            message_id: 'm',
            data: { content, agent_name: 'echo' },
          };
          socket.onopen = () => socket.send(JSON.stringify(asked));
          socket.onmessage = ({ data }) => {
            const message = JSON.parse(data);
            if (message.type !== 'agent_response') return;
            resolve({ extensions: socket.extensions, content: message.data.content });
            socket.close();
          };
        }),
      [target.ws, 'wörd '.repeat(2_000)],
    );
    expect(seen.extensions).toContain('permessage-deflate');
    expect(seen.content).toContain('wörd '.repeat(2_000));
  });
});
