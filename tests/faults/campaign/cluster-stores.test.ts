import { expect, test } from 'vitest';
import { chooseSeed } from '../../helpers/seeded.ts';
import { killShared, runClusterCampaign } from '../cluster-campaign.ts';
import { FIFTY } from '../crowd.ts';
import { describe } from '../record.ts';

const KILLS = 50;

test(`[R1][R2][R3][R4][R5][R6][R7][R10] PostgreSQL killed ${KILLS} times, Redis too, and messages between nodes lost: nothing is lost, doubled or torn, and all goes on within 2 s`, async () => {
  const seed = chooseSeed();
  const plant = 'a bus that loses one message in ten';
  const errors = ['STORE_UNAVAILABLE', 'INTERRUPTED'];
  const { violations, ...facts } = await runClusterCampaign(
    { seed, plant, errors, sizes: [...FIFTY, ...FIFTY], pace: [8, 20] },
    async (setting) => ({
      postgres: await killShared(setting, 'postgres', KILLS),
      redis: await killShared(setting, 'redis', KILLS),
    }),
  );
  console.log('PostgreSQL and Redis:', JSON.stringify({ seed, ...facts }));
  expect(violations.map(describe), `FAULT_SEED=${seed}`).toEqual([]);
  expect(Math.max(facts.postgres.recovery, facts.redis.recovery)).toBeLessThan(2_000);
});
