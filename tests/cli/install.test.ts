import { expect, test } from 'vitest';
import { readLock } from '../lock.ts';

test('npm ci compiles nothing: npm run lock was run after the last change of dependencies', () => {
  const { text, mended } = readLock();
  expect(text).toBe(mended);
  expect(text).toContain('"gypfile": false');
});

test('the lock file names no registry, so that everyone installs from their own', () => {
  const { lock } = readLock();
  for (const [path, { resolved, link }] of Object.entries(lock.packages)) {
    if (resolved !== undefined) expect({ path, resolved, link }).toMatchObject({ link: true });
  }
});
