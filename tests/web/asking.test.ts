import { expect, test } from 'vitest';
import { echoAgent, simulatorAgent } from '../../packages/gateway/src/index.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { Chat, tokens } from './chat.ts';

test('a question is answered word by word, and the chat gets an address of its own', async () => {
  const { agent, next } = puppet();
  const { http } = await startGateway({ agents: [agent] });
  const chat = await Chat.open(http);
  await chat.ask('Where is the harbour?');
  const run = await next();
  const words = tokens(60).split(' ');
  for (const word of words.slice(0, 5)) await run.say(`${word} `);
  await chat.answer('running').getByText('t5').waitFor();
  expect(new URL(chat.page.url()).pathname).toMatch(/^\/s\/[\da-f-]{36}$/);
  for (const word of words.slice(5)) await run.say(`${word} `);
  await run.finish();
  await chat.answer('complete').waitFor();
  expect(await chat.words(chat.answers)).toBe(tokens(60));
  expect(await chat.questions.innerText()).toContain('Where is the harbour?');
});

test('[R4] the stop button stops the answer, and Escape in the message field does too', async () => {
  const { http } = await startGateway({ agents: [simulatorAgent] });
  const chat = await Chat.open(http);
  await chat.ask('tokens=5000 rate=50');
  await chat.answer('running').getByText('t5').waitFor();
  await chat.button('Stop answering').click();
  await chat.answer('cancelled').waitFor();
  const stopped = await chat.words(chat.answers);
  await chat.page.reload();
  await chat.answer('cancelled').waitFor();
  expect(await chat.words(chat.answers)).toBe(stopped);

  await chat.ask('tokens=5000 rate=50');
  await chat.answer('running').getByText('t5').waitFor();
  await chat.field.press('Escape');
  await expect.poll(() => chat.answer('cancelled').count()).toBe(2);
});

test('[R4] Escape stops all that the server has where more does not fit; what waited comes next', async () => {
  const { agent, next } = puppet();
  const { http } = await startGateway({ agents: [agent], maxQueuedRuns: 1 });
  const chat = await Chat.open(http);
  for (const words of ['first', 'second', 'third']) await chat.ask(words);
  await next();
  await chat.answer('queued').waitFor();
  await chat.page.getByText('Too many questions wait in this chat.').waitFor();
  await chat.field.press('Escape');
  await expect.poll(() => chat.answer('cancelled').count()).toBe(2);
  const third = await next();
  expect(third.input.message).toBe('third');
  await third.say('Here I am.');
  await third.finish();
  await chat.answer('complete').getByText('Here I am.').waitFor();
  expect(await chat.page.getByText('Too many questions wait in this chat.').count()).toBe(0);
});

test('asking again takes the place of the answer that there was', async () => {
  const { http } = await startGateway({ agents: [simulatorAgent] });
  const chat = await Chat.open(http);
  await chat.ask('tokens=20 fail_at=10');
  await chat.answer('error').getByText('The answer failed.').waitFor();
  const first = await chat.answers.getAttribute('data-run');
  await chat.answer('error').getByRole('button', { name: 'Ask again' }).first().click();
  await expect.poll(() => chat.answers.getAttribute('data-run')).not.toBe(first);
  await chat.answer('error').waitFor();
  expect(await chat.questions.count()).toBe(1);
  expect(await chat.answers.count()).toBe(1);
});

test('the last question can be edited and is asked anew, from the keyboard alone', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  await chat.converse('first');
  await chat.converse('secnd');
  await chat.field.press('ArrowUp');
  const editor = chat.page.getByRole('textbox', { name: 'Edit your question' });
  await editor.fill('second');
  await editor.press('Enter');
  await chat.answer('complete').getByText('second').waitFor();
  await expect.poll(() => chat.questions.allInnerTexts()).toHaveLength(2);
  expect((await chat.questions.nth(1).innerText()).includes('second')).toBe(true);
  expect(await chat.log.getByText('secnd').count()).toBe(0);
});

test('an answer is copied as it was written', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  await chat.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await chat.converse('**bold** and `code`');
  await chat.answer('complete').getByRole('button', { name: 'Copy', exact: true }).last().click();
  await chat.button('Copied').waitFor();
  const copied = await chat.page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toBe('**bold** and `code`');
});

test('a question that has to wait says for how many answers, and can be taken back', async () => {
  const { http } = await startGateway({ agents: [simulatorAgent] });
  const chat = await Chat.open(http);
  await chat.ask('tokens=5000 rate=50');
  await chat.answer('running').waitFor();
  await chat.ask('tokens=5');
  await chat.answer('queued').getByText('Waits for 1 answer before it').waitFor();
  await chat.answer('queued').getByRole('button', { name: 'Stop' }).click();
  await chat.answer('cancelled').waitFor();
  expect(await chat.answer('running').count()).toBe(1);
});

test('what several agents do is shown as bars, and the calls of tools can be unfolded', async () => {
  const { agent, next } = puppet();
  const { http } = await startGateway({ agents: [agent] });
  const chat = await Chat.open(http);
  await chat.ask('where do ships rest?');
  const run = await next();
  const agents = ['planner-1', 'planner-2', 'planner-3'].map((name) => ({
    name,
    status: 'processing' as const,
    progress: 0.5,
  }));
  await run.say({ type: 'progress', agents, overallProgress: 0.5 });
  await run.say({ type: 'tool_call', id: 'c1', name: 'search', arguments: { query: 'harbours' } });
  await run.say({ type: 'tool_result', id: 'c1', name: 'search', result: { hits: 3 } });
  const progress = chat.page.getByRole('region', { name: 'Progress of the agents' });
  await progress.getByRole('progressbar', { name: 'planner-1' }).waitFor();
  expect(await progress.getByRole('progressbar').count()).toBe(4);
  await chat.log.getByText('search', { exact: true }).click();
  await chat.log.getByText('"hits"').waitFor();
  await chat.log.getByText('"query"').waitFor();
});

