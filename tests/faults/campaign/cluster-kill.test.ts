import { expect, test } from 'vitest';
import { chooseSeed } from '../../helpers/seeded.ts';
import { killNodes, runClusterCampaign } from '../cluster-campaign.ts';
import { FIFTY } from '../crowd.ts';
import { describe } from '../record.ts';

const KILLS = 100;

test(`[R1][R2][R3][R4][R5][R6][R7][R10] kill -9 of one of three nodes under 100 clients in mid-answer, ${KILLS} times: nothing is lost, doubled or torn, and everyone resumes within 2 s`, async () => {
  const seed = chooseSeed();
  const { violations, ...facts } = await runClusterCampaign(
    { seed, sizes: [...FIFTY, ...FIFTY], pace: [8, 20] },
    (setting) => killNodes(setting, KILLS),
  );
  console.log('kill -9 of nodes:', JSON.stringify({ seed, ...facts }));
  expect(violations.map(describe), `FAULT_SEED=${seed}`).toEqual([]);
  expect(facts.resumed.p99).toBeLessThan(2_000);
  expect(facts.retried).toBeGreaterThan(0);
});
