import { expect, test } from 'vitest';
import { startGateway } from '../helpers/gateway.ts';
import { Chat } from './chat.ts';
import { firstLoad } from './first-load.ts';

test('[R8] the page loads less than 250 kB, gzipped, before it can be used', async () => {
  const { http } = await startGateway();
  const files = await firstLoad(http);
  const bytes = files.reduce((sum, { gzipped }) => sum + gzipped, 0);
  console.log(`first load: ${files.length} files, ${(bytes / 1_000).toFixed(1)} kB gzipped`);
  expect(files.map(({ path }) => path).join(' ')).toMatch(/\.js .*\.css|\.css .*\.js/);
  expect(bytes).toBeLessThan(250_000);
  expect(files.filter(({ path }) => path.includes('monitor'))).toEqual([]);
  // Without the page itself the bound would hold as well.
  expect(bytes).toBeGreaterThan(100_000);
});

test('a chat is asked for while what draws it is still on its way, and nothing of that is asked for late', async () => {
  const { http } = await startGateway();
  const chat = await Chat.open('about:blank');
  const asked: string[] = [];
  const released = Promise.withResolvers<void>();
  await chat.page.route('**/assets/**', async (route) => {
    const { pathname } = new URL(route.request().url());
    asked.push(pathname);
    // What draws the page is by far the largest script; its name is given by the build.
    if (/\/page-.*\.js$/.test(pathname)) await released.promise;
    await route.continue();
  });
  const joined = chat.page
    .waitForEvent('websocket')
    .then((socket) =>
      socket.waitForEvent('framesent', ({ payload }) => payload.includes('session_join')),
    );
  const document = await chat.page.goto(`${http}/s/${crypto.randomUUID()}`, {
    waitUntil: 'commit',
  });
  const html = (await document?.text()) ?? '';
  await joined;
  expect(await chat.field.count()).toBe(0);
  expect(asked.filter((path) => !html.includes(path))).toEqual([]);
  released.resolve();
  await chat.page.getByRole('main').waitFor();
});
