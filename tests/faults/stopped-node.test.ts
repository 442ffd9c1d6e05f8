import { expect, test } from 'vitest';
import { chooseSeed } from '../helpers/seeded.ts';
import { stopNodes } from './stopped-node.ts';

test('[R4][R5][R7] of a node that is stopped past its lease and goes on nothing is heard, each run ends once, and it serves on', async () => {
  const seed = chooseSeed();
  const plant = 'a lease of a second';
  const { findings, ...facts } = await stopNodes({
    seed,
    rounds: 1,
    sessions: 10,
    // 5 s: it is still being written when the node that was stopped goes on, also on a slow machine.
    words: 250,
    plant,
  });
  console.log('stopped node:', JSON.stringify({ seed, ...facts }));
  expect(findings, `FAULT_SEED=${seed}`).toEqual([]);
  expect(facts.refused).toBe(30);
}, 60_000);
