import { readFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from '../helpers/gateway.ts';
import { exchangesIn, Replay } from './exchanges.ts';

test('[R2] [R4] [R5] [R6] [R11] [R12] every worked exchange of PROTOCOL.md is what the server does', async () => {
  const page = await readFile(new URL('../../PROTOCOL.md', import.meta.url), 'utf8');
  const exchanges = exchangesIn(page);
  expect(exchanges.length).toBe(page.match(/<!-- exchange:/g)?.length);
  expect(exchanges.length).toBeGreaterThan(10);

  const replay = new Replay(await temporaryDirectory());
  onTestFinished(() => replay.close());
  await replay.start();
  for (const exchange of exchanges) await replay.play(exchange);
});
