import { mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeWhenChanged } from '../../build/when-changed.ts';
import { ROOT } from '../docs/program.ts';
import { temporaryDirectory } from '../helpers/gateway.ts';
import { run } from '../packages/project.ts';

/** Upper case made of a directory with a text, as a page is made of its sources. */
async function workshop() {
  const root = await temporaryDirectory();
  const [source, output] = [join(root, 'src'), join(root, 'dist')];
  const [text, copy] = [join(source, 'deep/text.txt'), join(output, 'copy.txt')];
  await mkdir(join(source, 'deep'), { recursive: true });
  await writeFile(text, 'a');
  let times = 0;
  const making = (make: () => Promise<unknown>) =>
    makeWhenChanged({ sources: [source], output, stamp: join(root, 'cache/stamp'), make });
  const make = async () => {
    times += 1;
    await rm(output, { recursive: true, force: true });
    await mkdir(output);
    await writeFile(copy, (await readFile(text, 'utf8')).toUpperCase());
    await writeFile(join(output, 'last.txt'), 'whole');
  };
  return {
    ...{ source, output, text, copy, making },
    /** Whether it was made. */
    async isMade() {
      const before = times;
      await making(make);
      return times > before;
    },
  };
}

test('it is made once, and again when a source has other contents, a file more or a file less', async () => {
  const { source, text, copy, isMade } = await workshop();
  expect([await isMade(), await isMade()]).toEqual([true, false]);
  await utimes(text, new Date(), new Date());
  expect(await isMade()).toBe(false);
  await writeFile(text, 'b');
  expect([await isMade(), await isMade()]).toEqual([true, false]);
  expect(await readFile(copy, 'utf8')).toBe('B');
  await writeFile(join(source, 'more.txt'), '');
  expect([await isMade(), await isMade()]).toEqual([true, false]);
  await rm(join(source, 'more.txt'));
  expect([await isMade(), await isMade()]).toEqual([true, false]);
});

test('what others made beside the sources is none of them', async () => {
  const { source, isMade } = await workshop();
  expect(await isMade()).toBe(true);
  await mkdir(join(source, 'node_modules'));
  await writeFile(join(source, 'node_modules/x'), 'x');
  await writeFile(join(source, 'tsconfig.tsbuildinfo'), '{}');
  expect(await isMade()).toBe(false);
});

test('output that is gone, or not what was made, is made again', async () => {
  const { output, copy, isMade } = await workshop();
  expect(await isMade()).toBe(true);
  await rm(copy);
  expect([await isMade(), await isMade()]).toEqual([true, false]);
  await writeFile(copy, 'something else');
  expect([await isMade(), await isMade()]).toEqual([true, false]);
  await rm(output, { recursive: true });
  expect([await isMade(), await isMade()]).toEqual([true, false]);
});

test('a making that was interrupted is not taken for a finished one, whatever is put back', async () => {
  const { text, output, copy, making, isMade } = await workshop();
  expect(await isMade()).toBe(true);
  await writeFile(text, 'b');
  const half = making(async () => {
    await rm(output, { recursive: true });
    await mkdir(output);
    await writeFile(copy, 'B');
    throw new Error('interrupted');
  });
  await expect(half).rejects.toThrow('interrupted');
  await writeFile(text, 'a');
  expect([await isMade(), await isMade()]).toEqual([true, false]);
  expect(await readFile(copy, 'utf8')).toBe('A');
});

test('what changes while it is made is made again', async () => {
  const { text, output, copy, making, isMade } = await workshop();
  await making(async () => {
    await mkdir(output);
    await writeFile(copy, 'A');
    await writeFile(text, 'b');
  });
  expect(await isMade()).toBe(true);
  expect(await readFile(copy, 'utf8')).toBe('B');
});

test('the page that npm test was given is not built again by npm start', async () => {
  expect(await run(process.execPath, [join(ROOT, 'build/web.ts')], ROOT)).toBe('');
});
