/** The ids that the server makes: PROTOCOL.md says that they are UUIDs, and nobody may guess one. */
import { expect, test } from 'vitest';
import { randomId } from '../../packages/gateway/src/random-id.ts';

const UUID_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('ids are UUIDs of version 4, each another one, and each bit of them is drawn', () => {
  const ids = Array.from({ length: 10_000 }, randomId);
  for (const id of ids) expect(id).toMatch(UUID_4);
  expect(new Set(ids).size).toBe(ids.length);
  const digits = ids.map((id) => id.replaceAll('-', ''));
  for (let place = 0; place < 32; place += 1) {
    const drawn = new Set(digits.map((id) => id[place]));
    // The version, and the two bits of the variant, are not.
    expect([place, drawn.size]).toEqual([place, place === 12 ? 1 : place === 16 ? 4 : 16]);
  }
});
