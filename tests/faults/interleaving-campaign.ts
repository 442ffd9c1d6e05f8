/** Cases of interleavings, one after the other, on what nodes may run on. */
import fc from 'fast-check';
import { onTestFinished } from 'vitest';
import { MemoryExchange } from '../../packages/gateway/src/buses/memory.ts';
import { openRedisBus } from '../../packages/gateway/src/buses/redis.ts';
import { createLogger } from '../../packages/gateway/src/log.ts';
import { openPostgresStore } from '../../packages/gateway/src/stores/postgres.ts';
import { SharedStore } from '../helpers/nodes.ts';
import { startPostgres } from '../helpers/postgres.ts';
import { startRedis } from '../helpers/redis.ts';
import { chooseSeed } from '../helpers/seeded.ts';
import { EXAMPLE, LOSSY_EXAMPLE, lossySteps, steps } from './interleaving-steps.ts';
import { type Ground, interleave, type Seen } from './interleavings.ts';

export interface InterleavingOptions {
  readonly cases: number;
  /** Looks for the shortest steps that fail, however long that takes. */
  readonly shrinks: boolean;
  /** Over a bus that loses; default: false. What it loses comes within 2 s, so that a case takes longer. */
  readonly loses?: boolean;
}

export interface InterleavingResult extends Seen {
  readonly seed: number;
  readonly cases: number;
}

/** Over one store and one exchange in memory. */
export function interleaveInMemory(options: InterleavingOptions): Promise<InterleavingResult> {
  return interleaveAll(options, async (work) => {
    const store = new SharedStore();
    const exchange = new MemoryExchange();
    const buses = [exchange.node(), exchange.node()];
    await work({ stores: [store, store], buses, leaseMs: 150 });
  });
}

/** Over PostgreSQL and Redis, which are those of the test that calls it. */
export async function interleaveOverServers(
  options: InterleavingOptions,
): Promise<InterleavingResult> {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  onTestFinished(async () => {
    await Promise.all([postgres.stop(), redis.stop()]);
  });
  const [store, bus] = [await postgres.newDatabase(), redis.newUrl()];
  const log = await createLogger({ level: 'silent', pretty: false });
  return interleaveAll(options, async (work) => {
    const stores = await Promise.all([1, 2].map(() => openPostgresStore(store)));
    const buses = await Promise.all([1, 2].map(() => openRedisBus(bus, 'interleavings', log)));
    try {
      await work({ stores, buses, leaseMs: 500 });
    } finally {
      await Promise.all([...stores, ...buses].map((one) => one.close()));
    }
  });
}

/** Rejects with the seed and the steps of a case in which something did not hold. */
async function interleaveAll(
  { cases, shrinks, loses = false }: InterleavingOptions,
  onGround: (work: (ground: Ground) => Promise<void>) => Promise<void>,
): Promise<InterleavingResult> {
  const seed = chooseSeed();
  const seen: Seen = { stops: 0, resumes: 0, takeovers: 0, mutes: 0, ends: {} };
  await fc.assert(
    fc.asyncProperty(loses ? lossySteps : steps, (todo) =>
      onGround((ground) => interleave(ground, todo, seen)),
    ),
    { seed, numRuns: cases, examples: [[loses ? LOSSY_EXAMPLE : EXAMPLE]], endOnFailure: !shrinks },
  );
  return { seed, cases, ...seen };
}
