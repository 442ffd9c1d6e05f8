import { expect, test } from 'vitest';
import { stampede } from './stampede.ts';

const CLIENTS = 200;

test(`[R6][R8][R10] ${CLIENTS} clients come back to three nodes at once: all have what they lack, by one read of the log each`, async () => {
  const { wrong, ...facts } = await stampede(CLIENTS);
  console.log('stampede:', JSON.stringify(facts));
  expect(wrong).toEqual([]);
  expect(facts.clients).toBe(CLIENTS);
  expect(facts.reads).toBeLessThanOrEqual(CLIENTS);
  expect(facts.last).toBeLessThan(15_000);
}, 120_000);
