import { expect, test } from 'vitest';
import { simulatorAgent } from '../../packages/gateway/src/index.ts';
import { openPage } from '../helpers/browser.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';

const words = (count: number) => Array.from({ length: count }, (_, i) => `t${i + 1}`).join(' ');

test('[R4] [R6] a page that is reloaded in mid-answer shows the whole answer, once', async () => {
  const { http } = await startGateway({ agents: [simulatorAgent] });
  const page = await openPage(http);
  await page.locator('#text').fill('tokens=200 rate=100');
  await page.locator('#send').click();
  await page.locator('.answer .text', { hasText: 't20' }).waitFor();
  await page.reload();
  await page.locator('.answer .text', { hasText: 't200' }).waitFor();
  await expect.poll(() => page.locator('#stop').isHidden(), { timeout: 5_000 }).toBe(true);
  expect(await page.locator('.answer').count()).toBe(1);
  expect((await page.locator('.answer .text').innerText()).trim()).toBe(words(200));
});

test('[R4] the stop button stops the answer', async () => {
  const { http } = await startGateway({ agents: [simulatorAgent] });
  const page = await openPage(http);
  await page.locator('#text').fill('tokens=5000 rate=50');
  await page.locator('#send').click();
  await page.locator('.answer .text', { hasText: 't5' }).waitFor();
  await page.locator('#stop').click();
  await page.locator('.answer.cancelled').waitFor();
  const stopped = await page.locator('.answer .text').innerText();
  await page.reload();
  await page.locator('.answer.cancelled').waitFor();
  expect(await page.locator('.answer .text').innerText()).toBe(stopped);
});

test('[R2] [R6] a page whose server dies in mid-answer shows the whole answer when it is back', async () => {
  const dataDir = await temporaryDirectory();
  const first = await startGateway({ agents: [simulatorAgent], store: 'sqlite:', dataDir });
  const page = await openPage(first.http);
  await page.locator('#text').fill('tokens=100 rate=100');
  await page.locator('#send').click();
  await page.locator('.answer .text', { hasText: 't20' }).waitFor();
  await first.gateway.close();
  const port = Number(new URL(first.http).port);
  await startGateway({ agents: [simulatorAgent], store: 'sqlite:', dataDir, port });
  await page.locator('.answer.complete .text', { hasText: 't100' }).waitFor();
  expect(await page.locator('.answer').count()).toBe(1);
  expect((await page.locator('.answer .text').innerText()).trim()).toBe(words(100));
});
