/** What the lock file brings: nothing that is known to be unsafe, and nothing unchecked. */
import { expect, test } from 'vitest';
import { readLock } from '../lock.ts';
import { SAFE_VERSIONS, type SafeVersion } from './safe-versions.ts';

const { lock } = readLock();
const MODULES = 'node_modules/';

/** Every copy in the tree, whoever brings it. */
const copies = Object.entries(lock.packages)
  .filter(([path, { link }]) => path.includes(MODULES) && link !== true)
  .map(([path, entry]) => ({
    path,
    name: path.slice(path.lastIndexOf(MODULES) + MODULES.length),
    ...entry,
  }));

/** Below 0 where `a` is lower. A version before its release (`1.0.0-beta`) is lower than that. */
function compare(a: string, b: string): number {
  const [left = '', leftPre] = a.split('-', 2);
  const [right = '', rightPre] = b.split('-', 2);
  const numbers = right.split('.').map(Number);
  for (const [index, number] of left.split('.').map(Number).entries()) {
    const difference = number - (numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return (leftPre === undefined ? 1 : 0) - (rightPre === undefined ? 1 : 0);
}

/** The copies that are lower than is safe, as `path version`. */
function unsafe({ name, from }: SafeVersion): string[] {
  return copies
    .filter((copy) => copy.name === name && compare(copy.version ?? '0', from) < 0)
    .map(({ path, version }) => `${path} ${version}`);
}

test.each(SAFE_VERSIONS)('$name is nowhere lower than $from: $advisories', (safe) => {
  expect(unsafe(safe)).toEqual([]);
});

test('a lower copy is found wherever it is, and so is one before its release', () => {
  const all = copies.filter(({ name }) => name === 'ws');
  const safe = { name: 'ws', from: '999.0.0', advisories: [], why: '' };
  expect(all.length).toBeGreaterThan(1);
  expect(unsafe(safe)).toEqual(all.map(({ path, version }) => `${path} ${version}`));
  expect(compare('8.9.9', '8.10.0')).toBeLessThan(0);
  expect(compare('10.0.0', '9.9.9')).toBeGreaterThan(0);
  expect(compare('1.0.0-beta.1', '1.0.0')).toBeLessThan(0);
  expect(compare('1.0.0', '1.0.0')).toBe(0);
});

test('every row is about something that is there', () => {
  const names = new Set(copies.map(({ name }) => name));
  expect(SAFE_VERSIONS.filter(({ name }) => !names.has(name))).toEqual([]);
});

test('the lock file says of every package what its bytes are', () => {
  // What lies within the archive of another one is covered by the sum of that.
  const unchecked = copies.filter(
    ({ integrity, inBundle }) => !inBundle && !/^sha512-[\w+/]{86}==$/.test(integrity ?? ''),
  );
  expect(unchecked.map(({ path }) => path)).toEqual([]);
  expect(copies.length).toBeGreaterThan(100);
});
