import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, onTestFinished } from 'vitest';

/** What a browser says itself when a server goes. */
const CONNECTION_LOST =
  /WebSocket|ERR_(?:CONNECTION|CONTENT_LENGTH_MISMATCH|EMPTY_RESPONSE|NETWORK|INTERNET_DISCONNECTED)/;
/**
 * Chromium without its windows: the same engine, and a third of the processor time, since no page
 * has a browser around it that nobody sees.
 */
const EXECUTABLE = '/usr/bin/chromium-headless-shell';
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // So that pages can be of other hosts; the name is reserved for this (RFC 6761).
  '--host-resolver-rules=MAP *.test 127.0.0.1',
];

export interface PageOptions extends BrowserContextOptions {
  /** What the test makes the browser itself complain of. */
  readonly expected?: RegExp;
}

/** One for all tests of a file: it takes longer to start than most tests do. */
let browser: Promise<Browser> | undefined;
afterAll(async () => (await browser)?.close());

/**
 * A page in Debian's Chromium, with a profile of its own; closed when the test ends. What any tab
 * of the profile complains of fails the test.
 */
export async function openPage(url: string, options: PageOptions = {}): Promise<Page> {
  const { expected, ...rest } = options;
  const page = await openIndulgently(rest);
  const context = page.context();
  const faults: string[] = [];
  context.on('weberror', (error) => faults.push(String(error.error())));
  context.on('console', (message) => {
    // What a lost connection makes the browser say itself is no fault of the page.
    const isFault = ![CONNECTION_LOST, expected].some((words) => words?.test(message.text()));
    if (message.type() === 'error' && isFault) {
      faults.push(`${message.text()} at ${message.location().url}`);
    }
  });
  onTestFinished(() => {
    if (faults.length > 0) throw new Error(`The page complained: ${faults.join('; ')}`);
  });
  await page.goto(url);
  return page;
}

/** The same, empty, and it may complain. */
export async function openIndulgently(
  options: BrowserContextOptions = {},
  onFinished: (dispose: () => Promise<void>) => void = onTestFinished,
): Promise<Page> {
  browser ??= chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS });
  const context = await (await browser).newContext({ locale: 'en-GB', ...options });
  onFinished(() => context.close());
  return context.newPage();
}

/** Another page of the profile that `page` is, or was, a page of. */
export async function openBeside(page: Page, url: string): Promise<Page> {
  const beside = page.isClosed() ? await page.context().newPage() : await openWindow(page);
  await beside.goto(url);
  return beside;
}

/** As a tab it would push the other one into the background, where every click takes a second or two. */
async function openWindow(page: Page): Promise<Page> {
  const context = page.context();
  const own = await context.newCDPSession(page);
  const { browserContextId = '' } = (await own.send('Target.getTargetInfo')).targetInfo;
  await own.detach();
  const opened = context.waitForEvent('page');
  const whole = await context.browser()?.newBrowserCDPSession();
  await whole?.send('Target.createTarget', {
    url: 'about:blank',
    browserContextId,
    newWindow: true,
  });
  await whole?.detach();
  return opened;
}
