import { expect, test } from 'vitest';
import { chooseSeed } from '../helpers/seeded.ts';
import { cutPower } from './power-loss.ts';

test('[R2] power loss, cut back to the last fsync at random points: nothing that was acknowledged or told is lost', async () => {
  const seed = chooseSeed();
  const { findings, ...facts } = await cutPower({ seed, questions: 40, cuts: 30 });
  console.log('power loss:', JSON.stringify({ seed, ...facts }));
  expect(findings.slice(0, 20), `FAULT_SEED=${seed}`).toEqual([]);
  expect(facts.told).toBeGreaterThan(1_000);
}, 120_000);

test('[R2] power loss shows a planted fault: no fsync with each commit', async () => {
  const seed = chooseSeed();
  const plants = ['no fsync with each commit'];
  const until = /was acknowledged at seq \d+, where the log has/;
  const { findings, ...facts } = await cutPower({ seed, questions: 40, cuts: 60, plants, until });
  console.log('no fsync:', JSON.stringify({ seed, found: findings.length, ...facts }));
  expect(findings.join('\n')).toMatch(until);
}, 120_000);
