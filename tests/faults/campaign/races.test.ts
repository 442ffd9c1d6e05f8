import { expect, onTestFinished, test } from 'vitest';
import { openPostgresStore } from '../../../packages/gateway/src/stores/postgres.ts';
import type { Store } from '../../../packages/gateway/src/stores/store.ts';
import { startPostgres } from '../../helpers/postgres.ts';
import { chooseSeed } from '../../helpers/seeded.ts';
import { raceForAnswers, raceForClaims } from '../races.ts';
import { stopNodes } from '../stopped-node.ts';

const RACES = 1_000;
const ROUNDS = 40;
const SESSIONS = 25;

async function openStores(): Promise<Store[]> {
  const postgres = await startPostgres();
  onTestFinished(() => postgres.stop());
  const url = await postgres.newDatabase();
  const stores = await Promise.all([1, 2, 3].map(() => openPostgresStore(url)));
  onTestFinished(async () => {
    for (const store of stores) await store.close();
  });
  return stores;
}

test(`[R5] ${RACES} races of three nodes for one run: one has it, and every stale write is refused`, async () => {
  const seed = chooseSeed();
  const { findings, ...facts } = await raceForClaims({
    seed,
    races: RACES,
    stores: await openStores(),
  });
  console.log('races for claims:', JSON.stringify({ seed, ...facts }));
  expect(findings, `FAULT_SEED=${seed}`).toEqual([]);
});

test(`[R4][R5] ${RACES} answers taken over from nodes that fall silent and come back: each ends once`, async () => {
  const seed = chooseSeed();
  const options = { seed, races: RACES, stores: await openStores() };
  const { findings, ...facts } = await raceForAnswers(options, 500);
  console.log('races for answers:', JSON.stringify({ seed, ...facts }));
  expect(findings, `FAULT_SEED=${seed}`).toEqual([]);
});

test(`[R4][R5][R7] ${ROUNDS * SESSIONS} answers of nodes that are stopped past their lease in mid-answer and go on: nothing is heard of the old attempt`, async () => {
  const seed = chooseSeed();
  const options = { seed, rounds: ROUNDS, sessions: SESSIONS, words: 100 };
  const { findings, ...facts } = await stopNodes(options);
  console.log('stopped nodes:', JSON.stringify({ seed, ...facts }));
  expect(findings, `FAULT_SEED=${seed}`).toEqual([]);
  expect(facts.takenOver).toBe(ROUNDS * SESSIONS);
  expect(facts.refused).toBe(3 * ROUNDS * SESSIONS);
});
