import { expect, test } from 'vitest';
import { interleaveInMemory, interleaveOverServers } from '../interleaving-campaign.ts';

const CASES = 2_000;
const SERVED_CASES = 1_000;

test(`[R4][R5][R6][R7] ${CASES} times stop, lost connections, resume and take-over in any order: one end, no text after a stop, one transcript`, async () => {
  const facts = await interleaveInMemory({ cases: CASES, shrinks: true });
  console.log('interleavings:', JSON.stringify(facts));
  expect(facts.takeovers).toBeGreaterThan(0);
});

test(`[R4][R5][R6][R7] the same ${SERVED_CASES} times over PostgreSQL and Redis`, async () => {
  const facts = await interleaveOverServers({ cases: SERVED_CASES, shrinks: true });
  console.log('interleavings over PostgreSQL and Redis:', JSON.stringify(facts));
  expect(facts.takeovers).toBeGreaterThan(0);
});
