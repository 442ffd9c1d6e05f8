/** Chats of which the page has only a part. */
import { expect, test } from 'vitest';
import { defineAgent, echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { Chat } from './chat.ts';

/** More events than the newest page of a session holds, between a question and its answer. */
const manyTools = defineAgent({
  name: 'many-tools',
  async *run() {
    for (let index = 0; index < 60; index += 1) {
      const tool = { id: `call-${index}`, name: 'look' };
      yield { type: 'tool_call', ...tool, arguments: {} };
      yield { type: 'tool_result', ...tool, result: 'x'.repeat(100) };
    }
    yield 'looked at everything';
  },
});

/** Larger than the newest page of a session may be. */
const largeResults = defineAgent({
  name: 'large-results',
  async *run() {
    for (let index = 0; index < 6; index += 1) {
      const tool = { id: `call-${index}`, name: 'read' };
      yield { type: 'tool_call', ...tool, arguments: {} };
      yield { type: 'tool_result', ...tool, result: 'x'.repeat(250_000) };
    }
    yield 'read everything';
  },
});

/** Has 70 more questions answered in the chat; its id. */
async function fill(chat: Chat, http: string): Promise<string> {
  const session = new URL(chat.page.url()).pathname.slice('/s/'.length);
  for (let n = 1; n <= 70; n += 1) {
    await fetch(`${http}/api/chat`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ session_id: session, message: `number ${n}` }),
    });
  }
  return session;
}

test.each([manyTools, largeResults])(
  '[R7] an answer that is more than a page is shown to who comes back, and found: $name',
  async (agent) => {
    const { http } = await startGateway({ agents: [agent] });
    const chat = await Chat.open(http);
    await chat.converse('the first question');
    await chat.converse('the last question');
    await chat.page.reload();
    await chat.questions.getByText('the last question').waitFor();
    expect(await chat.page.getByText('What would you like to know?').count()).toBe(0);

    await chat.page.goto(http);
    await chat.button(`Agent: ${agent.name}`).waitFor();
    await chat.page.keyboard.press('Control+k');
    await chat.page.keyboard.type('everything');
    // The newest first.
    await chat.chats
      .getByRole('link', { name: /Answer:/ })
      .nth(1)
      .click();
    await chat.answer('complete').first().waitFor();
    await chat.questions.getByText('the first question').waitFor();
  },
);

test('where earlier messages cannot be loaded the page says so and waits to be asked', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http, { expected: /500/ });
  await chat.converse('number 0');
  await fill(chat, http);
  let requests = 0;
  await chat.page.route('**/messages?before_seq*', (route) => {
    requests += 1;
    return route.fulfill({ status: 500, json: { status: 'error', message: 'no', code: 'NO' } });
  });
  await chat.page.reload();
  await chat.questions.getByText('number 70').waitFor();
  const toTop = () => chat.log.evaluate((log) => log.scrollTo(0, 0));
  await toTop();
  const failure = chat.log.getByRole('alert');
  await failure.getByText('Earlier messages could not be loaded.').waitFor();
  const before = requests;
  // What would ask again at once has done so after a few frames.
  for (let frame = 0; frame < 30; frame += 1) {
    await chat.page.evaluate(() => new Promise(requestAnimationFrame));
  }
  expect(requests).toBe(before);

  await chat.page.unroute('**/messages?before_seq*');
  await failure.getByRole('button', { name: 'Try again' }).click();
  await expect.poll(() => failure.count()).toBe(0);
  // What comes is put above what is in view, and the view does not move: one scrolls up once it is there.
  const beginning = chat.questions.getByText('number 0', { exact: true });
  await expect
    .poll(async () => {
      await toTop();
      return beginning.count();
    })
    .toBe(1);
});

test('[R12] nothing more is asked for of a chat that is deleted', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  await chat.converse('number 0');
  const session = await fill(chat, http);
  await chat.page.reload();
  await chat.questions.getByText('number 70').waitFor();
  let requests = 0;
  chat.page.on('request', (request) => {
    if (request.url().includes('before_seq')) requests += 1;
  });
  await fetch(`${http}/api/sessions/${session}`, { method: 'DELETE' });
  await chat.page.getByText('This chat was deleted.', { exact: false }).waitFor();
  await chat.log.evaluate((log) => log.scrollTo(0, 0));
  await chat.log.getByText('Earlier messages are gone with the chat.').waitFor();
  expect(requests).toBe(0);
});
