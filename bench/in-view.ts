/** When words come into view, seen from within the page. */
import type { Page } from 'playwright-core';

declare global {
  /** Resolves at the end of the frame in which a message with the words is within the view. */
  var inView: Promise<void>;
}

/** The mark in the trace: the frame that is drawn next shows the words. */
export const MARK = 'in-view';

/** Has every page of the tab look for a message with these words until it is there. */
export async function watchFor(page: Page, words: string): Promise<void> {
  await page.addInitScript(`(${look.toString()})(${JSON.stringify(words)}, '${MARK}')`);
}

/** The same, from now on. */
export async function lookFor(page: Page, words: string): Promise<void> {
  await page.evaluate(`(${look.toString()})(${JSON.stringify(words)}, '${MARK}')`);
}

/**
 * Said by an observer, which the browser calls at the end of the frame that shows them: looking before
 * each frame would see what the one before it has shown.
 */
function look(words: string, mark: string): void {
  globalThis.inView = new Promise((resolve) => {
    const view = new IntersectionObserver((entries) => {
      if (!entries.some(({ intersectionRect }) => intersectionRect.height > 0)) return;
      performance.mark(mark);
      view.disconnect();
      changes.disconnect();
      resolve();
    });
    const observe = (): void => {
      for (const article of document.querySelectorAll('[role="log"] article')) {
        if (article.textContent?.includes(words)) view.observe(article);
      }
    };
    const changes = new MutationObserver(observe);
    changes.observe(document, { subtree: true, childList: true, characterData: true });
    observe();
  });
}
