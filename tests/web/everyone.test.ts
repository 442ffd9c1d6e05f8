/** For whoever uses the page, and however: keyboard, screen reader, theme, width, language. */
import { describe, expect, test } from 'vitest';
import { defineAgent, echoAgent, simulatorAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { violations } from './axe.ts';
import { Chat, tokens } from './chat.ts';

const PHONE = { width: 390, height: 844 };

const careful = defineAgent({
  name: 'careful',
  description: 'Asks before it acts.',
  tools: ['book_berth'],
  async *run(_input, { approve }) {
    yield 'May I? ';
    const { approved } = await approve({ tool: 'book_berth', arguments: { harbour: 'Bergen' } });
    yield approved ? 'Booked.' : 'Left alone.';
  },
});

describe.each(['light', 'dark'] as const)('%s', (colorScheme) => {
  test('axe finds nothing while one asks and is answered', async () => {
    const { http } = await startGateway({ agents: [simulatorAgent, echoAgent, careful] });
    const chat = await Chat.open(http, { colorScheme, reducedMotion: 'reduce' });
    await chat.button('Agent: simulator').waitFor();
    expect(await violations(chat.page)).toEqual([]);

    await chat.converse('tokens=30 tool=search');
    await chat.log.getByText('search', { exact: true }).click();
    await chat.ask('tokens=20 fail_at=10');
    await chat.answer('error').waitFor();
    await chat.ask('tokens=2000 rate=50 agents=3');
    await chat.page.getByRole('progressbar').first().waitFor();
    await chat.ask('tokens=5');
    await chat.answer('queued').waitFor();
    expect(await violations(chat.page)).toEqual([]);

    await chat.button('Stop answering').click();
    await expect.poll(() => chat.answer('cancelled').count()).toBe(2);
    expect(await violations(chat.page)).toEqual([]);
  });

  test('axe finds nothing in menus, approvals, dialogs and the search', async () => {
    const { http } = await startGateway({ agents: [simulatorAgent, careful] });
    const chat = await Chat.open(http, { colorScheme, reducedMotion: 'reduce' });
    await chat.button('Agent: simulator').click();
    await chat.page.getByRole('menu').waitFor();
    expect(await violations(chat.page)).toEqual([]);
    await chat.page.getByRole('menuitemradio', { name: 'careful' }).click();
    await chat.ask('a berth');
    await chat.button('Allow').waitFor();
    await chat.button('Keyboard shortcuts').click();
    await chat.page.getByRole('dialog').waitFor();
    expect(await violations(chat.page)).toEqual([]);
    await chat.page.keyboard.press('Escape');
    await chat.page.getByRole('searchbox').fill('berth');
    await chat.chats.getByText(/messages? found/).waitFor();
    // With the name of a button beside it, which comes wherever the pointer rests.
    await chat.button('Close the list of chats').hover();
    const tooltip = chat.page.getByRole('tooltip', { includeHidden: true });
    await tooltip.waitFor({ state: 'attached' });
    expect(await violations(chat.page)).toEqual([]);
  });
});

test('axe finds nothing on a phone, with the list of chats open and a chat that is gone', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const options = { viewport: PHONE, hasTouch: true, isMobile: true };
  const chat = await Chat.open(http, options);
  await chat.converse('hello');
  expect(await violations(chat.page)).toEqual([]);
  await chat.button('Open the list of chats').click();
  await chat.chat('hello').waitFor();
  expect(await violations(chat.page)).toEqual([]);
  await chat.chat('hello').click();
  await expect.poll(() => chat.page.getByRole('dialog').count()).toBe(0);
  await chat.page.goto(`${http}/s/none`);
  await chat.page.getByRole('alert').waitFor();
  expect(await violations(chat.page)).toEqual([]);
});

test('nothing is wider than a phone', async () => {
  const { http } = await startGateway({ agents: [echoAgent, simulatorAgent] });
  const chat = await Chat.open(http, { viewport: { width: 320, height: 640 } });
  await chat.converse(`${'long'.repeat(80)} ${'| a '.repeat(40)}`);
  const width = await chat.page.evaluate(() => document.documentElement.scrollWidth);
  expect(width).toBeLessThanOrEqual(320);
  expect(await chat.log.evaluate((log) => log.scrollWidth - log.clientWidth)).toBe(0);
});

