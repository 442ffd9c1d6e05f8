import { expect, test } from 'vitest';
import { chooseSeed } from '../helpers/seeded.ts';
import { findPlanted } from './campaign.ts';

/** Each fault, and what the checker has to say to it: that very fault, not just something. */
const FAULTS = [
  ['acknowledge before commit', /^\[R2\] .* was acknowledged at seq \d+, where the log has/],
  ['no idempotency', /^\[R3\] .* the log has \S+ twice/],
  ['emit before commit', /^\[R2\] .* saw (at )?seq \d+ .*(, not in the log|, the log has)/],
] as const;

test.each(FAULTS)(
  '[R2][R3] the checker finds a planted fault: %s',
  async (plant, finding) => {
    const seed = chooseSeed();
    const { findings, kills } = await findPlanted({ seed, plant, kills: 25 }, finding);
    const found = findings.filter((text) => finding.test(text));
    console.log(`${plant}:`, JSON.stringify({ seed, kills, found: found.length, first: found[0] }));
    expect(found, findings.slice(0, 20).join('\n')).not.toEqual([]);
  },
  120_000,
);

test('the checker finds none of them where none is planted', async () => {
  const seed = chooseSeed();
  const any = new RegExp(FAULTS.map(([, finding]) => finding.source).join('|'));
  const { findings, kills } = await findPlanted({ seed, kills: 4 }, any);
  expect(findings.filter((text) => any.test(text))).toEqual([]);
  expect(kills).toBe(4);
}, 120_000);
