import { expect, test } from 'vitest';
import { temporaryDirectory } from '../helpers/gateway.ts';
import { Asker } from './asker.ts';
import { type LoopDelay, ServerProcess } from './server-process.ts';
import { requireStrace, slowed } from './strace.ts';

/** How long each fsync takes, milliseconds. */
const FSYNC = 50;
const CLIENTS = 50;
const LIMIT = 20;
/** How often it is measured at the most: what other programs take of the machine is not ours. */
const WINDOWS = 3;

interface Measured {
  readonly delay: LoopDelay;
  readonly acknowledged: number;
  /** From a message to its acknowledgement, milliseconds. */
  readonly quickest: number;
}

interface Load {
  readonly clients: number;
  /** Of each client, while it is measured. */
  readonly answers: number;
  readonly content: string;
  readonly plant?: string;
}

/** People who ask and read, over a disk whose every fsync takes 50 ms. */
async function measure({ clients, answers, content, plant }: Load): Promise<Measured> {
  requireStrace();
  const dataDir = await temporaryDirectory();
  const under = slowed(FSYNC);
  const server = await ServerProcess.start({ dataDir, port: 0, under, plant });
  const url = `ws://127.0.0.1:${server.port}/ws`;
  const askers = Array.from(
    { length: clients },
    (_, n) => new Asker({ url, session: `s${n}`, content, ahead: 2 }),
  );
  try {
    await Promise.all(askers.map((asker) => asker.until(1)));
    const already = askers.map(({ latencies }) => latencies.length);
    server.measure();
    await Promise.all(askers.map((asker) => asker.until(asker.answered + answers)));
    const delay = await server.report();
    const latencies = askers.flatMap((asker, n) => asker.latencies.slice(already[n]));
    return { delay, acknowledged: latencies.length, quickest: Math.min(...latencies) };
  } finally {
    for (const asker of askers) asker.leave();
    await server.kill();
  }
}

test(`[R2] the event loop is late by less than ${LIMIT} ms (p99) while every fsync takes ${FSYNC} ms`, async () => {
  const windows: Measured[] = [];
  do {
    const measured = await measure({
      clients: CLIENTS,
      answers: 5,
      content: 'tokens=30 rate=60',
    });
    windows.push(measured);
    console.log('slow disk:', JSON.stringify(measured));
    // The disk was slow, and nobody was told before it was done.
    expect(measured.quickest).toBeGreaterThanOrEqual(FSYNC - 1);
    expect(measured.acknowledged).toBeGreaterThan(CLIENTS);
  } while (windows.length < WINDOWS && windows.every(({ delay }) => delay.p99 >= LIMIT));
  expect(Math.min(...windows.map(({ delay }) => delay.p99))).toBeLessThan(LIMIT);
}, 90_000);

test('[R2] the measurement shows a planted fault: fsync on the event loop', async () => {
  const { delay } = await measure({
    clients: 8,
    answers: 4,
    content: 'tokens=2',
    plant: 'fsync on the event loop',
  });
  console.log('fsync on the event loop:', JSON.stringify(delay));
  expect(delay.p99).toBeGreaterThan(LIMIT);
}, 60_000);
