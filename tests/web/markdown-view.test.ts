import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPage } from '../helpers/browser.ts';
import { temporaryDirectory } from '../helpers/gateway.ts';
import { settle, show } from './markdown-page.ts';
import { buildPage, serveBuilt } from './markdown-server.ts';

const EVERYTHING = `# First

Some **bold**, *emphasised*, ~~gone~~ words, \`code\`, a [link](https://example.org/a), a bare
https://example.org/b, a mail@example.org, a ![picture](https://example.org/c.png), $x^2$.

## Second

3. three
4. four
   - [x] done
   - [ ] to do

> A quotation.

| left | right | 3 | 4 | 5 | 6 | 7 | 8 |
|:-----|------:|---|---|---|---|---|---|
| ${'wide '.repeat(40)} | 1 | 3 | 4 | 5 | 6 | 7 | 8 |

\`\`\`js
const answer = 42; // ${'long '.repeat(60)}
\`\`\`

$$
\\int_0^1 x^2 \\, dx
$$

\`\`\`mermaid
graph TD
  Question --> Answer
\`\`\`

Text[^1].

[^1]: A note.
`;

let root: string;
beforeAll(async () => {
  root = await temporaryDirectory(afterAll);
  await buildPage(root);
}, 60_000);

async function open(text = EVERYTHING): Promise<Page> {
  const page = await openPage(await serveBuilt(root));
  await show(page, [{ text, streaming: false }]);
  await settle(page);
  return page;
}

test('everything is shown as what it is', async () => {
  const page = await open();
  const inAnswer = (selector: string) => page.locator(`.markdown ${selector}`);
  // The page has the first two levels of headings for itself.
  expect(await inAnswer('h3').textContent()).toBe('First');
  expect(await inAnswer('h4').textContent()).toBe('Second');
  expect(await inAnswer('ol').first().getAttribute('start')).toBe('3');
  expect(await inAnswer('li.task input').count()).toBe(2);
  expect(await inAnswer('th[scope=col]').count()).toBe(8);
  expect(await inAnswer('.katex math').count()).toBe(2);
  expect(await inAnswer('.hljs-keyword').first().textContent()).toBe('const');
  expect(await inAnswer('img').count()).toBe(0);
  for (const block of ['p', 'h3', 'td']) {
    expect(await inAnswer(block).first().getAttribute('dir'), block).toBe('auto');
  }
}, 60_000);

test('a link is marked as leading outside, an image as one that is not loaded', async () => {
  const page = await open();
  const link = page.getByRole('link', { name: 'link (opens another site in a new tab)' });
  expect(await link.getAttribute('rel')).toBe('noopener noreferrer nofollow');
  expect(await link.getAttribute('target')).toBe('_blank');
  await page.getByRole('link', { name: /^Image: picture \(example\.org\)/ }).waitFor();
}, 60_000);

test('a link whose words say something else says where it leads', async () => {
  const links = [
    ['[https://bank.example](https://evil.example)', /\(evil\.example\)/],
    ['[bank.example/login](https://evil.example)', /\(evil\.example\)/],
    ['<https://bаnk.example/>', /\(xn--bnk-6cd\.example\)/],
    ['[](https://evil.example)', /\(evil\.example\)/],
    ['<https://bank.example@evil.example/>', /\(evil\.example\)/],
  ] as const;
  const page = await open(links.map(([text]) => text).join('\n\n'));
  const shown = await page.locator('.markdown a').allInnerTexts();
  expect(shown.length).toBe(links.length);
  for (const [index, [text, host]] of links.entries()) expect(shown[index], text).toMatch(host);
}, 60_000);

test('references have the numbers of their footnotes as these come, and their own words where none comes', async () => {
  const page = await open('');
  const references = page.locator('.markdown p sup');
  let text = 'A[^b], B[^a], C[^none].\n\n[^a]: One.\n\nMore.\n\n';
  await show(page, [{ text, streaming: true }]);
  await expect.poll(() => references.allInnerTexts()).toEqual(['b', '1', 'none']);
  text += '[^b]: Another.\n\nEnd.\n\n';
  await show(page, [{ text, streaming: true }]);
  await expect.poll(() => references.allInnerTexts()).toEqual(['1', '2', 'none']);
  await show(page, [{ text, streaming: false }]);
  await expect.poll(() => references.allInnerTexts()).toEqual(['1', '2']);
  expect(await page.locator('.markdown p').first().innerText()).toContain('C[^none].');
  expect(await page.locator('.footnotes li').allInnerTexts()).toEqual(['Another.', 'One.']);
}, 60_000);

test.each(['light', 'dark'] as const)(
  'axe finds nothing in the %s theme',
  async (theme) => {
    const page = await open();
    await page.emulateMedia({ colorScheme: theme });
    // A script of the test's, which the policy of the page would not let in as an element.
    await page.evaluate(axe.source);
    for (const width of [360, 1200]) {
      await page.setViewportSize({ width, height: 800 });
      await settle(page);
      const { violations } = await page.evaluate(() =>
        (globalThis as unknown as { axe: typeof axe }).axe.run(),
      );
      expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overflow).toBe(0);
    }
  },
  60_000,
);

test('what is wide scrolls by itself, with the keyboard as well', async () => {
  const page = await open();
  await page.setViewportSize({ width: 360, height: 800 });
  const table = page.getByRole('group', { name: 'Table' });
  await table.focus();
  await page.keyboard.press('ArrowRight');
  await expect.poll(() => table.evaluate((element) => element.scrollLeft)).toBeGreaterThan(0);
  await page.getByRole('group', { name: 'Code: js' }).focus();
}, 60_000);

