import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openPostgresStore } from '../../packages/gateway/src/stores/postgres.ts';
import type { Store } from '../../packages/gateway/src/stores/store.ts';
import { type Postgres, startPostgres } from '../helpers/postgres.ts';
import { chooseSeed } from '../helpers/seeded.ts';
import { raceForAnswers, raceForClaims } from './races.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());

/** Three nodes' stores over one database. */
async function openStores(): Promise<Store[]> {
  const url = await postgres.newDatabase();
  const stores = await Promise.all([1, 2, 3].map(() => openPostgresStore(url)));
  onTestFinished(async () => {
    for (const store of stores) await store.close();
  });
  return stores;
}

test('[R5] of three nodes that claim a run at the same instant one has it, and every stale write is refused', async () => {
  const seed = chooseSeed();
  const result = await raceForClaims({ seed, races: 100, stores: await openStores() });
  expect(result.findings, `FAULT_SEED=${seed}`).toEqual([]);
  expect(result.refused).toBeGreaterThan(result.races);
});

test('[R4][R5] of nodes that fall silent in mid-answer nothing is heard after the take-over, and each run ends once', async () => {
  const seed = chooseSeed();
  const result = await raceForAnswers({ seed, races: 40, stores: await openStores() }, 500);
  expect(result.findings, `FAULT_SEED=${seed}`).toEqual([]);
  expect(result.refused).toBeGreaterThan(0);
});
