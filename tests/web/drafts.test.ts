/** What one has begun to write is not lost, whatever else happens. */
import { expect, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { Chat } from './chat.ts';

/** What a new tab of the same browser would go on with. */
const draftsKept = (chat: Chat) =>
  chat.page.evaluate(() =>
    Object.entries(localStorage).flatMap(([key, value]) =>
      key.startsWith('parley.draft.') ? [value as string] : [],
    ),
  );

const editorOf = (chat: Chat) => chat.page.getByRole('textbox', { name: 'Edit your question' });

test('a question that is being edited is kept while one reads or goes elsewhere', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http, { viewport: { width: 900, height: 500 } });
  await chat.converse('begin');
  const session = new URL(chat.page.url()).pathname.slice('/s/'.length);
  for (let n = 1; n <= 8; n += 1) {
    await fetch(`${http}/api/chat`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ session_id: session, message: `${n}. ${'words '.repeat(150)}` }),
    });
  }
  await chat.questions.getByText('8. words').waitFor();
  await chat.field.press('ArrowUp');
  await editorOf(chat).fill('carefully rewritten');
  await chat.log.evaluate((log) => log.scrollTo(0, 0));
  await expect.poll(() => editorOf(chat).count()).toBe(0);
  await chat.button('Jump to the newest').click();
  expect(await editorOf(chat).inputValue()).toBe('carefully rewritten');

  await editorOf(chat).fill('rewritten once more');
  await chat.page.getByRole('link', { name: 'New chat' }).click();
  await chat.page.getByRole('heading', { name: 'What would you like to know?' }).waitFor();
  await chat.page.goBack();
  expect(await editorOf(chat).inputValue()).toBe('rewritten once more');
  await chat.page.reload();
  await chat.questions.last().waitFor();
  await chat.field.press('ArrowUp');
  expect(await editorOf(chat).inputValue()).toBe('rewritten once more');

  await editorOf(chat).press('Escape');
  await chat.field.press('ArrowUp');
  expect(await editorOf(chat).inputValue()).toContain('8. words');
});

test('who edits a question is told that there are newer ones before it takes their place', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  await chat.converse('a question');
  const other = await chat.anotherTab();
  await other.questions.first().waitFor();
  await chat.field.press('ArrowUp');
  await editorOf(chat).fill('a better question');
  await other.converse('asked meanwhile');
  await chat.page.getByText('There are newer messages.', { exact: false }).waitFor();
  await editorOf(chat).press('Enter');
  const button = chat.page
    .locator('form', { has: editorOf(chat) })
    .getByRole('button', { name: 'Ask again' });
  await expect.poll(() => button.evaluate((one) => one === document.activeElement)).toBe(true);
  expect(await other.questions.allInnerTexts()).toHaveLength(2);
  await chat.page.keyboard.press('Enter');
  await other.questions.getByText('a better question').waitFor();
  await expect.poll(() => other.questions.count()).toBe(1);
});

test('what was written for a question that another tab has changed can be taken along', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  await chat.converse('a question');
  const other = await chat.anotherTab();
  await other.questions.first().waitFor();
  await chat.field.press('ArrowUp');
  await editorOf(chat).fill('my rewriting');
  await other.field.press('ArrowUp');
  await editorOf(other).fill('theirs');
  await editorOf(other).press('Enter');
  const kept = chat.page.getByRole('region', { name: 'Your draft' });
  await kept.getByText('my rewriting').waitFor();
  await kept.getByRole('button', { name: 'Discard' }).click();
  expect(await kept.count()).toBe(0);
});

test('two tabs that write in one chat leave each other their words', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  await chat.field.fill('a long draft');
  const other = await chat.anotherTab();
  // A new tab goes on with what was written last.
  expect(await other.field.inputValue()).toBe('a long draft');
  await other.converse('something quick');
  await chat.page.reload();
  expect(await chat.field.inputValue()).toBe('a long draft');
  const url = other.page.url();
  await chat.page.goto(url);
  await chat.field.fill('a draft in the chat');
  await other.converse('and again');
  // What is of a tab alone is there for the next one, however it ends.
  await expect.poll(() => draftsKept(other)).toContain('"a draft in the chat"');
  await chat.page.reload();
  expect(await chat.field.inputValue()).toBe('a draft in the chat');
  await chat.page.close();
  const next = await other.anotherTab(url);
  expect(await next.field.inputValue()).toBe('a draft in the chat');
});

test('what one was writing in a chat that is deleted elsewhere stays readable and usable', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  await chat.converse('a question');
  await chat.field.fill('half an essay');
  const id = new URL(chat.page.url()).pathname.slice('/s/'.length);
  await fetch(`${http}/api/sessions/${id}`, { method: 'DELETE' });
  await chat.page.getByText('This chat was deleted.', { exact: false }).waitFor();
  const kept = chat.page.getByRole('region', { name: 'Your draft' });
  expect(await kept.innerText()).toContain('half an essay');
  await kept.getByRole('button', { name: 'Copy' }).waitFor();
  await kept.getByRole('button', { name: 'Use it in a new chat' }).click();
  await expect.poll(() => chat.field.inputValue()).toBe('half an essay');
  expect(new URL(chat.page.url()).pathname).toBe('/');
});
