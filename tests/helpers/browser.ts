import { type Browser, chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A page in Debian's Chromium, with a profile of its own; closed when the test ends. */
export async function openPage(url: string): Promise<Page> {
  const browser: Browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ARGUMENTS,
  });
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    // What a lost connection makes the browser say itself is no fault of the page.
    if (message.type() === 'error' && !/WebSocket|ERR_CONNECTION/.test(message.text())) {
      faults.push(message.text());
    }
  });
  onTestFinished(() => {
    if (faults.length > 0) throw new Error(`The page complained: ${faults.join('; ')}`);
  });
  await page.goto(url);
  return page;
}
