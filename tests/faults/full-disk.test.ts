/** A disk without room is told by what balancers and operators ask, and is no end of the server. */
import { spawnSync } from 'node:child_process';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { readiness } from '../helpers/readiness.ts';
import { ask } from '../http/request.ts';

/** A file system of 4 MiB. */
async function smallDisk(): Promise<string> {
  const directory = await temporaryDirectory();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'parley', directory]);
  if (mounted.status !== 0) throw new Error(`This test mounts a tmpfs: ${mounted.stderr}`);
  onTestFinished(() => void spawnSync('umount', ['--lazy', directory]));
  return directory;
}

const isRoot = process.platform === 'linux' && process.getuid?.() === 0;

test.runIf(isRoot)(
  '[R2] [R9] a full disk: nothing is acknowledged, readiness says so, and all goes on when there is room',
  async () => {
    const dataDir = await smallDisk();
    const node = await startGateway({ store: 'sqlite:', dataDir, agents: [echoAgent] });
    const chat = async () =>
      (await ask(`${node.http}/api/chat`, { body: { message: 'x' } })).status;
    expect(await chat()).toBe(200);
    expect(await readiness(node)).toMatch(/^200/);

    const filler = join(dataDir, 'filler');
    const { bavail, bsize } = await statfs(dataDir);
    // All room that there is: the database may have taken some of it meanwhile, and then this is told that it is full.
    await writeFile(filler, Buffer.alloc(bavail * bsize)).catch((error) => {
      if (error.code !== 'ENOSPC') throw error;
    });
    expect(await readiness(node)).toMatch(/^200/);
    // What room the log of the database had by then is taken by and by.
    await expect.poll(chat, { timeout: 20_000, interval: 0 }).toBe(503);
    expect(await readiness(node)).toMatch(/^503.*store: takes no writes \(SQLITE_FULL\)/);

    await rm(filler);
    await expect.poll(() => readiness(node)).toMatch(/^200/);
    expect(await chat()).toBe(200);
  },
);
