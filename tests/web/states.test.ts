/** Every state that the page is honest about, reached for real. `SCREENSHOTS=dir` keeps a picture of each. */
import type { Locator } from 'playwright-core';
import { expect, test, vi } from 'vitest';
import { defineAgent, echoAgent, simulatorAgent } from '../../packages/gateway/src/index.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { BLACK_HOLE, startProxy, type TcpProxy } from '../helpers/proxy.ts';
import { puppet } from '../helpers/puppet.ts';
import { Chat } from './chat.ts';
import { look } from './look.ts';

const QUESTION = 'Where could we moor tonight?';
const RICH = `Two harbours have room. **Bergen** is the better one, and at $v = 6$ knots you are there in time:

| Harbour | Berth | Depth | Tonight |
|---|---|---:|---|
| Bergen | 12 | 4.5 m | free |
| Haugesund | 3 | 3.8 m | short |

$$t = \\frac{s}{v} = \\frac{42\\,\\mathrm{nm}}{6\\,\\mathrm{kn}} = 7\\,\\mathrm{h}$$

\`\`\`ts
await book({ harbour: 'Bergen', berth: 12, nights: 2 });
\`\`\`
`;

/** From now on no socket opens, and nobody is told why; pages come. */
function holdSockets(proxy: TcpProxy): void {
  proxy.shape(({ opening }) => (opening.startsWith('GET /ws') ? BLACK_HOLE : {}));
}

/** What the page says of the connection. */
function strip(chat: Chat, words: string | RegExp): Locator {
  return chat.page.getByRole('main').getByRole('status').getByText(words);
}

test('connecting, and a list with nothing in it', async () => {
  const { http } = await startGateway({ agents: [simulatorAgent, echoAgent] });
  const proxy = await startProxy(Number(new URL(http).port));
  holdSockets(proxy);
  const chat = await Chat.open(`http://127.0.0.1:${proxy.port}`);
  await strip(chat, 'Connecting…').waitFor();
  await look(chat.page, 'connecting');
  proxy.heal();
  await chat.chats.getByText('No chats yet. What you ask is kept here.').waitFor();
  await expect.poll(() => strip(chat, /./).count()).toBe(0);
  await chat.button('Agent: simulator').waitFor();
  await look(chat.page, 'empty');
});

test('[R3] offline with what waits, trying again, and nothing lost', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const proxy = await startProxy(Number(new URL(http).port));
  const chat = await Chat.open(`http://127.0.0.1:${proxy.port}`);
  await chat.converse('Which harbours are there in Norway?');
  await chat.page.context().setOffline(true);
  proxy.cut();
  await strip(chat, /You are offline\. Trying again in \d+ seconds?\./).waitFor();
  await chat.ask('And in Denmark?');
  await strip(chat, '1 message waits and will be sent.').waitFor();
  await chat.questions.last().getByText('Waiting to be sent').waitFor();
  await look(chat.page, 'offline');
  await chat.ask('Never mind.');
  await chat.questions.last().getByText('Never mind.').waitFor();
  await chat.questions.last().getByRole('button', { name: 'Take back' }).click();
  await expect.poll(() => chat.questions.count()).toBe(2);

  holdSockets(proxy);
  await chat.page.context().setOffline(false);
  await strip(chat, 'Trying again…').waitFor();
  await look(chat.page, 'reconnecting');
  proxy.heal();
  await strip(chat, 'Connected again. You are up to date.').waitFor();
  await chat.answer('complete').getByText('And in Denmark?').waitFor();
  await look(chat.page, 'resumed');
  expect(await chat.questions.count()).toBe(2);
});

test('[R5] a restart: announced, tried at once when asked to, the answer interrupted and asked for again', async () => {
  const dataDir = await temporaryDirectory();
  const { agent, next } = puppet({ name: 'clerk', onInterrupt: 'fail' });
  const options = { agents: [agent], store: 'sqlite:', dataDir } as const;
  const first = await startGateway({ ...options, drainTimeout: 1_500 });
  const chat = await Chat.open(first.http);
  await chat.ask('Book a berth in Bergen');
  const run = await next();
  await run.say('I am writing to the harbour master of Bergen, who ');
  await chat.answer('running').getByText('harbour master').waitFor();
  // The test says when the time is over, and by itself the page would not come back before the test ends.
  const [timeout, timeIsOver] = [vi.spyOn(AbortSignal, 'timeout'), new AbortController()];
  timeout.mockReturnValueOnce(timeIsOver.signal);
  const random = vi.spyOn(Math, 'random').mockReturnValue(12);
  const draining = first.gateway.drain();
  expect(timeout).toHaveBeenCalledExactlyOnceWith(1_500);
  for (const spy of [timeout, random]) spy.mockRestore();
  await strip(chat, 'The server restarts.').waitFor();
  // What is being written goes on for as long as there is time.
  await run.say('answers at once. ');
  await chat.answer('running').getByText('answers at once.').waitFor();
  await look(chat.page, 'draining');
  timeIsOver.abort();
  await draining;
  await strip(chat, /Trying again in \d+ seconds?\./).waitFor();
  await look(chat.page, 'restart');
  await startGateway({ ...options, port: Number(new URL(first.http).port) });
  const interrupted = chat.answer('interrupted');
  // Sooner than the server has asked for; that it is connected is said for a few seconds.
  await Promise.all([
    strip(chat, 'Connected again.').waitFor(),
    interrupted.getByText('The server stopped while this was being written.').waitFor(),
    chat.button('Try now').click(),
  ]);
  await look(chat.page, 'interrupted');
  await interrupted.getByRole('button', { name: 'Ask again' }).first().click();
  const again = await next();
  await again.say('Berth 12 is yours.');
  await again.finish();
  await chat.answer('complete').getByText('Berth 12 is yours.').waitFor();
  expect(await chat.answers.count()).toBe(1);
});

