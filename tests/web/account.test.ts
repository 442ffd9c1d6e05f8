import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newToken } from '../../packages/gateway/src/auth/token-file.ts';
import { echoAgent, type GatewayOptions } from '../../packages/gateway/src/index.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { violations } from './axe.ts';
import { Chat } from './chat.ts';
import { look } from './look.ts';

async function startGuarded(options: GatewayOptions = {}) {
  const tokensFile = join(await temporaryDirectory(), 'tokens.txt');
  const [alice, bob] = [newToken('alice'), newToken('bob')];
  await writeFile(tokensFile, `${alice.line}\n${bob.line}\n`);
  const { http } = await startGateway({
    agents: [echoAgent],
    auth: 'token',
    tokensFile,
    ...options,
  });
  return { http, tokensFile, alice, bob };
}

/** What a browser says itself of a 401 is no fault of the page. */
const refusals = { expected: /401/ };

const kept = (chat: Chat) =>
  chat.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));

async function signIn(chat: Chat, token: string): Promise<void> {
  await chat.page.getByLabel('Access token').fill(token);
  await chat.page.getByRole('button', { name: 'Sign in' }).click();
}

test('who is not known is asked for a token, told of a wrong one, and signed in until they sign out', async () => {
  const { http, alice, bob } = await startGuarded();
  const chat = await Chat.open(http, refusals);
  await signIn(chat, 'nonsense');
  await chat.page.getByRole('alert').getByText('not known here').waitFor();
  await signIn(chat, alice.token);
  await chat.converse('of alice');
  await chat.page.reload();
  await chat.chat('of alice').waitFor();
  const download = chat.page.waitForEvent('download');
  await chat.choose('of alice', 'Export as Markdown');
  await download;
  // Scripts cannot read what keeps somebody signed in.
  expect(await chat.page.evaluate(() => document.cookie)).toBe('');
  await chat.field.fill('a draft of alice');
  const other = await chat.anotherTab();
  await other.field.fill('another draft of alice');

  await chat.button('Settings').click();
  await chat.page.getByRole('menuitem', { name: 'Sign out' }).click();
  await signIn(chat, bob.token);
  await chat.field.waitFor();
  expect(await chat.field.inputValue()).toBe('');
  expect(await chat.chat('of alice').count()).toBe(0);
  // Of neither tab is anything left, nor handed over to the next one.
  await expect.poll(() => kept(other)).not.toContain('alice');
  expect(await kept(chat)).not.toContain('alice');
});

test('[R4] a token that is taken back ends the page, and asks for another', async () => {
  const { http, tokensFile, alice, bob } = await startGuarded();
  const chat = await Chat.open(http, refusals);
  await signIn(chat, alice.token);
  await chat.converse('hello');
  await writeFile(tokensFile, `${bob.line}\n`);
  await chat.page.getByLabel('Access token').waitFor();
  await signIn(chat, alice.token);
  await chat.page.getByRole('alert').waitFor();
});

test('[R12] who has tried too many tokens is told when to go on, and no token is wrong by that', async () => {
  const { http, alice } = await startGuarded({ maxFailedAttempts: 1 });
  const chat = await Chat.open(http, { expected: /401|429/ });
  await signIn(chat, 'nonsense');
  await chat.page.getByRole('alert').getByText('not known here').waitFor();
  await signIn(chat, alice.token);
  await chat.page.getByRole('alert').getByText('Try again in a minute').waitFor();
});

test('[R7] to an administrator the chat of somebody else does not look like an own one', async () => {
  const { http, alice, bob } = await startGuarded({ admins: ['bob'] });
  const hers = await Chat.open(http, refusals);
  await signIn(hers, alice.token);
  await hers.converse('of alice');
  const seen = await Chat.open(hers.page.url(), refusals);
  await signIn(seen, bob.token);
  const words = seen.page.getByRole('status').getByText('This is somebody else’s chat.');
  await words.waitFor();
  await seen.log.getByText('of alice').first().waitFor();
  await look(seen.page, 'administrator');
  expect(await violations(seen.page)).toEqual([]);
  await seen.page.getByRole('link', { name: 'New chat' }).click();
  await seen.converse('of bob');
  expect(await words.count()).toBe(0);
  expect(await hers.page.getByText('somebody else').count()).toBe(0);
});

test('[R7] who was invited by a link comes into the chat, to write or only to read', async () => {
  const { http } = await startGateway({ agents: [echoAgent], auth: 'anonymous' });
  const owner = await Chat.open(http);
  await owner.converse('of the owner');
  const link = async (access: string) => {
    await owner.choose('of the owner', 'Share…');
    await owner.page.getByLabel(access).check();
    await owner.button('Make a link').click();
    const made = await owner.page.getByLabel('Link', { exact: true }).inputValue();
    await owner.page.keyboard.press('Escape');
    return made;
  };
  const writer = await Chat.open(await link('May read and write'));
  await writer.converse('of the writer');
  expect(new URL(writer.page.url()).pathname).toBe(new URL(owner.page.url()).pathname);
  await owner.answers.nth(1).waitFor();
  await owner.log
    .getByRole('article', { name: /^anon-/ })
    .getByText('of the writer')
    .waitFor();
  await writer.page.reload();
  await writer.questions.getByText('of the writer').waitFor();

  const reader = await Chat.open(await link('May only read'));
  await reader.page.getByText('You were invited to read this chat.').waitFor();
  await reader.log.getByText('of the writer').first().waitFor();
  expect(await reader.field.count()).toBe(0);

  // Who is in it, to its owner, who takes out the one; the other leaves.
  await owner.choose('of the owner', 'Share…');
  const people = owner.page.getByRole('dialog').getByRole('listitem');
  await people.filter({ hasText: 'May only read' }).waitFor();
  expect(await people.count()).toBe(3);
  expect(await people.first().innerText()).toBe('You\nOwner');
  await people.filter({ hasText: 'May only read' }).getByRole('button').click();
  await expect.poll(() => people.count()).toBe(2);
  await reader.page.getByRole('alert').getByText('This chat was deleted.').waitFor();
  await writer.button('Actions for this chat').click();
  expect(await writer.page.getByRole('menuitem', { name: 'Delete' }).count()).toBe(0);
  await writer.page.getByRole('menuitem', { name: 'Share…' }).click();
  await writer.button('Leave this chat').click();
  await writer.page.getByRole('heading', { level: 1, name: 'New chat' }).waitFor();
  await writer.chat('of the owner').waitFor({ state: 'detached' });

  const late = await Chat.open(`${http}/join#nonsense`, { expected: /403/ });
  await late.page.getByText('This invitation has expired, or is none.').waitFor();
});
