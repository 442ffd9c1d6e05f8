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

test('a picture has no handler of a label and no style of its source', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  // Mermaid measures a label as it is; that its handler does not run then is up to the policy.
  const chat = await Chat.open(http, { expected: /inline event handler/ });
  const init = { themeCSS: '* { fill: rgb(1, 2, 3) }', fontFamily: 'evil' };
  const label = `A["<img src='data:,' onerror='parent.pwned=1'>"] --> B`;
  await chat.converse(
    `\`\`\`mermaid\n%%{init: ${JSON.stringify(init)}}%%\ngraph TD\n  ${label}\n\`\`\``,
  );
  await chat.button('Show diagram').click();
  const picture = chat.answers.locator('img');
  await picture.waitFor();
  const svg = decodeURIComponent((await picture.getAttribute('src')) ?? '');
  expect(svg).toContain('<svg');
  expect(svg).not.toMatch(/rgb\(1, ?2, ?3\)|evil|\son\w+=/i);
});
