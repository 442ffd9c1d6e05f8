import { expect, test } from 'vitest';
import { runCampaign } from './campaign.ts';
import { describe } from './record.ts';
import { chooseSeed } from './seeded.ts';

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
    const { violations, ...facts } = await runCampaign({
      seed,
      plant,
      kills: 10,
      budget: 30_000,
      // What was lost never ends; the rest is done by then.
      quiesce: 5_000,
    });
    console.log(`${plant}:`, JSON.stringify({ seed, found: violations.length, ...facts }));
    const found = violations.map(describe);
    expect(
      found.filter((text) => finding.test(text)).length,
      found.slice(0, 20).join('\n'),
    ).toBeGreaterThan(0);
  },
  120_000,
);
