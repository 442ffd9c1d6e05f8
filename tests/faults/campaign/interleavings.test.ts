import { expect, test } from 'vitest';
import { interleaveInMemory, interleaveOverServers } from '../interleaving-campaign.ts';

const CASES = 2_000;
const LOSSY_CASES = 500;
const SERVED_CASES = 1_000;

test(`[R4][R5][R6][R7] ${CASES} times stop, lost connections, resume and take-over in any order: one end, no text after a stop, one transcript`, async () => {
  const facts = await interleaveInMemory({ cases: CASES, shrinks: true });
  console.log('interleavings:', JSON.stringify(facts));
  expect(facts.takeovers).toBeGreaterThan(0);
});

test(`[R4][R5][R6][R7][R10] the same ${LOSSY_CASES} times over a bus that loses`, async () => {
  const facts = await interleaveInMemory({ cases: LOSSY_CASES, shrinks: true, loses: true });
  console.log('interleavings over a bus that loses:', JSON.stringify(facts));
  expect(facts.mutes).toBeGreaterThan(0);
  expect(facts.takeovers).toBeGreaterThan(0);
});

test(`[R4][R5][R6][R7][R10] the same ${SERVED_CASES} times over PostgreSQL and Redis`, async () => {
  const facts = await interleaveOverServers({ cases: SERVED_CASES, shrinks: true });
  console.log('interleavings over PostgreSQL and Redis:', JSON.stringify(facts));
  expect(facts.takeovers).toBeGreaterThan(0);
});
