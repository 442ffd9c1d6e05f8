import { expect, test } from 'vitest';
import { chooseSeed } from '../../helpers/seeded.ts';
import { restartNodes, runClusterCampaign } from '../cluster-campaign.ts';
import { FIFTY } from '../crowd.ts';
import { describe } from '../record.ts';

const ROUNDS = 20;

test(`[R1][R2][R3][R4][R5][R6][R7][R10] all nodes restarted one after the other under 100 clients, ${ROUNDS} times: they are told to come back, and nothing is lost`, async () => {
  const seed = chooseSeed();
  const { violations, ...facts } = await runClusterCampaign(
    { seed, sizes: [...FIFTY, ...FIFTY], pace: [8, 20] },
    (setting) => restartNodes(setting, ROUNDS),
  );
  console.log('rolling restart:', JSON.stringify({ seed, ...facts }));
  expect(violations.map(describe), `FAULT_SEED=${seed}`).toEqual([]);
  expect(facts.codes.filter((code) => ![1001, 1012].includes(code))).toEqual([]);
  expect(Object.keys(facts.closes)).toEqual(facts.codes.map(String));
  expect(facts.longestDrain).toBeLessThan(10_000);
});
