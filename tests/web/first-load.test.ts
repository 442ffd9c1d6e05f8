import { expect, test } from 'vitest';
import { startGateway } from '../helpers/gateway.ts';
import { firstLoad } from './first-load.ts';

test('[R8] the page loads less than 250 kB, gzipped, before it can be used', async () => {
  const { http } = await startGateway();
  const files = await firstLoad(http);
  const bytes = files.reduce((sum, { gzipped }) => sum + gzipped, 0);
  console.log(`first load: ${files.length} files, ${(bytes / 1_000).toFixed(1)} kB gzipped`);
  expect(files.map(({ path }) => path).join(' ')).toMatch(/\.js .*\.css|\.css .*\.js/);
  expect(bytes).toBeLessThan(250_000);
  // Without the page itself the bound would hold as well.
  expect(bytes).toBeGreaterThan(100_000);
});
