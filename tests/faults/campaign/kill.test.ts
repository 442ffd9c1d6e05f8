import { expect, test } from 'vitest';
import { chooseSeed } from '../../helpers/seeded.ts';
import { runCampaign } from '../campaign.ts';
import { describe } from '../record.ts';

const KILLS = 100;

test(`[R1][R2][R3][R4][R5][R6][R7] kill -9 under 50 clients in mid-answer, ${KILLS} times: nothing is lost, doubled or torn`, async () => {
  const seed = chooseSeed();
  const { violations, ...facts } = await runCampaign({ seed, kills: KILLS, budget: 3_600_000 });
  console.log('kill -9:', JSON.stringify({ seed, ...facts }));
  expect(violations.map(describe), `FAULT_SEED=${seed}`).toEqual([]);
  expect(facts.kills).toBe(KILLS);
});
