import { expect, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { Chat, tokens } from './chat.ts';

test('[R2] [R6] a page whose server dies in mid-answer shows the whole answer when it is back', async () => {
  const dataDir = await temporaryDirectory();
  const { agent, next } = puppet({ onInterrupt: 'retry' });
  const first = await startGateway({ agents: [agent], store: 'sqlite:', dataDir });
  const chat = await Chat.open(first.http);
  await chat.ask('Where is the harbour?');
  await (await next()).say(`${tokens(20)} `);
  await chat.answer('running').getByText('t20').waitFor();
  const moving = () =>
    chat.answer('running').evaluate((answer) => answer.getAnimations({ subtree: true }).length);
  expect(await moving()).toBe(1);
  await first.gateway.close();
  // Nobody knows whether it is still being written.
  await expect.poll(moving).toBe(0);
  const port = Number(new URL(first.http).port);
  await startGateway({ agents: [agent], store: 'sqlite:', dataDir, port });
  const again = await next();
  await again.say(tokens(150));
  await again.finish();
  await chat.answer('complete').getByText('t150').waitFor();
  expect(await chat.answers.count()).toBe(1);
  expect(await chat.words(chat.answers)).toBe(tokens(150));
});

test('[R3] what is written without a connection says that it waits, and is sent once', async () => {
  const first = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(first.http);
  await chat.converse('with a connection');
  await first.gateway.close();
  await chat.page.getByText('Trying again', { exact: false }).first().waitFor();
  await chat.ask('without one');
  await chat.log.getByText('Waiting to be sent').waitFor();
  await chat.page.getByText('1 message waits and will be sent.').waitFor();
  const port = Number(new URL(first.http).port);
  await startGateway({ agents: [echoAgent], port });
  // The store was in memory, so this chat is gone with the server, and the page says so.
  await chat.page.getByText('There is no such chat', { exact: false }).waitFor();
  await chat.log.getByText('Not sent.', { exact: false }).waitFor();
});
