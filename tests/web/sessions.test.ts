import { once } from 'node:events';
import { expect, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { Chat } from './chat.ts';

interface Listed {
  readonly data: { readonly sessions: readonly { readonly id: string; readonly title: string }[] };
}

/** The titles that the server has. */
async function titles(http: string): Promise<string[]> {
  const response = await fetch(`${http}/api/sessions`);
  return ((await response.json()) as Listed).data.sessions.map(({ title }) => title);
}

test('[R7] a chat is renamed in the list or above it, also on a phone, in every tab', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  await chat.converse('harbours of Norway');
  const other = await chat.anotherTab();
  await other.chat('harbours of Norway').waitFor();
  await chat.choose('harbours of Norway', 'Rename');
  const field = chat.page.getByRole('textbox', { name: 'Title of the chat' });
  await field.fill('Bergen');
  await field.press('Enter');
  for (const tab of [chat, other]) {
    await tab.chat('Bergen').waitFor();
    await tab.page.getByRole('heading', { level: 1, name: 'Bergen' }).waitFor();
  }
  await expect.poll(() => titles(http)).toEqual(['Bergen']);
  // The keyboard goes on where it was.
  await expect
    .poll(() => chat.chat('Bergen').evaluate((link) => link === document.activeElement))
    .toBe(true);
  // On a phone the list is not there, and what can be done with the chat still is.
  await chat.page.setViewportSize({ width: 375, height: 700 });
  await chat.chats.waitFor({ state: 'hidden' });
  const menu = chat.button('Actions for this chat');
  await menu.click();
  await chat.page.getByRole('menuitem', { name: 'Export as JSON' }).waitFor();
  await chat.page.getByRole('menuitem', { name: 'Rename' }).click();
  await field.fill('Stavanger');
  await field.press('Enter');
  await other.chat('Stavanger').waitFor();
  await expect.poll(() => menu.evaluate((button) => button === document.activeElement)).toBe(true);
  await menu.click();
  await chat.page.getByRole('menuitem', { name: 'Delete' }).click();
  await chat.page.getByRole('heading', { level: 1, name: 'New chat' }).waitFor();
  await other.chat('Stavanger').waitFor({ state: 'detached' });
});

test('[R7] a deleted chat can be had back in every tab; the keyboard goes to its neighbour meanwhile', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  await chat.converse('the older one');
  await chat.page.getByRole('link', { name: 'New chat' }).click();
  await chat.converse('the newer one');
  const other = await chat.anotherTab(http);
  await other.chat('the newer one').waitFor();
  await chat.choose('the newer one', 'Delete');
  await expect.poll(() => chat.chat('the newer one').count()).toBe(0);
  await other.chat('the newer one').waitFor({ state: 'detached' });
  await expect
    .poll(() => chat.chat('the older one').evaluate((link) => link === document.activeElement))
    .toBe(true);
  expect(new URL(chat.page.url()).pathname).toBe('/');
  expect(await titles(http)).toContain('the newer one');
  // Either tab may undo it, and both hear of it.
  await other.button('Undo').click();
  for (const tab of [chat, other]) {
    await tab.chat('the newer one').waitFor();
    await tab.page.getByText('“the newer one” is back.').waitFor();
    expect(await tab.button('Undo').count()).toBe(0);
  }
  await chat.chat('the newer one').click();
  await chat.choose('the newer one', 'Delete');
  await chat.button('Undo').click();
  await chat.log.getByText('the newer one').first().waitFor();
  await other.chat('the newer one').waitFor();
});

test('a search shows the word that was found, and none of the marks around it', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  await chat.converse(`${'many words before it '.repeat(9)}is **Lindesnes** \`at\` the sea`);
  await chat.page.keyboard.press('Control+k');
  await chat.page.keyboard.type('lindesn');
  const mark = chat.chats.locator('mark').first();
  await mark.waitFor();
  expect(await mark.locator('..').innerText()).toContain('is Lindesnes at the sea');
  // Not below the last line that is shown.
  const overflow = await mark.evaluate((element) => {
    const bottom = (one: Element | null) => one?.getBoundingClientRect().bottom ?? 0;
    return bottom(element) - bottom(element.parentElement);
  });
  expect(overflow).toBeLessThanOrEqual(0);
});

test('what is being deleted is led to neither by the keyboard nor by a search', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  for (const words of ['the oldest ship', 'the middle ship', 'the newest ship']) {
    await chat.page.getByRole('link', { name: 'New chat' }).click();
    await chat.converse(words);
  }
  await chat.choose('the middle ship', 'Delete');
  await expect.poll(() => chat.chat('the middle ship').count()).toBe(0);
  await chat.field.press('Alt+ArrowDown');
  await chat.page.getByRole('heading', { level: 1, name: 'the oldest ship' }).waitFor();
  await chat.page.keyboard.press('Control+k');
  await chat.page.keyboard.type('ship');
  await chat.chats.getByText('4 messages found').waitFor();
  expect(await chat.chats.getByText('middle').count()).toBe(0);
});