test('[R7] the call of a tool stands where it happened: live, for who comes late, and afterwards', async () => {
  const { agent, next } = puppet();
  const { http } = await startGateway({ agents: [agent] });
  const chat = await Chat.open(http);
  await chat.ask('where do ships rest?');
  const run = await next();
  await run.say('Let me look.');
  await run.say({ type: 'tool_call', id: 'c1', name: 'search_harbours', arguments: {} });
  await run.say({ type: 'tool_result', id: 'c1', name: 'search_harbours', result: { hits: 3 } });
  await run.say('Found it.\n\n```\nberth');
  await run.say({ type: 'tool_call', id: 'c2', name: 'book_berth', arguments: {} });
  await run.say({ type: 'tool_result', id: 'c2', name: 'book_berth', result: { berth: 12 } });
  await run.say(' 12\n```\n\nBooked.');
  const order = /Let me look\..*search_harbours.*Found it\..*berth 12.*book_berth.*Booked\./s;
  await chat.answer('running').getByText('Booked.').waitFor();
  const late = await chat.anotherTab();
  await late.answer('running').getByText('Booked.').waitFor();
  for (const tab of [chat, late]) expect(await tab.answers.innerText()).toMatch(order);
  await run.finish();
  for (const tab of [chat, late]) await tab.answer('complete').waitFor();
  const shown = await chat.answers.innerText();
  expect(shown).toMatch(order);
  await late.page.reload();
  await late.answer('complete').getByText('Booked.').waitFor();
  expect(await late.answers.innerText()).toBe(shown);
});

test('a new chat shows what its agent could be asked, and asks it by a click', async () => {
  const pilot = { name: 'pilot', examples: ['Where is the harbour?'], run: () => 'In Bergen.' };
  const { http } = await startGateway({ agents: [pilot, echoAgent] });
  const chat = await Chat.open(http);
  const example = chat.button('Where is the harbour?');
  await example.waitFor();
  // Another agent could be asked something else.
  await chat.page.getByRole('radio', { name: 'echo' }).check({ force: true });
  await example.waitFor({ state: 'detached' });
  await chat.page.getByRole('radio', { name: 'pilot' }).check({ force: true });
  await chat.field.fill('a draft');
  await example.click();
  await chat.answer('complete').getByText('In Bergen.').waitFor();
  expect(await chat.field.evaluate((field) => field === document.activeElement)).toBe(true);
  expect(await chat.questions.allInnerTexts()).toEqual([expect.stringContaining('Where is')]);
});

test('the agent chosen for a new chat answers it, and goes on doing so after a reload', async () => {
  const { http } = await startGateway({ agents: [simulatorAgent, echoAgent] });
  const chat = await Chat.open(http);
  await chat.button('Agent: simulator').click();
  await chat.page.getByRole('menuitemradio', { name: 'echo' }).click();
  await chat.converse('hello');
  await chat.page.reload();
  await chat.button('Agent: echo').waitFor();
  await chat.converse('hello again');
  expect(await chat.answers.last().innerText()).toContain('hello again');
});

test('the agent is chosen where one writes, and answers from then on', async () => {
  const { http } = await startGateway({ agents: [simulatorAgent, echoAgent] });
  const chat = await Chat.open(http);
  await chat.converse('tokens=3');
  await chat.button('Agent: simulator').click();
  const choice = chat.page.getByRole('menuitemradio', { name: 'echo' });
  expect(await choice.innerText()).toContain('Answers with what you wrote');
  await choice.click();
  await chat.converse('hello');
  expect(await chat.answers.last().innerText()).toContain('hello');
  // The session's own agent was changed, so another tab asks the same one.
  const other = await chat.anotherTab();
  await other.button('Agent: echo').waitFor();
});

test('an answer is asked for again from the agent that is chosen now', async () => {
  const { http } = await startGateway({ agents: [simulatorAgent, echoAgent] });
  const chat = await Chat.open(http);
  await chat.ask('tokens=3 fail_at=2');
  await chat.answer('error').waitFor();
  await chat.button('Agent: simulator').click();
  await chat.page.getByRole('menuitemradio', { name: 'echo' }).click();
  await chat.answer('error').getByRole('button', { name: 'Ask again' }).first().click();
  await chat.answer('complete').getByText('tokens=3 fail_at=2').waitFor();
  expect(await chat.answers.count()).toBe(1);
});

test('[R12] an agent that is gone is shown as such, and another can be asked in its place', async () => {
  const dataDir = await temporaryDirectory();
  const first = await startGateway({ agents: [echoAgent], store: 'sqlite:', dataDir });
  const chat = await Chat.open(first.http);
  await chat.converse('hello');
  await first.gateway.close();
  await startGateway({
    agents: [simulatorAgent],
    store: 'sqlite:',
    dataDir,
    port: Number(new URL(first.http).port),
  });
  await chat.button('Agent: echo (not available)').waitFor({ timeout: 20_000 });
  await chat.ask('tokens=3');
  const failure = chat.questions.last().getByRole('alert');
  await failure.getByText('Choose another one').waitFor();
  await chat.button('Agent: echo (not available)').click();
  await chat.page.getByRole('menuitemradio', { name: 'simulator' }).click();
  await failure.getByRole('button', { name: 'Send again' }).click();
  await chat.answer('complete').getByText(tokens(3)).waitFor();
  await chat.button('Agent: simulator').waitFor();
});
