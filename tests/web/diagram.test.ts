import { expect, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { Chat } from './chat.ts';

test('a diagram is drawn when it is asked for, under the policies that the gateway sends', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http);
  await chat.converse('```mermaid\ngraph TD\n  Harbour --> Sea\n```');
  expect(await chat.answers.locator('img').count()).toBe(0);
  await chat.button('Show diagram').click();
  const picture = chat.answers.locator('img');
  await picture.waitFor();
  await expect
    .poll(() => picture.evaluate((image) => (image as HTMLImageElement).naturalWidth))
    .toBeGreaterThan(0);
});
