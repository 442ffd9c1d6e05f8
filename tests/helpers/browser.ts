import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, onTestFinished } from 'vitest';

/** What a browser says itself when a server goes. */
const CONNECTION_LOST =
  /WebSocket|ERR_(?:CONNECTION|CONTENT_LENGTH_MISMATCH|EMPTY_RESPONSE|NETWORK|INTERNET_DISCONNECTED)/;
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** One for all tests of a file: it takes longer to start than most tests do. */
let browser: Promise<Browser> | undefined;
afterAll(async () => (await browser)?.close());

/**
 * A page in Debian's Chromium, with a profile of its own; closed when the test ends. What any tab
 * of the profile complains of fails the test.
 */
export async function openPage(url: string, options: BrowserContextOptions = {}): Promise<Page> {
  browser ??= chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGUMENTS });
  const context = await (await browser).newContext({ locale: 'en-GB', ...options });
  onTestFinished(() => context.close());
  const faults: string[] = [];
  context.on('weberror', (error) => faults.push(String(error.error())));
  context.on('console', (message) => {
    // What a lost connection makes the browser say itself is no fault of the page.
    if (message.type() === 'error' && !CONNECTION_LOST.test(message.text())) {
      faults.push(message.text());
    }
  });
  onTestFinished(() => {
    if (faults.length > 0) throw new Error(`The page complained: ${faults.join('; ')}`);
  });
  const page = await context.newPage();
  await page.goto(url);
  return page;
}
