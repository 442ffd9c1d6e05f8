import { readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { WatchedFiles } from '../../packages/gateway/src/watched-files.ts';
import { temporaryDirectory } from '../helpers/gateway.ts';

/** A file that is looked at all the time, and what was read of it each time that it had changed. */
async function watch(path: string) {
  await writeFile(path, 'as it was');
  const seen: string[] = [];
  const watched = await WatchedFiles.open({
    paths: [path],
    lookMs: 1,
    read: () => readFile(path, 'utf8'),
    onChange: (contents) => void seen.push(contents),
    onError: (error) => void seen.push(`${error}`),
  });
  onTestFinished(() => watched.close());
  return { watched, seen };
}

test('[R9] a file that is being written in place is read when it is at rest, and not while it is empty', async () => {
  const directory = await temporaryDirectory();
  const [path, other] = [join(directory, 'tokens.txt'), join(directory, 'other.txt')];
  const { watched, seen } = await watch(path);
  const control = await watch(other);
  await writeFile(path, '');
  const now = vi.spyOn(Date, 'now').mockReturnValue((await stat(path)).mtimeMs + 499);
  onTestFinished(() => now.mockRestore());
  // Looks are taken meanwhile: what was written long ago is seen.
  for (const contents of ['one', 'two', 'three']) {
    await writeFile(other, contents);
    await utimes(other, 1, control.seen.length + 2);
    await expect.poll(() => control.seen.at(-1)).toBe(contents);
  }
  expect([seen, watched.contents]).toEqual([[], 'as it was']);

  await writeFile(path, 'as it is');
  now.mockReturnValue((await stat(path)).mtimeMs + 501);
  await expect.poll(() => seen[0]).toBe('as it is');
  expect(watched.contents).toBe('as it is');
});

test('one whose time is ahead of this clock is read all the same', async () => {
  const path = join(await temporaryDirectory(), 'tokens.txt');
  const { seen } = await watch(path);
  await writeFile(path, 'of another machine');
  await utimes(path, 1, Date.now() / 1_000 + 3_600);
  await expect.poll(() => seen.at(-1)).toBe('of another machine');
});
