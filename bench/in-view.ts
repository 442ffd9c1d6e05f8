/** When words come into view, seen from within the page. */
import type { Page } from 'playwright-core';

declare global {
  /** Resolves in the frame in which a message with the words is within the view. */
  var inView: Promise<void>;
}

/** The mark in the trace: the frame that begins with it shows the words. */
export const MARK = 'in-view';

/** Has every page of the tab look for a message with these words, in each frame until it is there. */
export async function watchFor(page: Page, words: string): Promise<void> {
  await page.addInitScript(`(${look.toString()})(${JSON.stringify(words)}, '${MARK}')`);
}

/** The same, from now on. */
export async function lookFor(page: Page, words: string): Promise<void> {
  await page.evaluate(`(${look.toString()})(${JSON.stringify(words)}, '${MARK}')`);
}

function look(words: string, mark: string): void {
  globalThis.inView = new Promise((resolve) => {
    const step = (): void => {
      const view = document.querySelector('[role="log"]')?.getBoundingClientRect();
      const article = [...document.querySelectorAll('[role="log"] article')].find((one) =>
        one.textContent?.includes(words),
      );
      const box = article?.getBoundingClientRect();
      if (view && box && box.height > 0 && box.bottom > view.top && box.top < view.bottom) {
        performance.mark(mark);
        resolve();
      } else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
}
