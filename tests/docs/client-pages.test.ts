/** The programs of docs/client.md that need a browser: bundled as printed, and used. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { bundle } from '../client/serve-page.ts';
import { openPage } from '../helpers/browser.ts';
import { startGateway } from '../helpers/gateway.ts';
import { blocksIn, readPages } from './pages.ts';
import { projectDirectory } from './program.ts';

const page = (await readPages()).find(({ file }) => file === 'docs/client.md') ?? {
  file: '',
  text: '',
};

/** Serves each file bundled, and a page that loads `main`, beside a gateway where they expect it. */
async function serve(main: string, files: Record<string, string>): Promise<string> {
  const directory = await projectDirectory();
  const served = new Map<string, string>();
  const server = createServer(({ url = '' }, response) => {
    const html = `<!doctype html><title>Docs</title><body><script type=module src=/${main}></script>`;
    const code = served.get(url.slice(1));
    const type = url === '/' ? 'text/html' : 'text/javascript';
    response.writeHead(url === '/' || code ? 200 : 204, { 'Content-Type': type });
    response.end(url === '/' ? html : code);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { http } = await startGateway({ agent: 'echo', origins: [origin] });
  for (const [name, code] of Object.entries(files)) {
    const file = `${directory}/${name}`;
    await writeFile(file, code.replaceAll('localhost:8080', new URL(http).host));
    served.set(name, await bundle(file));
  }
  return origin;
}

test('the component for React asks and shows the answer', async () => {
  const [code = ''] = blocksIn(page, 'tsx');
  const tab = await openPage(await serve('chat.tsx', { 'chat.tsx': code }));
  await tab.getByPlaceholder('Ask').fill('What is Parley?');
  await tab.keyboard.press('Enter');
  await expect
    .poll(() => tab.locator('p').allInnerTexts(), { timeout: 10_000 })
    .toEqual(['What is Parley?', 'What is Parley?']);
});

test('the worker asks, and the page shows what it says', async () => {
  const files = Object.fromEntries(
    blocksIn(page, 'js').flatMap((code) => {
      const [, name] = /^\/\/ (\w+\.js)$/m.exec(code) ?? [];
      return name ? [[name, code]] : [];
    }),
  );
  expect(Object.keys(files)).toEqual(['worker.js', 'page.js']);
  const tab = await openPage(await serve('page.js', files));
  await expect
    .poll(() => tab.evaluate(() => document.body.textContent), { timeout: 10_000 })
    .toBe('What is Parley?\nWhat is Parley?');
});
