import { expect, test } from 'vitest';
import { interleaveInMemory, interleaveOverServers } from './interleaving-campaign.ts';

const SHORT = { shrinks: false } as const;

test('[R4][R5][R6][R7] stop, lost connections, resume and take-over in any order: one end, no text after a stop, one transcript', async () => {
  const facts = await interleaveInMemory({ ...SHORT, cases: 40 });
  console.log('interleavings:', JSON.stringify(facts));
  expect(facts.stops).toBeGreaterThan(0);
  expect(facts.resumes).toBeGreaterThan(0);
  expect(facts.takeovers).toBeGreaterThan(0);
}, 120_000);

test('[R4][R5][R6][R7][R10] the same over a bus that loses', async () => {
  const facts = await interleaveInMemory({ ...SHORT, cases: 6, loses: true });
  console.log('interleavings over a bus that loses:', JSON.stringify(facts));
  expect(facts.mutes).toBeGreaterThan(0);
}, 120_000);

test('[R4][R5][R6][R7][R10] the same over PostgreSQL and Redis', async () => {
  const facts = await interleaveOverServers({ ...SHORT, cases: 8 });
  console.log('interleavings over PostgreSQL and Redis:', JSON.stringify(facts));
  expect(facts.takeovers).toBeGreaterThan(0);
}, 120_000);
