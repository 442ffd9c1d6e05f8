import { expect, test } from 'vitest';
import { interleaveInMemory } from './interleaving-campaign.ts';

test('[R4][R5][R6][R7] stop, lost connections, resume and take-over in any order: one end, no text after a stop, one transcript', async () => {
  const facts = await interleaveInMemory({ cases: 40, shrinks: false });
  console.log('interleavings:', JSON.stringify(facts));
  expect(facts.stops).toBeGreaterThan(0);
  expect(facts.resumes).toBeGreaterThan(0);
  expect(facts.takeovers).toBeGreaterThan(0);
}, 120_000);
