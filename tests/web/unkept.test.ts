/** What a person is told where the browser keeps nothing for the page, and what becomes of their words. */
import { expect, test } from 'vitest';
import { startGateway } from '../helpers/gateway.ts';
import { Chat } from './chat.ts';

const NOTICE = /This browser keeps nothing/;

test.for([
  [
    'is full',
    () => {
      IDBObjectStore.prototype.add = () => {
        throw new DOMException('full', 'QuotaExceededError');
      };
    },
  ],
  [
    'lets nobody use it',
    () => {
      Object.defineProperty(window, 'indexedDB', {
        get() {
          throw new DOMException('no', 'SecurityError');
        },
      });
    },
  ],
] as const)(
  '[R12] a storage that %s is told, and what is asked is answered all the same',
  async ([, fault]) => {
    const { http } = await startGateway({ agent: 'echo' });
    const chat = await Chat.open(http);
    await chat.page.addInitScript(fault);
    await chat.page.reload();
    await chat.converse('hello');
    await chat.page.getByText(NOTICE).waitFor();
  },
);

test('a draft is kept until the message is, or until the person knows that it is not', async () => {
  const { http } = await startGateway({ agent: 'echo' });
  const chat = await Chat.open(http);
  await chat.page.addInitScript(() => {
    // It never answers, which takes the client three seconds to find out.
    IDBFactory.prototype.open = () => ({}) as IDBOpenDBRequest;
  });
  await chat.page.reload();
  await chat.ask('precious words');
  const drafts = () =>
    chat.page.evaluate(() =>
      Object.entries(localStorage).flatMap(([key, value]) => (/draft/.test(key) ? value : [])),
    );
  expect(await drafts()).toEqual(['"precious words"']);
  expect(await chat.field.inputValue()).toBe('');
  await chat.page.getByText(NOTICE).waitFor();
  await chat.page.waitForFunction(
    () => !Object.keys(localStorage).some((key) => key.includes('draft')),
  );
});
