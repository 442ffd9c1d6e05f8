/** The client in real Chromium: IndexedDB, tabs, a worker, and the hooks for React. */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { openPage } from '../helpers/browser.ts';
import { freePort } from '../helpers/free-port.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { fakeServer, status } from './fake-server.ts';
import { servePage } from './serve-page.ts';

/** The page of an application whose server is not there until `online` is called. */
async function application() {
  const origin = await servePage('outbox.ts');
  const port = await freePort();
  const url = `ws://127.0.0.1:${port}/ws`;
  return {
    origin,
    url,
    async online() {
      const dataDir = await temporaryDirectory();
      const { http } = await startGateway({ agent: 'echo', port, origins: [origin], dataDir });
      return http;
    },
  };
}

/** Another tab of the same browser. */
async function openTab(page: Page): Promise<Page> {
  const opened = page.waitForEvent('popup');
  await page.evaluate(() => void window.open(location.href));
  const tab = await opened;
  await tab.waitForFunction(() => globalThis.parley !== undefined);
  return tab;
}

/** Opens a session in the page, sends to it, and resolves when all is in the storage. */
async function write(page: Page, url: string, id: string | undefined, ...texts: string[]) {
  return page.evaluate(
    async ([address, sessionId, words]) => {
      const { client, warnings } = globalThis.parley.open(address);
      const session = client.session(sessionId);
      const ids = words.map((text) => session.send(text));
      for (;;) {
        const kept = await globalThis.parley.kept(address);
        if (ids.every((each) => kept.includes(each))) break;
      }
      return { sessionId: session.id, ids, warnings };
    },
    [url, id, texts] as const,
  );
}

/** The messages that the server has of a session. */
async function idsAt(http: string, sessionId: string): Promise<string[]> {
  const response = await fetch(`${http}/api/sessions/${sessionId}/messages?limit=100`);
  const { data } = await response.json();
  return (data?.messages ?? [])
    .filter(({ role }: { role: string }) => role === 'user')
    .map((each: { message_id: string }) => each.message_id);
}

test('[R3] what is written offline, in a page that is reloaded, is sent once and in order', async () => {
  const { origin, url, online } = await application();
  const page = await openPage(origin);
  const { sessionId, ids, warnings } = await write(page, url, undefined, 'one', 'two', 'three');
  expect(warnings).toEqual([]);
  await page.reload();
  const shown = page.evaluate(
    async ([address, id]) => {
      const { client } = globalThis.parley.open(address);
      const { transcript } = client.session(id);
      const told: string[] = [];
      return new Promise<string[]>((resolve) => {
        transcript.subscribe(() => {
          const messages = transcript.snapshot().items.filter(({ kind }) => kind === 'message');
          const states = messages.map(({ text, status }) => `${text} ${status}`).join(', ');
          if (told.at(-1) !== states) told.push(states);
          if (messages.length === 3 && messages.every((item) => item.status === 'sent'))
            resolve(told);
        });
      });
    },
    [url, sessionId] as const,
  );
  const http = await online();
  expect(await shown).toEqual(
    expect.arrayContaining([
      'one waiting, two waiting, three waiting',
      'one sent, two waiting, three waiting',
      'one sent, two sent, three sent',
    ]),
  );
  expect(await idsAt(http, sessionId)).toEqual(ids);
});

test('[R3] what was written in two tabs that are closed is sent by a third, which opens nothing', async () => {
  const { origin, url, online } = await application();
  const first = await openPage(origin);
  const [second, third] = [await openTab(first), await openTab(first)];
  const one = await write(first, url, undefined, 'one');
  const two = await write(second, url, one.sessionId, 'two');
  const three = await write(first, url, one.sessionId, 'three');
  await first.goto('about:blank');
  await second.close();
  await third.evaluate((address) => void globalThis.parley.open(address), url);
  const http = await online();
  await expect.poll(() => idsAt(http, one.sessionId), { timeout: 20_000 }).toHaveLength(3);
  expect(await idsAt(http, one.sessionId)).toEqual([...one.ids, ...two.ids, ...three.ids]);
});

test('a worker talks to the server as a page does', async () => {
  const { origin, url, online } = await application();
  await online();
  const page = await openPage(origin);
  const told = await page.evaluate(
    (address) =>
      new Promise((resolve) => {
        const worker = new Worker('page.js', { type: 'module' });
        worker.onmessage = ({ data }) => resolve(data);
        worker.postMessage({ url: address, text: 'hello' });
      }),
    url,
  );
  expect(told).toEqual({ text: 'hello', kept: true });
});

test('the hooks join once, stay in step, and leave when nobody shows a session', async () => {
  const server = await fakeServer();
  const page = await openPage(await servePage('hooks.ts'));
  await page.evaluate((url) => {
    globalThis.client = globalThis.hooks.open(url);
    globalThis.hooks.show({ client: globalThis.client, ids: ['a', 'a', 'b'] });
  }, server.url);
  const connection = await server.accept();
  const entered = new Set();
  for (let joins = 0; joins < 3; joins += 1) {
    const frame = await connection.any();
    if (frame.type === 'session_join') {
      entered.add(frame.session_id);
      connection.send(status(frame.session_id ?? '', { history: [], has_more: false }));
    } else expect(frame.type).toBe('sessions_watch');
  }
  expect(entered).toEqual(new Set(['a', 'b']));
  await expect.poll(() => page.locator('[data-status=active]').count()).toBe(3);
  // Shown elsewhere, and no longer in one of two places: nothing to leave.
  await page.evaluate(() =>
    globalThis.hooks.show({ client: globalThis.client, ids: ['b', undefined, 'a'] }),
  );
  await expect.poll(() => page.locator('section').count()).toBe(3);
  await page.evaluate(() => globalThis.hooks.show({ client: globalThis.client, ids: ['b'] }));
  expect((await connection.next('session_leave')).session_id).toBe('a');
  await connection.settled();
  expect(connection.unread).toBe(0);
});

test('a page with the hooks shows the answer, and a new session keeps its place under its id', async () => {
  const origin = await servePage('hooks.ts');
  const { ws } = await startGateway({ agent: 'echo', origins: [origin] });
  const page = await openPage(origin);
  await page.evaluate((url) => {
    globalThis.client = globalThis.hooks.open(url);
    globalThis.hooks.show({ client: globalThis.client, ids: [undefined] });
  }, ws);
  await page.locator('nav[data-status=ready][data-connection=open]').waitFor({ state: 'attached' });
  const id = (await page.locator('section').getAttribute('data-id')) ?? '';
  const same = await page.evaluate((sessionId) => {
    const before = globalThis.hooks.sessions[0] as { send(text: string): string };
    before.send('Where do ships rest?');
    globalThis.hooks.show({ client: globalThis.client, ids: [sessionId] });
    return globalThis.client.session(sessionId) === globalThis.hooks.sessions[0];
  }, id);
  expect(same).toBe(true);
  await expect.poll(() => page.locator('section p').allTextContents()).toHaveLength(2);
  expect(await page.locator('section').getAttribute('data-id')).toBe(id);
  await page.locator('li', { hasText: 'Where do ships rest?' }).waitFor();
});
