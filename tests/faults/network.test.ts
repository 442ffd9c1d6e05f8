import { expect, test } from 'vitest';
import { chooseSeed } from '../helpers/seeded.ts';
import { runSchedules } from './network.ts';

const SCHEDULES = 15;

test(`[R1][R3][R4][R5][R6][R7] ${SCHEDULES} schedules of a bad network, and when it is good again nothing is lost, doubled or out of order`, async () => {
  const seed = chooseSeed();
  const { findings, ...facts } = await runSchedules({
    seed,
    schedules: SCHEDULES,
    together: SCHEDULES,
  });
  console.log('network:', JSON.stringify({ seed, ...facts }));
  expect(findings).toEqual([]);
  // Everything that may go wrong was there to go wrong.
  expect(facts.cancelled).toBeGreaterThan(0);
  expect(facts.connections).toBeGreaterThan(SCHEDULES * 10);
}, 120_000);
