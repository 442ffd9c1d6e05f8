import { expect, test } from 'vitest';
import { KeyedLists } from '../../packages/gateway/src/keyed-lists.ts';
import { chooseSeed, seeded } from '../helpers/seeded.ts';

test('lists by key are what arrays in a Map would be, however many are empty', () => {
  const seed = chooseSeed();
  console.log(`FAULT_SEED=${seed}`);
  const random = seeded(seed);
  const lists = new KeyedLists<number>();
  const model = new Map<string, number[]>();
  const pick = (most: number) => Math.floor(random() * most);
  for (let step = 0; step < 55_000; step += 1) {
    const key = `${pick(3_000)}`;
    const expected = model.get(key) ?? [];
    const list = lists.of(key);
    expect(list).toEqual(expected);
    const place = pick(expected.length);
    switch (expected.length > 0 ? pick(3) : 0) {
      case 0:
        expect(lists.push(key, step)).toBe(expected.push(step) - 1);
        break;
      case 1:
        lists.replace(list, place, step);
        expected[place] = step;
        break;
      default:
        lists.remove(list, place);
        expected.splice(place, 1);
    }
    model.set(key, expected);
    if (step % 10_000 !== 9_999) continue;
    // More are empty at once now than are kept.
    for (const [one, items] of model) {
      for (; items.length > 0; items.pop()) lists.remove(lists.of(one), items.length - 1);
      expect(lists.of(one)).toEqual([]);
    }
  }
  const all = [...model.values()].flat();
  expect(lists.all().sort((a, b) => a - b)).toEqual(all.sort((a, b) => a - b));
});
