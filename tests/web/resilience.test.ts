/**
 * What a person sees when the network, the server or the tab goes away in mid-answer: the whole answer,
 * once, and no question lost or asked twice.
 */
import { join } from 'node:path';
import type { CDPSession } from 'playwright-core';
import { expect, onTestFinished, test, vi } from 'vitest';
import { simulatorAgent } from '../../packages/gateway/src/index.ts';
import { openForWriting } from '../../packages/gateway/src/stores/sqlite/schema.ts';
import { start } from '../cli/parley.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { BLACK_HOLE, startProxy } from '../helpers/proxy.ts';
import { type PuppetRun, puppet } from '../helpers/puppet.ts';
import { Chat, tokens } from './chat.ts';

/** A network that says nothing for so long, milliseconds: more than the client's own deadline. */
const OUTAGE_MS = 20_000;

// Two servers and a browser start in some of them.
vi.setConfig({ testTimeout: 120_000 });

const agents = [simulatorAgent];
const portOf = (url: string) => Number(new URL(url).port);

/** Says the tokens after `from` up to `to`, as the simulator would. */
async function sayTokens(run: PuppetRun, from: number, to: number): Promise<void> {
  for (let token = from + 1; token <= to; token++) await run.say(`t${token} `);
}

async function expectWhole(chat: Chat, count: number): Promise<void> {
  await chat.answer('complete').waitFor({ timeout: 60_000 });
  expect(await chat.answers.count()).toBe(1);
  expect(await chat.questions.count()).toBe(1);
  expect(await chat.words(chat.answers)).toBe(tokens(count));
}

test('[R4] [R6] a page that is reloaded in mid-answer goes on with it, without a repeat or a hole', async () => {
  const { agent, next } = puppet();
  const { http } = await startGateway({ agents: [agent] });
  const chat = await Chat.open(http);
  await chat.ask('a long answer, please');
  const run = await next();
  for (const said of [0, 60, 120]) {
    await sayTokens(run, said, said + 40);
    await chat
      .answer('running')
      .getByText(`t${said + 40}`)
      .waitFor();
    // The answer goes on while there is no page.
    await Promise.all([chat.page.reload(), sayTokens(run, said + 40, said + 60)]);
  }
  await chat.answer('running').getByText('t180').waitFor();
  await sayTokens(run, 180, 200);
  await run.finish();
  await expectWhole(chat, 200);
});

test('[R2] [R5] [R6] a server that is killed in mid-answer and started again', async () => {
  const dataDir = await temporaryDirectory();
  const serve = (port: number) =>
    start(['serve', '--port', `${port}`, '--data-dir', dataDir, '--agent', 'simulator']);
  const first = serve(0);
  const [, port] = await first.until(/localhost:(\d+)/);
  const chat = await Chat.open(`http://localhost:${port}`);
  await chat.ask('tokens=150 rate=50');
  await chat.answers.getByText('t20').waitFor();
  first.process.kill('SIGKILL');
  await first.ended;
  await chat.page
    .getByRole('status')
    .getByText(/The connection is lost|Trying again/)
    .waitFor();
  await serve(Number(port)).until(/is listening/);
  await expectWhole(chat, 150);
});

test('[R6] [R8] a network that is gone for 20 s, with nobody told', async () => {
  const { http } = await startGateway({ agents });
  const proxy = await startProxy(portOf(http));
  const chat = await Chat.open(`http://127.0.0.1:${proxy.port}`);
  await chat.ask('tokens=600 rate=25');
  await chat.answers.getByText('t20').waitFor();
  proxy.shape(BLACK_HOLE);
  await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS));
  proxy.heal();
  await expectWhole(chat, 600);
}, 120_000);

test('[R3] a message that was written offline arrives once, also when the tab was closed meanwhile', async () => {
  const { http } = await startGateway({ agents });
  const proxy = await startProxy(portOf(http));
  const chat = await Chat.open(`http://127.0.0.1:${proxy.port}`);
  await chat.converse('tokens=3');
  await chat.page.context().setOffline(true);
  proxy.cut();
  await chat.ask('tokens=5');
  await chat.questions.nth(1).getByText('Waiting').waitFor();
  const url = chat.page.url();
  const context = chat.page.context();
  await chat.page.close();
  await context.setOffline(false);
  const again = await chat.anotherTab(url);
  await expect.poll(() => again.answer('complete').count(), { timeout: 30_000 }).toBe(2);
  const log = (await (
    await fetch(`${http}/api${new URL(url).pathname.replace('/s/', '/sessions/')}/messages`)
  ).json()) as {
    data: { messages: { type: string; content?: string }[] };
  };
  const asked = log.data.messages.filter(({ type }) => type === 'chat_message');
  expect(asked.map(({ content }) => content)).toEqual(['tokens=3', 'tokens=5']);
});

test('[R6] a tab that is frozen in mid-answer shows the whole answer when it thaws', async () => {
  const { http } = await startGateway({ agents });
  const chat = await Chat.open(http);
  await chat.ask('tokens=150 rate=50');
  await chat.answers.getByText('t20').waitFor();
  const cdp: CDPSession = await chat.page.context().newCDPSession(chat.page);
  await cdp.send('Page.enable');
  await cdp.send('Page.setWebLifecycleState', { state: 'frozen' });
  // The answer ends without the tab.
  const [session] = (
    (await (await fetch(`${http}/api/sessions`)).json()) as {
      data: { sessions: { id: string }[] };
    }
  ).data.sessions;
  await expect
    .poll(
      async () =>
        JSON.stringify(await (await fetch(`${http}/api/sessions/${session?.id}`)).json()).includes(
          't150',
        ),
      { timeout: 30_000 },
    )
    .toBe(true);
  await cdp.send('Page.setWebLifecycleState', { state: 'active' });
  await expectWhole(chat, 150);
});

