import type { Page } from 'playwright-core';
import type { Plugin } from 'vite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openIndulgently, openPage } from '../helpers/browser.ts';
import { temporaryDirectory } from '../helpers/gateway.ts';
import { seeded } from '../helpers/seeded.ts';
import { corpus, type Payload } from './hostile/corpus.ts';
import type { Answer } from './markdown-page/main.ts';
import { settle, show } from './markdown-page.ts';
import { buildPage, serveBuilt } from './markdown-server.ts';
import { startCanary, strangersInPage, TRIPWIRE, watch } from './markdown-watch.ts';

let root: string;
let faulty: string;
beforeAll(async () => {
  root = await temporaryDirectory(afterAll);
  faulty = await temporaryDirectory(afterAll);
  await buildPage(root);
  await buildPage(faulty, [planted]);
}, 120_000);

/** Payloads shown together. */
const BATCH = 25;

/** Moments at which a streamed payload is looked at. */
const MOMENTS = 8;

function batches(payloads: readonly Payload[]): Payload[][] {
  const count = Math.ceil(payloads.length / BATCH);
  return Array.from({ length: count }, (_, i) => payloads.slice(i * BATCH, (i + 1) * BATCH));
}

/** What is there of a text at one moment after another, up to the whole. */
function growing(texts: readonly string[], seed: number): Answer[][] {
  const random = seeded(seed);
  const cuts = texts.map(({ length }) =>
    Array.from({ length: MOMENTS }, () => Math.floor(random() * (length + 1))).sort(
      (a, b) => a - b,
    ),
  );
  return Array.from({ length: MOMENTS }, (_, moment) =>
    texts.map((text, i) => ({ text: text.slice(0, cuts[i]?.[moment]), streaming: true })),
  );
}

async function showBatch(page: Page, batch: readonly Payload[], seed: number): Promise<void> {
  const texts = batch.map(({ text }) => text);
  const whole = texts.map((text) => ({ text, streaming: false }));
  await show(page, whole);
  await settle(page);
  expect(await page.evaluate(strangersInPage)).toEqual([]);
  await show(page, []);
  for (const answers of growing(texts, seed)) {
    await show(page, answers);
    expect(await page.evaluate(strangersInPage)).toEqual([]);
  }
  await show(page, whole);
  await settle(page);
  expect(await page.evaluate(strangersInPage)).toEqual([]);
}

test('hostile Markdown runs nothing and calls nobody, whole and streamed in pieces', async () => {
  const canary = await startCanary();
  const url = await serveBuilt(root);
  const payloads = corpus({ canary: canary.url, script: TRIPWIRE });
  expect(new Set(payloads.map(({ text }) => text)).size).toBeGreaterThanOrEqual(300);
  const page = await openPage('about:blank');
  const wrong = await watch(page, url);
  await page.goto(url);
  for (const [index, batch] of batches(payloads).entries()) {
    await showBatch(page, batch, index);
    expect(wrong, batch.map(({ name }) => name).join(', ')).toEqual([]);
  }
  // A pointer over everything, and the keyboard through it.
  for (let i = 0; i < 20; i += 1) await page.keyboard.press('Tab');
  expect(wrong).toEqual([]);
  expect(canary.calls).toEqual([]);
}, 300_000);

test('a hostile diagram that is asked for runs nothing and calls nobody', async () => {
  const canary = await startCanary();
  const url = await serveBuilt(root);
  const payloads = corpus({ canary: canary.url, script: TRIPWIRE }).filter(({ text }) =>
    text.startsWith('```mermaid'),
  );
  expect(payloads.length).toBeGreaterThan(20);
  const page = await openIndulgently();
  const wrong = await watch(page, url);
  await page.goto(url);
  await show(
    page,
    payloads.map(({ text }) => ({ text, streaming: false })),
  );
  // A long one is read in steps, and can be asked for once its end is there.
  await settle(page);
  const buttons = page.getByRole('button', { name: 'Show diagram' });
  expect(await buttons.count()).toBe(payloads.length);
  await buttons.evaluateAll((all) => {
    for (const button of all) (button as HTMLButtonElement).click();
  });
  // The last one is drawn when those before it are: all of them share a frame.
  const pictures = page.locator('img.diagram');
  const ended = pictures.or(page.locator('p.note'));
  await ended.nth(payloads.length - 1).waitFor({ timeout: 120_000 });
  expect(await page.evaluate(strangersInPage)).toEqual([]);
  await expect.poll(() => page.locator('iframe').count()).toBe(0);
  // The policy of the frame may have something to stop: nothing gets out, which the canary knows.
  expect(wrong.filter((what) => !/^(?:policy|request): /.test(what))).toEqual([]);
  const drawn = await pictures.count();
  expect(drawn).toBeGreaterThan(10);
  expect(canary.calls).toEqual([]);
}, 300_000);

/** The renderer with its sanitiser taken out: every address may be opened, text is HTML. */
const planted: Plugin = {
  name: 'planted-fault',
  enforce: 'pre',
  load(id) {
    if (id.endsWith('/safe-url.ts')) {
      return `export const safeUrl = (target) => target;
        export const destination = () => '';
        export const isMisleading = () => false;`;
    }
    if (id.endsWith('/written-text.tsx')) {
      return `import { createElement } from 'react';
        export const WrittenText = ({ text }) =>
          createElement('span', { dangerouslySetInnerHTML: { __html: text } });`;
    }
    if (id.endsWith('/link-view.tsx')) {
      return `import { createElement } from 'react';
        import { InlineView } from './inline-view.tsx';
        export const LinkView = ({ url, children }) =>
          createElement('a', { href: url }, createElement(InlineView, { nodes: children }));
        export const ImageView = ({ url, alt }) => createElement('img', { src: url, alt });`;
    }
    return undefined;
  },
};

async function shownWithFault(policy: string | undefined): Promise<{
  wrong: string[];
  calls: string[];
  strangers: string[];
}> {
  const canary = await startCanary();
  const url = await serveBuilt(faulty, policy);
  const page = await openIndulgently();
  const wrong = await watch(page, url);
  await page.goto(url);
  const texts = [
    `<img src=x onerror="${TRIPWIRE}">`,
    `<details open ontoggle="${TRIPWIRE}">x</details>`,
    `![x](${canary.url}/planted.png)`,
  ];
  await show(
    page,
    texts.map((text) => ({ text, streaming: false })),
  );
  const strangers = await page.evaluate(strangersInPage);
  await expect.poll(() => wrong.length, { timeout: 10_000 }).toBeGreaterThan(1);
  await settle(page);
  return { wrong, calls: canary.calls, strangers };
}

test('without the sanitiser the policy has to stop scripts and images, and it is noticed', async () => {
  const { wrong, calls, strangers } = await shownWithFault(undefined);
  expect(wrong.some((what) => what.startsWith('policy: script-src'))).toBe(true);
  expect(wrong.some((what) => what.startsWith('policy: img-src'))).toBe(true);
  expect(strangers.length).toBeGreaterThan(2);
  expect(calls).toEqual([]);
}, 60_000);

test('without the sanitiser and the policy scripts run, the canary is called, and it is noticed', async () => {
  const { wrong, calls } = await shownWithFault('');
  expect(wrong).toContain('ran: script');
  expect(calls.some((call) => call.includes('/planted.png'))).toBe(true);
}, 60_000);
