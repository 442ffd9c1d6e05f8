/** Pictures of a state, for people to look at, where `SCREENSHOTS` names a directory for them. */
import { join } from 'node:path';
import type { Page } from 'playwright-core';

const directory = process.env.SCREENSHOTS;
const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } };

/** Both widths in both themes; the page is left as it was. */
export async function look(page: Page, state: string): Promise<void> {
  if (directory === undefined) return;
  const before = page.viewportSize();
  for (const [width, size] of Object.entries(SIZES)) {
    await page.setViewportSize(size);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await appeared(page);
      await page.screenshot({ path: join(directory, `${state}-${width}-${colorScheme}.png`) });
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  if (before) await page.setViewportSize(before);
}

/** Resolves when what appears slowly is there; what moves for ever is not waited for. */
export async function appeared(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const ends = document.getAnimations().map(({ effect, finished }) => {
      return effect?.getComputedTiming().endTime === Number.POSITIVE_INFINITY ? 0 : finished;
    });
    await Promise.allSettled(ends);
  });
}
