import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { openSqliteStore } from '../../packages/gateway/src/stores/sqlite.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { Chat } from './chat.ts';

const COUNT = 5_000;
const OLDEST = 'the oldest one';
const QUESTION = 'Where is the lighthouse of Lindesnes?';

function post(url: string, body: object): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** Where a gateway finds them all: what people would have needed years for, in a few commits. */
async function filled(): Promise<string> {
  const dataDir = await temporaryDirectory();
  const store = await openSqliteStore(dataDir);
  const now = Date.now();
  await Promise.all(
    Array.from({ length: COUNT - 1 }, (_, index) =>
      store.createSession({
        id: randomUUID(),
        incarnation: randomUUID(),
        owner: 'local',
        title: index === 0 ? OLDEST : `chat ${index + 1}`,
        agent: 'echo',
        invitationEpoch: 0,
        createdAt: now - (COUNT - index) * 1_000,
      }),
    ),
  );
  await store.close();
  return dataDir;
}

test('[R8] with 5,000 chats the list opens, scrolls, is searched and grows as with five', async () => {
  const dataDir = await filled();
  const { http } = await startGateway({ agents: [echoAgent], store: 'sqlite:', dataDir });
  const chat = await Chat.open(http);
  await chat.converse(QUESTION);
  const rows = chat.chats.getByRole('listitem');

  const began = performance.now();
  await chat.page.goto(http);
  await rows.first().waitFor();
  const opened = performance.now();
  expect(opened - began).toBeLessThan(3_000);

  // To the end of what is there, as often as there is more.
  const list = rows.first().locator('xpath=ancestor::div[1]');
  await list.evaluate(async (element, oldest) => {
    while (!element.textContent?.includes(oldest)) {
      element.scrollTop = element.scrollHeight;
      await new Promise(requestAnimationFrame);
    }
  }, OLDEST);
  expect(await rows.last().innerText()).toContain(OLDEST);
  expect(await rows.last().getAttribute('aria-posinset')).toBe(`${COUNT}`);
  // Only those in view are in the page.
  expect(await rows.count()).toBeLessThan(60);
  const scrolled = performance.now();
  expect(scrolled - opened).toBeLessThan(6_000);

  const search = chat.page.getByRole('searchbox', { name: 'Search in all chats' });
  await search.fill('lindesnes');
  await chat.chats.getByRole('link', { name: /Question: .*Lindesnes/ }).waitFor();
  const searched = performance.now();
  expect(searched - scrolled).toBeLessThan(2_000);

  await search.fill('');
  await rows.first().waitFor();
  await post(`${http}/api/sessions`, { title: 'the newest one' });
  await chat.chat('the newest one').waitFor();
  expect(await rows.first().innerText()).toContain('the newest one');
  const grown = performance.now();
  expect(grown - searched).toBeLessThan(4_000);
});