test.each(['team:42', 'x/y', '50%', 'a?b#c', 'assets/x.js'])(
  'a chat opens by its address, whatever the protocol allows in its id: %s',
  async (id) => {
    const { http, ws } = await startGateway({ agents: [echoAgent] });
    const socket = new WebSocket(ws, 'parley.v1');
    await once(socket, 'open');
    socket.send(
      JSON.stringify({ type: 'session_create', session_id: id, message_id: 'm1', data: {} }),
    );
    const content = 'said here';
    socket.send(
      JSON.stringify({ type: 'chat_message', session_id: id, message_id: 'm2', data: { content } }),
    );
    const chat = await Chat.open(`${http}/s/${encodeURIComponent(id)}`);
    await chat.questions.getByText(content).waitFor();
    socket.close();
    await chat.page.getByRole('link', { name: 'New chat' }).click();
    await chat.chat(content).click();
    await chat.questions.getByText(content).waitFor();
  },
);

test('a deletion happens when its time is over, and at once when the tab is closed', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  await chat.converse('left behind');
  const other = await chat.anotherTab();
  await chat.choose('left behind', 'Delete');
  await expect.poll(() => chat.chat('left behind').count()).toBe(0);
  expect(await titles(http)).toEqual(['left behind']);
  await chat.page.close({ runBeforeUnload: true });
  await expect.poll(() => titles(http)).toEqual([]);
  await other.page.getByText('This chat was deleted.', { exact: false }).waitFor();
  expect(await other.questions.innerText()).toContain('left behind');
});

test('[R12] a deletion happens at once on a reload, which says so and does not offer to undo it', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  // Asked once more to be sure, the server says that it is gone.
  const chat = await Chat.open(http, { expected: /404/ });
  await chat.converse('let go');
  await chat.choose('let go', 'Delete');
  await expect.poll(() => chat.chat('let go').count()).toBe(0);
  await chat.page.reload();
  await chat.page.getByText('“let go” is deleted.').waitFor();
  expect(await chat.button('Undo').count()).toBe(0);
  await expect.poll(() => titles(http)).toEqual([]);
  expect(await chat.chat('let go').count()).toBe(0);
});

test('a search finds what was said and leads to the message, however far back', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  await chat.converse('the lighthouse of Lindesnes');
  const session = new URL(chat.page.url()).pathname.slice('/s/'.length);
  for (let n = 1; n <= 120; n += 1) {
    await fetch(`${http}/api/chat`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ session_id: session, message: `something else, number ${n}` }),
    });
  }
  await chat.page.goto(http);
  await chat.button('Agent: echo').waitFor();
  await chat.page.keyboard.press('Control+k');
  await chat.page.keyboard.type('lindesn');
  const hit = chat.chats.getByRole('link', { name: /Question: the lighthouse/ });
  await hit.click();
  const found = chat.questions.getByText('the lighthouse of Lindesnes');
  await found.waitFor();
  expect(await found.evaluate((element) => element.getBoundingClientRect().top)).toBeGreaterThan(0);
});

test('what happens in a chat that nobody looks at is marked unread until one does', async () => {
  const { agent, next } = puppet();
  const { http } = await startGateway({ agents: [agent] });
  const chat = await Chat.open(http);
  await chat.ask('take your time');
  const run = await next();
  const link = chat.chat('take your time');
  await chat.answer('running').waitFor();
  await chat.page.getByRole('link', { name: 'New chat' }).click();
  await chat.page.getByRole('heading', { name: 'What would you like to know?' }).waitFor();
  await run.say('here it is');
  await run.finish();
  await chat.chats.getByText('unread').waitFor();
  expect(await link.innerText()).toContain('unread');
  const other = await chat.anotherTab(http);
  await other.chats.getByText('unread').waitFor();
  await link.click();
  await chat.answer('complete').waitFor();
  // Read marks are shared by the tabs.
  for (const tab of [chat, other]) {
    await expect.poll(() => tab.chats.getByText('unread').count()).toBe(0);
  }
});

test('a draft is kept for each chat, over a reload', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  await chat.converse('first');
  await chat.field.fill('half a thought');
  await chat.page.getByRole('link', { name: 'New chat' }).click();
  await expect.poll(() => chat.field.inputValue()).toBe('');
  await chat.field.fill('another one');
  await chat.chat('first').click();
  await expect.poll(() => chat.field.inputValue()).toBe('half a thought');
  await chat.page.goto(http);
  expect(await chat.field.inputValue()).toBe('another one');
});

test('a chat can be taken away as a file', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  await chat.converse('keep this');
  const download = chat.page.waitForEvent('download');
  await chat.choose('keep this', 'Export as Markdown');
  expect((await download).suggestedFilename()).toMatch(/\.md$/);
});

test('a chat that does not exist says so, and what to do', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(`${http}/s/00000000-0000-4000-8000-000000000000`);
  const notice = chat.page.getByRole('alert');
  await notice.getByText('There is no such chat').waitFor();
  await notice.getByRole('link', { name: 'New chat' }).click();
  await chat.converse('hello');
});
