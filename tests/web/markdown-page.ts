/** What tests do with the page of markdown-page/. */
import type { Page } from 'playwright-core';
import type { Answer } from './markdown-page/main.ts';

/** Draws these answers, in one step of React's. */
export async function show(page: Page, answers: readonly Answer[]): Promise<void> {
  await page.waitForFunction(() => 'show' in globalThis);
  await page.evaluate((shown) => globalThis.show(shown), answers);
}

/** Waits until everything is shown that is on its way: long texts, formulas and what they load. */
export async function settle(page: Page): Promise<void> {
  await page.waitForFunction(() => !document.querySelector('.markdown[aria-busy="true"]'));
  await page.waitForLoadState('networkidle');
  // A browser that is never idle calls back in the end.
  const limit = { timeout: 1_000 };
  await page.evaluate(
    (options) =>
      new Promise<void>((resolve) => {
        requestIdleCallback(() => requestIdleCallback(() => resolve(), options), options);
      }),
    limit,
  );
}
