import { expect, test } from 'vitest';
import { chooseSeed } from '../helpers/seeded.ts';
import { runCampaign } from './campaign.ts';
import { describe } from './record.ts';

/** With fewer kills it would have shown too little. */
const MIN_KILLS = 15;

test('[R1][R2][R3][R4][R5][R6][R7] kill -9 under 50 clients in mid-answer, for a minute: nothing is lost, doubled or torn', async () => {
  const seed = chooseSeed();
  const { violations, ...facts } = await runCampaign({
    seed,
    kills: 100,
    budget: 50_000,
    atLeast: MIN_KILLS,
  });
  console.log('kill -9:', JSON.stringify({ seed, ...facts }));
  expect(violations.map(describe), `FAULT_SEED=${seed}`).toEqual([]);
  expect(facts.kills).toBeGreaterThanOrEqual(MIN_KILLS);
  // Everything that may go wrong was there to go wrong.
  expect(facts.stops).toBeGreaterThan(0);
  expect(facts.ends).toMatchObject({
    complete: expect.any(Number),
    cancelled: expect.any(Number),
    interrupted: expect.any(Number),
  });
}, 240_000);