test('[R7] two pages that came at different moments end with the same text', async () => {
  const { agent, next } = puppet();
  const { http } = await startGateway({ agents: [agent] });
  const chat = await Chat.open(http);
  await chat.ask('a long answer, please');
  const run = await next();
  await sayTokens(run, 0, 20);
  await run.say({ type: 'tool_call', id: 'c1', name: 'search', arguments: { query: 'tea' } });
  await sayTokens(run, 20, 40);
  await chat.answer('running').getByText('t40').waitFor();
  const late = await chat.anotherTab();
  await late.answer('running').getByText('t40').waitFor();
  await run.say({ type: 'tool_result', id: 'c1', name: 'search', result: { hits: 3 } });
  await sayTokens(run, 40, 150);
  await run.finish();
  for (const tab of [chat, late]) await expectWhole(tab, 150);
  expect(await late.log.innerText()).toBe(await chat.log.innerText());
});

/** A chat in two windows of a browser, above a store that can be taken away. */
async function twoWindows() {
  const dataDir = await temporaryDirectory();
  const { http } = await startGateway({ agents, store: 'sqlite:', dataDir });
  const disk = openForWriting(join(dataDir, 'parley.sqlite'));
  onTestFinished(() => void disk.close());
  const chat = await Chat.open(http);
  await chat.converse('tokens=3');
  const other = await chat.anotherTab();
  await other.answer('complete').waitFor();
  return {
    chat,
    other,
    windows: [chat, other],
    breakDown: () =>
      disk.exec(
        "CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'full'); END",
      ),
    repair: () => disk.exec('DROP TRIGGER full'),
  };
}

/** What a person is told while the server cannot keep what they write. */
const outage = (chat: Chat) => chat.page.getByText('The server cannot save messages now.');

test('[R7] a message that is taken back while the store is away is gone from every window, and so is the warning', async () => {
  const { chat, windows, breakDown, repair } = await twoWindows();
  breakDown();
  await chat.ask('take me back');
  // A second later the other window brings it too.
  for (const window of windows) await outage(window).waitFor();
  const takeBack = chat.questions.getByRole('button', { name: 'Take back' });
  // One that is just on its way stays: the server may have it.
  await expect
    .poll(async () => {
      await takeBack.evaluateAll((buttons) => {
        for (const button of buttons) (button as HTMLElement).click();
      });
      return takeBack.count();
    })
    .toBe(0);
  for (const window of windows) {
    await expect.poll(() => window.questions.allInnerTexts()).toHaveLength(1);
    await outage(window).waitFor({ state: 'detached' });
  }
  repair();
  await chat.converse('tokens=5');
  for (const window of windows) {
    await expect.poll(() => window.answer('complete').count()).toBe(2);
    expect(await window.questions.count()).toBe(2);
  }
});

test('[R12] the warning goes also where another window was the one that brought the message', async () => {
  const { chat, other, windows, breakDown, repair } = await twoWindows();
  breakDown();
  await other.ask('tokens=5');
  for (const window of windows) await outage(window).waitFor();
  // From now on what this window brings takes for ever.
  await other.page.evaluate(() => {
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (frame) {
      if (!String(frame).includes('"chat_message"')) send.call(this, frame);
    };
  });
  repair();
  await expect.poll(() => other.answer('complete').count()).toBe(2);
  await outage(other).waitFor({ state: 'detached' });
  await outage(chat).waitFor({ state: 'detached' });
});

test("[R11] a page that speaks only the seed's protocol works beside it", async () => {
  const { http, ws } = await startGateway({ agents });
  const chat = await Chat.open(http);
  await chat.converse('tokens=3');
  const sessionId = new URL(chat.page.url()).pathname.slice('/s/'.length);
  const plain = await chat.page.context().newPage();
  // Any page of the origin does; what counts is the script.
  await plain.goto(http);
  const answer = plain.evaluate(
    ([url, id]) =>
      new Promise<string>((resolve, reject) => {
        const socket = new WebSocket(url as string);
        const send = (type: string, data: object, more = {}) =>
          socket.send(JSON.stringify({ type, timestamp: new Date().toISOString(), data, ...more }));
        socket.onopen = () => send('session_join', {}, { session_id: id });
        socket.onerror = () => reject(new Error('no connection'));
        socket.onmessage = ({ data: text }) => {
          const { type, data } = JSON.parse(text);
          if (type === 'session_status') {
            send('chat_message', { content: 'tokens=4', message_type: 'text' }, { session_id: id });
          }
          if (type === 'error') reject(new Error(text));
          if (type === 'agent_response') resolve(data.content);
        };
      }),
    [ws, sessionId] as const,
  );
  expect((await answer).trim()).toBe(tokens(4));
  // The page is behind the other one: a browser draws it once a second at the most.
  await expect.poll(() => chat.answer('complete').count(), { timeout: 10_000 }).toBe(2);
  expect(await chat.words(chat.answers.last())).toBe(tokens(4));
});
