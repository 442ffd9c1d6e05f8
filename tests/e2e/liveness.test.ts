import { expect, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { clientFrame, OPCODE, RawSocket } from '../helpers/raw.ts';
import { TestSocket } from '../helpers/socket.ts';

const pings = ({ frames }: RawSocket) => frames.filter(({ opcode }) => opcode === OPCODE.ping);

test('the server pings at its interval, and a connection that answers stays', async () => {
  const { ws } = await startGateway({ agents: [echoAgent], pingInterval: 40, idleTimeout: 150 });
  const client = await TestSocket.open(ws);
  let heard = 0;
  const started = performance.now();
  const enough = new Promise<void>((resolve) => {
    // The library answers each ping with a pong by itself.
    client.socket.on('ping', () => {
      heard += 1;
      if (heard === 12) resolve();
    });
  });
  await enough;
  const elapsed = performance.now() - started;
  // Three times the idle timeout without a word: only the pongs kept it.
  expect(elapsed).toBeGreaterThan(12 * 40 * 0.8);
  expect(elapsed).toBeGreaterThan(2 * 150);
  expect((await client.ask('still here')).data.content).toBe('still here');
});

test('a connection from which nothing is heard, not even a pong, ends with 4408', async () => {
  const { ws } = await startGateway({ agents: [echoAgent], pingInterval: 30, idleTimeout: 100 });
  const other = await TestSocket.open(ws);
  // It reads, and never says anything: a tab that hangs, a cable that is cut on one side.
  const silent = await RawSocket.open(Number(new URL(ws).port));
  const started = performance.now();
  await silent.until(({ frames }) => frames.some(({ opcode }) => opcode === OPCODE.close));
  expect(silent.closeCode).toBe(4408);
  expect(performance.now() - started).toBeGreaterThan(90);
  expect(pings(silent).length).toBeGreaterThanOrEqual(2);
  expect((await other.ask('I answer')).data.content).toBe('I answer');
});

test.each([
  ['a message', clientFrame(OPCODE.text, Buffer.from('{"type":"ping"}'))],
  ['a message that is refused', clientFrame(OPCODE.text, Buffer.from('?'))],
  ['a ping', clientFrame(OPCODE.ping, Buffer.from(''))],
  ['a pong that nobody asked for', clientFrame(OPCODE.pong, Buffer.from(''))],
])('%s now and then is sign of life enough', async (_, frame) => {
  const { ws } = await startGateway({ agents: [echoAgent], pingInterval: 30, idleTimeout: 120 });
  const raw = await RawSocket.open(Number(new URL(ws).port));
  // Answers to nothing; says something whenever it is pinged for the third time.
  for (let round = 1; round <= 6; round += 1) {
    await raw.until((socket) => pings(socket).length >= round * 2);
    raw.write(frame);
  }
  expect(raw.closeCode).toBe(1006);
  await raw.until(({ frames }) => frames.some(({ opcode }) => opcode === OPCODE.close));
  expect(raw.closeCode).toBe(4408);
});
