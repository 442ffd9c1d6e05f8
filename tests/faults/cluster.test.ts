/** What `campaign/cluster-*.test.ts` do for long, once. */
import { expect, test } from 'vitest';
import { chooseSeed } from '../helpers/seeded.ts';
import { killNodes, killShared, restartNodes, runClusterCampaign } from './cluster-campaign.ts';
import { describe } from './record.ts';

test('[R1][R2][R3][R4][R5][R6][R7][R10] under 50 clients, with a bus that loses messages, a node, PostgreSQL and Redis are killed and all nodes restarted: nothing is lost, doubled or torn', async () => {
  const seed = chooseSeed();
  const plant = 'a bus that loses one message in ten';
  const errors = ['STORE_UNAVAILABLE', 'INTERRUPTED'];
  const { violations, ...facts } = await runClusterCampaign(
    { seed, plant, errors, pace: [20, 40] },
    async (setting) => ({
      ...(await killNodes(setting, 1)),
      postgres: await killShared(setting, 'postgres', 1),
      redis: await killShared(setting, 'redis', 1),
      ...(await restartNodes(setting, 1)),
    }),
  );
  console.log('cluster:', JSON.stringify({ seed, ...facts }));
  expect(violations.map(describe), `FAULT_SEED=${seed}`).toEqual([]);
  expect(facts.longestDrain).toBeLessThan(10_000);
  expect(facts.codes).toEqual([1012]);
  // What was lost when the node was killed, and what could not be read while PostgreSQL was away.
  const codes = Object.keys(facts.closes);
  expect(codes.filter((code) => !['1006', '1011', '1012'].includes(code))).toEqual([]);
}, 240_000);
