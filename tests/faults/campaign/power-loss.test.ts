import { expect, test } from 'vitest';
import { chooseSeed } from '../../helpers/seeded.ts';
import { cutPower } from '../power-loss.ts';

const LIVES = 10;
const CUTS = 100;

test(`[R2] power loss, cut back to the last fsync at ${LIVES * CUTS} random points: nothing that was acknowledged or told is lost`, async () => {
  const seed = chooseSeed();
  for (let life = 0; life < LIVES; life += 1) {
    const { findings, ...facts } = await cutPower({
      seed: seed + life,
      questions: 60,
      cuts: CUTS,
    });
    console.log('power loss:', JSON.stringify({ seed: seed + life, ...facts }));
    expect(findings.slice(0, 20), `FAULT_SEED=${seed + life}`).toEqual([]);
  }
});