test('[R12] an error in words, and an approval and a question that wait', async () => {
  const careful = defineAgent({
    name: 'careful',
    description: 'Asks before it acts.',
    tools: ['book_berth'],
    async *run({ message }, { approve }) {
      if (message.startsWith('Break')) throw new Error('The harbour office does not answer.');
      yield 'There is room in Bergen. ';
      yield { type: 'tool_call', id: 'c1', name: 'find_berth', arguments: { harbour: 'Bergen' } };
      yield { type: 'tool_result', id: 'c1', name: 'find_berth', result: { berth: 12 } };
      const { approved } = await approve({
        tool: 'book_berth',
        arguments: { harbour: 'Bergen', berth: 12, nights: 2 },
      });
      yield approved ? 'Berth 12 is yours.' : 'I have left it alone.';
    },
  });
  const { http } = await startGateway({ agents: [careful] });
  const chat = await Chat.open(http);
  await chat.ask('Break something');
  const failed = chat.answer('error');
  await failed.getByText('The agent careful failed: The harbour office').waitFor();
  await failed.getByRole('button', { name: 'Ask again' }).first().waitFor();
  await look(chat.page, 'error');

  await chat.ask('Book a berth for two nights');
  const approval = chat.page.getByRole('region', { name: 'The agent asks to use book_berth' });
  await approval.getByText('"nights": 2').waitFor();
  await chat.ask('And what does it cost?');
  await chat.answer('queued').getByText('Waits for 1 answer before it').waitFor();
  await look(chat.page, 'approval-and-queue');
  await approval.getByRole('button', { name: 'Allow' }).click();
  await chat.answer('complete').getByText('Berth 12 is yours.').waitFor();
  await look(chat.page, 'approved');
});

test('[R12] a message that has to wait says for how long, and is then sent by itself', async () => {
  // The first question takes most of what it may send at once; the second one waits until it has all of it again.
  const { http } = await startGateway({ agents: [echoAgent], byteRate: 60 });
  const chat = await Chat.open(http);
  await chat.converse('What do you make of the log of our last voyage?');
  await chat.ask('Wind from the west, sea calm, nothing to report. '.repeat(12));
  const notice = chat.page.getByText(/Too much at once\. It goes on in \d+ seconds?\./);
  await notice.waitFor();
  await chat.questions.last().getByText('Waiting to be sent').waitFor();
  await look(chat.page, 'rate-limited');
  await expect.poll(() => chat.answer('complete').count(), { timeout: 15_000 }).toBe(2);
  expect(await notice.count()).toBe(0);
});

test('an answer with all that can be in one', async () => {
  const pilot = defineAgent({
    name: 'pilot',
    description: 'Knows the harbours of the North Sea.',
    async *run({ message }) {
      if (message !== QUESTION) return;
      yield 'I look for what is free tonight.';
      yield {
        type: 'tool_call',
        id: 'c1',
        name: 'find_berths',
        arguments: { from: 'Stavanger', nights: 2 },
      };
      yield { type: 'tool_result', id: 'c1', name: 'find_berths', result: { berths: 2 } };
      yield RICH;
    },
  });
  const { http } = await startGateway({ agents: [pilot] });
  for (const title of ['Knots and what they are for', 'Tide tables', 'Packing list', 'Weather']) {
    await fetch(`${http}/api/sessions`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ title }),
    });
  }
  const chat = await Chat.open(http);
  await chat.chat('Weather').waitFor();
  await chat.converse(QUESTION);
  const answer = chat.answer('complete');
  await answer.getByRole('table').waitFor();
  await answer.locator('.katex').nth(1).waitFor();
  await answer.locator('pre code span').first().waitFor();
  await chat.button('Actions for Weather').waitFor();
  await look(chat.page, 'rich');
});

test('a chat that is not there is not given the name of one', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(`${http}/s/00000000-0000-4000-8000-000000000000`);
  await chat.page.getByRole('alert').getByText('There is no such chat').waitFor();
  await chat.page.getByRole('heading', { level: 1, name: 'No such chat' }).waitFor();
  await look(chat.page, 'unknown');
  expect(await chat.page.getByText('Untitled chat').count()).toBe(0);
});
