import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { appeared } from './look.ts';

/** What axe finds, in words short enough to read, once what appears is there: of a dialog that is not to be seen yet it knows nothing. */
export async function violations(page: Page): Promise<string[]> {
  await appeared(page);
  // Evaluated from outside: the Content-Security-Policy lets no script in that the page did not bring.
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { axe: injected } = globalThis as unknown as { axe: { run(): Promise<AxeResults> } };
    const found = await injected.run();
    return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  });
}
