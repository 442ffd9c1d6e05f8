import { expect, test } from 'vitest';
import { defineAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { Chat } from './chat.ts';

const careful = defineAgent({
  name: 'careful',
  description: 'Asks before it acts.',
  tools: ['book_berth'],
  async *run(_input, { approve }) {
    const { approved } = await approve({ tool: 'book_berth', arguments: { harbour: 'Bergen' } });
    yield approved ? 'Booked.' : 'Left alone.';
  },
});

test.each([
  ['Allow', 'Booked.', 'Allowed to use'],
  ['Deny', 'Left alone.', 'Not allowed to use'],
])('%s: the agent hears what was decided, and so does every tab', async (decision, end, shown) => {
  const { http } = await startGateway({ agents: [careful] });
  const chat = await Chat.open(http);
  await chat.ask('A berth');
  const request = chat.page.getByRole('region', { name: 'The agent asks to use book_berth' });
  await request.getByText('"Bergen"').waitFor();
  const other = await chat.anotherTab();
  const seen = other.page.getByRole('region', { name: 'The agent asks to use book_berth' });
  await seen.waitFor();
  await request.getByRole('button', { name: decision }).click();
  for (const tab of [chat, other]) {
    await tab.answer('complete').getByText(end).waitFor();
    await tab.answer('complete').getByText(shown).waitFor();
  }
  expect(await seen.count()).toBe(0);
});