test('the keyboard does everything: shortcuts, their sheet, a new chat, the chats before and after', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  const { keyboard } = chat.page;
  await chat.converse('one');
  await keyboard.press('Control+Shift+o');
  await chat.page.getByRole('heading', { level: 1, name: 'New chat' }).waitFor();
  await keyboard.type('two');
  await keyboard.press('Enter');
  await chat.answer('complete').getByText('two').waitFor();
  await keyboard.press('Alt+ArrowDown');
  await chat.page.getByRole('heading', { level: 1, name: 'one' }).waitFor();
  await keyboard.press('Alt+ArrowUp');
  await chat.page.getByRole('heading', { level: 1, name: 'two' }).waitFor();

  await chat.log.focus();
  await keyboard.press('?');
  const sheet = chat.page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await sheet.getByText('Search in all chats').waitFor();
  await keyboard.press('Escape');
  await expect.poll(() => sheet.count()).toBe(0);
  // The focus goes back there when the sheet is gone, and would be taken from the field again.
  await expect.poll(() => chat.log.evaluate((log) => log === document.activeElement)).toBe(true);
  await keyboard.press('/');
  expect(await chat.field.evaluate((field) => field === document.activeElement)).toBe(true);
  await keyboard.type('what? /');
  expect(await chat.field.inputValue()).toBe('what? /');
});

test('the focus comes back to where a dialog was opened from', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  const opener = chat.button('Keyboard shortcuts');
  await opener.focus();
  await chat.page.keyboard.press('Enter');
  await chat.page.getByRole('dialog').waitFor();
  await chat.page.keyboard.press('Escape');
  await expect
    .poll(() => opener.evaluate((button) => button === document.activeElement))
    .toBe(true);
});

test('a screen reader hears that an answer begins and how it ended, not every word', async () => {
  const { agent, next } = puppet({ name: 'clerk' });
  const { http } = await startGateway({ agents: [agent] });
  const chat = await Chat.open(http);
  await chat.field.waitFor();
  await chat.page.evaluate(() => {
    const heard: string[] = [];
    Object.assign(globalThis, { heard });
    const region = document.querySelector('main > [aria-live="polite"]');
    if (!region) throw new Error('nothing speaks');
    new MutationObserver(() => heard.push(region.textContent ?? '')).observe(region, {
      subtree: true,
      characterData: true,
      childList: true,
    });
  });
  await chat.ask('Where is the harbour?');
  const run = await next();
  for (const word of tokens(40).split(' ')) {
    await run.say(`${word} `);
    await chat.answer('running').getByText(word).waitFor();
  }
  await run.finish();
  await chat.answer('complete').waitFor();
  const heard = await chat.page.evaluate(
    () => (globalThis as unknown as { heard: string[] }).heard,
  );
  expect(heard[0]).toBe('clerk is answering.');
  expect(heard.at(-1)).toMatch(/^clerk answered: t1 t2/);
  expect(heard.length).toBeLessThanOrEqual(3);
  expect(await chat.log.getAttribute('aria-live')).toBe('off');
});

test('the theme and the language are chosen, kept, and the same in other tabs', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  const other = await chat.anotherTab();
  await chat.button('Settings').click();
  await chat.page.getByRole('menuitemradio', { name: 'Dark' }).click();
  const scheme = (tab: Chat) =>
    tab.page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  for (const tab of [chat, other]) await expect.poll(() => scheme(tab)).toBe('dark');
  await chat.button('Settings').click();
  await chat.page.getByRole('menuitemradio', { name: 'Deutsch' }).click();
  for (const tab of [chat, other]) {
    await tab.page.getByRole('textbox', { name: 'Nachricht' }).waitFor();
    expect(await tab.page.evaluate(() => document.documentElement.lang)).toBe('de');
  }
  await chat.page.reload();
  await chat.page.getByRole('heading', { name: 'Was möchten Sie wissen?' }).waitFor();
});

test('a browser that keeps nothing shows the page all the same', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  await chat.page.addInitScript(() => {
    for (const name of ['localStorage', 'indexedDB']) {
      Object.defineProperty(globalThis, name, {
        get() {
          throw new DOMException('Access is denied.', 'SecurityError');
        },
      });
    }
  });
  await chat.page.goto(http);
  await chat.converse('still here');
  await chat.button('Settings').click();
  await chat.page.getByRole('menuitemradio', { name: 'Dark' }).click();
  await expect
    .poll(() => chat.page.evaluate(() => document.documentElement.dataset.theme))
    .toBe('dark');
});

test('text from right to left stands at the right', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  await chat.converse('مرحبا، كيف حالك؟');
  const direction = await chat.answers
    .getByText('مرحبا')
    .evaluate((paragraph) => getComputedStyle(paragraph).direction);
  expect(direction).toBe('rtl');

  await chat.converse('- أولا\n- ثانيا\n\n> اقتباس\n\n1. first\n2. ثانيا');
  const lists = chat.answers.last().locator('ul, blockquote, ol, ul li, ol li');
  const directions = await lists.evaluateAll((all) =>
    all.map((one) => `${one.localName} ${getComputedStyle(one).direction}`),
  );
  // The marks of a list are all at one side.
  const [right, left] = ['rtl', 'ltr'];
  expect(directions).toEqual([
    ...[`ul ${right}`, `li ${right}`, `li ${right}`, `blockquote ${right}`],
    ...[`ol ${left}`, `li ${left}`, `li ${left}`],
  ]);
});
