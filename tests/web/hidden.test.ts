/** A tab that is not looked at: its title and its announcements go on. */
import { expect, test } from 'vitest';
import { startGateway } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { Chat } from './chat.ts';

test('a tab that is hidden with a frame under way goes on all the same', async () => {
  const { agent, next } = puppet();
  const { http } = await startGateway({ agents: [agent] });
  const chat = await Chat.open(http);
  await chat.ask('hello');
  const run = await next();
  await run.say('one ');
  await chat.answer('running').getByText('one').waitFor();
  // As the browser does it from the moment on at which the tab is hidden.
  await chat.page.evaluate(() => {
    window.requestAnimationFrame = () => {
      document.documentElement.dataset.asked = 'yes';
      return 0;
    };
  });
  await run.say('two ');
  await chat.page.waitForFunction(() => document.documentElement.dataset.asked, undefined, {
    polling: 50,
  });
  await chat.page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await run.finish();
  await chat.answer('complete').waitFor();
  expect(await chat.answers.count()).toBe(1);
});