test('code is copied without a question, with and without the API, and it is said', async () => {
  const page = await open();
  const button = page.getByRole('figure', { name: 'Code: js' }).getByRole('button');
  // It is said for two seconds: who looks after the click may come late.
  const said = page.getByRole('status').getByText('Copied').waitFor();
  await Promise.all([said, button.click()]);
  // For the test alone: to look what is there, and to put something else there.
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^const answer = 42/);
  await page.evaluate(() => navigator.clipboard.writeText('something else'));
  // As it is over plain HTTP.
  await page.evaluate(() =>
    Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true }),
  );
  await button.click();
  await page.evaluate(() => Reflect.deleteProperty(navigator, 'clipboard'));
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^const answer = 42/);
}, 60_000);

test('a diagram is drawn when it is asked for, as a picture, in the colours of the theme', async () => {
  const page = await open();
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  expect(await page.locator('iframe').count()).toBe(0);
  await page.getByRole('button', { name: 'Show diagram' }).click();
  const picture = page.getByRole('img', { name: /^Diagram \(graph\)/ });
  await picture.waitFor();
  expect(requests.some((url) => url.endsWith('/diagram.html'))).toBe(true);
  const light = await picture.getAttribute('src');
  expect(light).toMatch(/^data:image\/svg\+xml/);
  await expect
    .poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth))
    .toBeGreaterThan(20);
  expect(decodeURIComponent(light ?? '')).toContain('Question');
  expect(await page.locator('iframe').count()).toBe(0);
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(() => picture.getAttribute('src'), { timeout: 20_000 }).not.toBe(light);
  await page.getByRole('button', { name: 'Show code' }).click();
  await page.getByText('Question --> Answer').waitFor();
}, 90_000);

test('a diagram that cannot be read is told in words, and its source stays', async () => {
  const page = await open('```mermaid\nno diagram at all\n```');
  await page.getByRole('button', { name: 'Show diagram' }).click();
  await page.getByRole('status').getByText('The diagram cannot be drawn').waitFor();
  await page.getByText('no diagram at all', { exact: true }).waitFor();
}, 60_000);

test('a formula that cannot be read shows its source', async () => {
  const page = await open('So $\\frac{1$ and $\\href{https://a.example}{x}$.');
  expect(await page.locator('.math code').first().textContent()).toBe('\\frac{1');
  expect(await page.locator('.math a').count()).toBe(0);
}, 60_000);

test('nothing is loaded before it is needed', async () => {
  const page = await open('Just **text**.');
  const loaded = await page.evaluate(() =>
    performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname),
  );
  expect(
    loaded.filter((path) => /katex|highlight|worker|mermaid|diagram|\.woff2/i.test(path)),
  ).toEqual([]);
}, 60_000);

test('what is too deep or too long is shown as it was written, and that is said', async () => {
  const page = await open(`${'>'.repeat(2_000)} deep\n\n${'*a **b '.repeat(4_000)}`);
  await page.getByText('> deep').waitFor();
  expect(await page.getByText('too long or too deeply nested').count()).toBe(2);
}, 60_000);

test('an open fence is coloured as it grows, and its finished lines stay as they are', async () => {
  const page = await open('');
  const code = Array.from({ length: 120 }, (_, i) => `const line${i} = ${i};`).join('\n');
  await show(page, [{ text: `\`\`\`js\n${code}\nconst half`, streaming: true }]);
  await page.locator('.hljs-keyword').first().waitFor();
  await page.evaluate(() => {
    document.querySelector('.hljs-keyword')?.setAttribute('data-first', '');
  });
  await show(page, [
    { text: `\`\`\`js\n${code}\nconst half = 1;\n\`\`\`\n\nText`, streaming: false },
  ]);
  await expect.poll(() => page.locator('.hljs-keyword').count()).toBe(121);
  expect(await page.locator('[data-first]').count()).toBe(1);
}, 60_000);

test('code is coloured however long it takes to load what colours it', async () => {
  const page = await openPage(await serveBuilt(root));
  await page.clock.install();
  const [asked, loaded] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await page.route('**/*highlight-worker*', async (route) => {
    asked.resolve();
    await loaded.promise;
    await route.continue();
  });
  await show(page, [{ text: '```js\nconst answer = 42;\n```', streaming: false }]);
  await asked.promise;
  await page.clock.runFor(60_000);
  loaded.resolve();
  await page.locator('.hljs-keyword').waitFor();
}, 60_000);

test('code that takes too long stays plain, and the next one is coloured', async () => {
  const page = await openPage(await serveBuilt(root));
  await page.clock.install();
  const endless = 'onmessage = () => { postMessage("begun"); for (;;); }';
  const script = { contentType: 'text/javascript', body: endless };
  await page.route('**/*highlight-worker*', (route) => route.fulfill(script), { times: 1 });
  const started = page.waitForEvent('worker');
  await show(page, [{ text: '```js\nconst question = 1;\n```', streaming: false }]);
  await started;
  await expect
    .poll(async () => {
      await page.clock.runFor(1_000);
      return page.workers().length;
    })
    .toBe(0);
  expect(await page.locator('.hljs-keyword').count()).toBe(0);
  await show(page, [{ text: '```js\nconst answer = 42;\n```', streaming: false }]);
  await page.locator('.hljs-keyword').waitFor();
}, 60_000);
