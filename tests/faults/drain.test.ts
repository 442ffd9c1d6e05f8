import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Running, start } from '../cli/parley.ts';
import { freePort } from '../helpers/free-port.ts';
import { temporaryDirectory } from '../helpers/gateway.ts';
import { chooseSeed } from '../helpers/seeded.ts';
import { TestSocket } from '../helpers/socket.ts';
import { Crowd } from './crowd.ts';
import { describe } from './record.ts';

const CONFIG = fileURLToPath(new URL('./parley.config.ts', import.meta.url));

/** `parley serve`, once it listens. */
async function serve(port: number, dataDir: string, ...flags: string[]): Promise<Running> {
  const where = ['--port', String(port), '--data-dir', dataDir, '--config', CONFIG];
  const running = start(['serve', ...where, ...flags]);
  await running.until(/Parley is listening/);
  return running;
}

test('[R2][R4][R5][R6][R7] SIGTERM under 50 clients in mid-answer: everyone is told 1012, and what is not finished is taken up', async () => {
  const seed = chooseSeed();
  const port = await freePort();
  const dataDir = await temporaryDirectory();
  const crowd = new Crowd(seed, port);
  try {
    for (let life = 0; life < 3; life += 1) {
      // Time for some answers to end, and not for all.
      const running = await serve(port, dataDir, '--drain-timeout', '400ms');
      crowd.serverIsUp();
      await crowd.gathered();
      const joined = crowd.clients.filter((client) => client.joined);
      crowd.serverIsDown();
      running.process.kill('SIGTERM');
      expect(await running.ended).toBe(0);
      await Promise.all(joined.map((client) => client.left));
      const stayed = joined.filter(({ dropped }) => !dropped);
      expect(stayed.length).toBeGreaterThan(0.5 * joined.length);
      expect(new Set(stayed.map(({ closes }) => closes.at(-1)))).toEqual(new Set([1012]));
    }
    await serve(port, dataDir);
    crowd.serverIsUp();
    const { violations, ...facts } = await crowd.verdict();
    console.log('SIGTERM:', JSON.stringify({ seed, ...facts }));
    expect(violations.map(describe), `FAULT_SEED=${seed}`).toEqual([]);
  } finally {
    crowd.leave();
  }
}, 90_000);

test('[R2][R5] a second SIGTERM ends it at once, and the answer is taken up after the restart', async () => {
  const port = await freePort();
  const dataDir = await temporaryDirectory();
  const running = await serve(port, dataDir, '--drain-timeout', '10m');
  const client = await TestSocket.open(`ws://127.0.0.1:${port}/ws`);
  const session = await client.create();
  client.send({ type: 'chat_message', message_id: 'm', data: { content: 'tokens=60 rate=20' } });
  await client.next('agent_chunk');
  running.process.kill('SIGTERM');
  await client.next('system_message');
  const told = performance.now();
  // What comes within 300 ms counts as the same signal; the answer goes on while the server drains.
  while (performance.now() - told < 400) await client.next('agent_chunk');
  running.process.kill('SIGTERM');
  expect(await running.ended).toBe(143);
  await client.closed;

  await serve(port, dataDir);
  const again = await TestSocket.open(`ws://127.0.0.1:${port}/ws`);
  const last = client.received.filter(({ type }) => type === 'agent_chunk').at(-1);
  again.send({
    type: 'session_join',
    data: {
      session_id: session,
      after_seq: 1,
      answer: { run_id: last?.run_id ?? '', attempt: 1, offset: 12 },
    },
  });
  const status = await again.next('session_status');
  // The second attempt begins anew: nothing of the first is counted as had.
  expect(status.data.answer).toMatchObject({ run_id: last?.run_id, attempt: 2, offset: 0 });
  const end = await again.next('agent_response');
  const answer = Array.from({ length: 60 }, (_, n) => `t${n + 1} `).join('');
  expect(end).toMatchObject({ seq: 2, attempt: 2, data: { status: 'complete', content: answer } });
}, 60_000);
