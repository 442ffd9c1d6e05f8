/** Clients and a server with a bad network between them, and the verdict on what they saw. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../helpers/free-port.ts';
import { startProxy } from '../helpers/proxy.ts';
import { seeded } from '../helpers/seeded.ts';
import { Crowd } from './crowd.ts';
import { readLog } from './logs.ts';
import { ProductClient } from './product-client.ts';
import { describe } from './record.ts';
import { drawSchedule, makeTrouble } from './schedule.ts';
import { ServerProcess } from './server-process.ts';

export interface NetworkOptions {
  /** Of the first schedule; each of the others has one more than the one before. */
  readonly seed: number;
  readonly schedules: number;
  /** Schedules side by side. */
  readonly together: number;
  /** Of so many schedules one leaves to the product's client to find that a connection is dead. */
  readonly patientEach?: number;
  readonly plant?: string;
  /** No more schedules are begun once one has found this. */
  readonly until?: RegExp;
}

export interface NetworkResult {
  /** What was found, each with the seed of its schedule. */
  readonly findings: readonly string[];
  readonly schedules: number;
  readonly messages: number;
  readonly events: number;
  /** Answers that were stopped. */
  readonly cancelled: number;
  /** Connections that were made. */
  readonly connections: number;
  /** From when a network was good again until everything had ended: the longest, milliseconds. */
  readonly recovery: number;
  readonly milliseconds: number;
}

/** A crowd's clients have these, milliseconds; shorter than some of the troubles. */
const HEARTBEAT = 350;
/** The server gives a silent connection up after a second, not after a minute. */
const IMPATIENT = { pingInterval: 300, idleTimeout: 1_000, stallTimeout: 1_000 };
/** How many of them follow each session. */
const SIZES = [2, 1];
/** The longest wait for an end that has to come, milliseconds. */
const PATIENCE = 30_000;
/** The product's client finds a dead connection in 30 s, and comes back within the next. */
const LONG_PATIENCE = 90_000;

interface Outcome {
  readonly findings: readonly string[];
  readonly messages: number;
  readonly events: number;
  readonly cancelled: number;
  readonly connections: number;
  readonly recovery: number;
}

export async function runSchedules(options: NetworkOptions): Promise<NetworkResult> {
  const began = performance.now();
  const { seed, schedules, together, patientEach = Infinity, plant, until } = options;
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-network-'));
  const port = await freePort();
  const server = await ServerProcess.start({ dataDir, port, plant, ...IMPATIENT });
  const outcomes: Outcome[] = [];
  let next = 0;
  const isFound = () =>
    until !== undefined && outcomes.some(({ findings }) => findings.some((f) => until.test(f)));
  try {
    await Promise.all(
      Array.from({ length: together }, async () => {
        while (next < schedules && !isFound()) {
          const number = next;
          next += 1;
          const isPatient = number % patientEach === patientEach - 1;
          outcomes.push(await runSchedule(seed + number, port, isPatient));
        }
      }),
    );
  } finally {
    await server.kill();
    await rm(dataDir, { recursive: true, force: true });
  }
  const sum = (of: 'messages' | 'events' | 'cancelled' | 'connections') =>
    outcomes.reduce((total, outcome) => total + outcome[of], 0);
  return {
    findings: outcomes.flatMap(({ findings }) => findings),
    schedules: outcomes.length,
    messages: sum('messages'),
    events: sum('events'),
    cancelled: sum('cancelled'),
    connections: sum('connections'),
    recovery: Math.max(...outcomes.map(({ recovery }) => recovery)),
    milliseconds: Math.round(performance.now() - began),
  };
}

/** One network: everybody joins while it is good, asks while it is bad, and ends when it is good again. */
async function runSchedule(seed: number, port: number, isPatient: boolean): Promise<Outcome> {
  const proxy = await startProxy(port, seed);
  const url = `ws://127.0.0.1:${proxy.port}/ws`;
  // The seed again does the same in a session of its own.
  const name = `${seed}-${randomUUID().slice(0, 8)}-`;
  const crowd = new Crowd(seed, port, {
    through: proxy.port,
    sizes: SIZES,
    name,
    heartbeat: HEARTBEAT,
  });
  const products: ProductClient[] = [];
  try {
    crowd.serverIsUp();
    await crowd.joined();
    products.push(
      new ProductClient('in company', url, seeded(seed + 1_000), `${name}1`),
      new ProductClient('by itself', url, seeded(seed + 2_000)),
    );
    const forgotten = await makeTrouble(proxy, drawSchedule(seed));
    const healed = performance.now();
    if (!isPatient) for (const link of forgotten) link.reset();
    crowd.busy = false;
    for (const product of products) {
      product.finish();
      product.reconnect();
    }
    const patience = isPatient ? LONG_PATIENCE : PATIENCE;
    await Promise.all(products.map((product) => product.settled(patience)));
    const { violations, messages, events, ends } = await crowd.verdict();
    const recovery = Math.round(performance.now() - healed);
    for (const product of products) {
      await product.check(await readLog(port, product.session.id), PATIENCE);
    }
    const [, alone] = products;
    const found = [...violations, ...products.flatMap((product) => product.violations)];
    return {
      findings: found.map((violation) => `${describe(violation)} (FAULT_SEED=${seed})`),
      messages: messages + (alone?.sent ?? 0),
      events,
      cancelled: ends.cancelled ?? 0,
      connections: proxy.connections,
      recovery,
    };
  } catch (error) {
    throw new Error(`FAULT_SEED=${seed}`, { cause: error });
  } finally {
    for (const product of products) product.close();
    crowd.leave();
    proxy.close();
  }
}
