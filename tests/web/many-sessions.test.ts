import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { openSqliteStore } from '../../packages/gateway/src/stores/sqlite.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { Chat } from './chat.ts';

const COUNT = 5_000;
/** From a hundred to all of them, each time as much again by half. */
const PAGES = Math.ceil(Math.log(COUNT / 100) / Math.log(1.5));
/** What may be added to what five chats take, milliseconds: far less than a list that is not made for so many. */
const SLACK = 500;
/** How often it is measured at the most, where the machine is held up by something else. */
const ROUNDS = 3;
const OLDEST = 'the oldest one';
const QUESTION = 'Where is the lighthouse of Lindesnes?';

function post(url: string, body: object): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** Where a gateway finds so many: what people would have needed years for, in a few commits. */
async function filled(count: number): Promise<string> {
  const dataDir = await temporaryDirectory();
  const store = await openSqliteStore(dataDir);
  const now = Date.now();
  await Promise.all(
    Array.from({ length: count - 1 }, (_, index) =>
      store.createSession({
        id: randomUUID(),
        incarnation: randomUUID(),
        owner: 'local',
        title: index === 0 ? OLDEST : `chat ${index + 1}`,
        agent: 'echo',
        invitationEpoch: 0,
        createdAt: now - (count - index) * 1_000,
      }),
    ),
  );
  await store.close();
  return dataDir;
}

const STEPS = ['opened', 'scrolled', 'searched', 'grown'] as const;
/** How long each step takes, milliseconds. */
type Times = Readonly<Record<(typeof STEPS)[number], number>>;

async function measure(count: number): Promise<Times> {
  const dataDir = await filled(count);
  const { http } = await startGateway({ agents: [echoAgent], store: 'sqlite:', dataDir });
  const chat = await Chat.open(http);
  await chat.converse(QUESTION);
  const rows = chat.chats.getByRole('listitem');

  const began = performance.now();
  await chat.page.goto(http);
  await rows.first().waitFor();
  const opened = performance.now();

  // To the end of what is there, as often as there is more.
  const list = rows.first().locator('xpath=ancestor::div[1]');
  await list.evaluate(async (element, oldest) => {
    while (!element.textContent?.includes(oldest)) {
      element.scrollTop = element.scrollHeight;
      await new Promise(requestAnimationFrame);
    }
  }, OLDEST);
  expect(await rows.last().innerText()).toContain(OLDEST);
  expect(await rows.last().getAttribute('aria-posinset')).toBe(`${count}`);
  // Only those in view are in the page.
  expect(await rows.count()).toBeLessThan(60);
  const scrolled = performance.now();

  const search = chat.page.getByRole('searchbox', { name: 'Search in all chats' });
  await search.fill('lindesnes');
  await chat.chats.getByRole('link', { name: /Question: .*Lindesnes/ }).waitFor();
  const searched = performance.now();

  await search.fill('');
  await rows.first().waitFor();
  await post(`${http}/api/sessions`, { title: 'the newest one' });
  await chat.chat('the newest one').waitFor();
  expect(await rows.first().innerText()).toContain('the newest one');
  const grown = performance.now();
  return {
    opened: Math.round(opened - began),
    scrolled: Math.round(scrolled - opened),
    searched: Math.round(searched - scrolled),
    grown: Math.round(grown - searched),
  };
}

/** What each step may take with all of them, by what it takes with five; scrolling goes from page to page. */
function allowed(few: Times, step: keyof Times): number {
  return 2 * few[step] * (step === 'scrolled' ? PAGES : 1) + SLACK;
}

/** The steps that take longer than they may. */
function over(all: Times, few: Times): string[] {
  return STEPS.filter((step) => all[step] >= allowed(few, step)).map(
    (step) => `${step}: ${all[step]} ms, allowed ${allowed(few, step)}`,
  );
}

/** The better time of each step: a machine that is busy elsewhere makes them longer, never shorter. */
function quicker(one: Times, other: Times): Times {
  const best = STEPS.map((step) => [step, Math.min(one[step], other[step])]);
  return Object.fromEntries(best) as Times;
}

test('[R8] with 5,000 chats the list opens, scrolls, is searched and grows as with five', async () => {
  let [few, all] = [await measure(5), await measure(COUNT)];
  for (let round = 1; round < ROUNDS && over(all, few).length > 0; round += 1) {
    [few, all] = [quicker(few, await measure(5)), quicker(all, await measure(COUNT))];
  }
  console.log('with five, ms:', JSON.stringify(few), 'with 5,000:', JSON.stringify(all));
  expect(over(all, few)).toEqual([]);
}, 120_000);
