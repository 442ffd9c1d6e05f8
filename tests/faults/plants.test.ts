import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { PLANTS, sow } from './plants.ts';

const GATEWAY = new URL('../../packages/gateway/src/', import.meta.url);

test.each(Object.entries(PLANTS))(
  'the fault "%s" fits the source that is there',
  async (name, plant) => {
    const source = await readFile(new URL(`.${plant.file}`, GATEWAY), 'utf8');
    expect(sow(name, plant, source)).not.toBe(source);
  },
);
