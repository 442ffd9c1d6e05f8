import { expect, test } from 'vitest';
import { chooseSeed } from '../../helpers/seeded.ts';
import { runSchedules } from '../network.ts';

const SCHEDULES = 500;
const TOGETHER = 12;

test(`[R1][R3][R4][R5][R6][R7] ${SCHEDULES} schedules of a bad network, and when it is good again nothing is lost, doubled or out of order`, async () => {
  const seed = chooseSeed();
  const { findings, ...facts } = await runSchedules({
    seed,
    schedules: SCHEDULES,
    together: TOGETHER,
    patientEach: 25,
  });
  console.log('network:', JSON.stringify({ seed, ...facts }));
  expect(findings.slice(0, 20)).toEqual([]);
  expect(facts.schedules).toBe(SCHEDULES);
  expect(facts.cancelled).toBeGreaterThan(SCHEDULES / 10);
  expect(facts.connections).toBeGreaterThan(SCHEDULES * 10);
});

/** Each fault, and what the checker has to say to it: that very fault, not just something. */
const FAULTS = [
  ['no idempotency', /^\[R3\] .* the log has \S+ twice/],
  ['resume after the event that follows', /^\[R1\] .* got seq \d+ after \d+/],
  ['resume one character early', /^\[R6\] .* had \d+ characters of run \S+ and got it from/],
] as const;

test.each(FAULTS)('a bad network shows a planted fault: %s', async (plant, until) => {
  const seed = chooseSeed();
  const { findings, ...facts } = await runSchedules({
    seed,
    schedules: 3 * TOGETHER,
    together: TOGETHER,
    plant,
    until,
  });
  const found = findings.filter((text) => until.test(text));
  console.log(plant, JSON.stringify({ seed, found: found.length, first: found[0], ...facts }));
  expect(found, findings.slice(0, 20).join('\n')).not.toEqual([]);
});
