import { expect, test } from 'vitest';
import { createGuideAgent } from '../../packages/gateway/src/agents/guide.ts';
import { DOCUMENT_ROOTS, readSections } from '../../packages/gateway/src/agents/guide-sections.ts';
import { answer as ask } from '../agents/collect.ts';

/** What people ask, and the heading under which the guide has to find the answer. */
const QUESTIONS: readonly (readonly [question: string, heading: string])[] = [
  ['How do I start Parley?', 'Start'],
  ['How do I stop an answer?', 'How do I stop an answer?'],
  ['How do I bring my own agent?', 'Bring an agent'],
  ['How do I stream tokens from my agent?', 'How do I stream an answer?'],
  ['Does it support tools?', 'Does Parley support tools?'],
  ['How does an agent ask for permission?', 'How does an agent ask for permission?'],
  ['How do I use OpenAI?', 'How do I use a language model, from OpenAI or elsewhere?'],
  ['How do I use Ollama?', 'How do I use Ollama?'],
  ['How do I connect from Python?', 'How do I connect from Python, Go or another language?'],
  ['What happens when the connection is lost?', 'Resuming after a lost connection'],
  ['How do I resume after a disconnect?', 'Resuming after a lost connection'],
  ['Where is my data stored?', 'Where does Parley keep its data, and in which database?'],
  ['How do I make a backup?', 'How do I back up the data?'],
  ['How do I change the port?', 'How do I change the port?'],
  ['How do I add authentication?', 'Is there authentication?'],
  ['How do I log in?', 'How do I log in?'],
  ['How do I hand out tokens?', 'How do I hand out tokens?'],
  ['Can I use OpenID?', 'How do I use JWTs or an OpenID provider?'],
  ['rate limits per person', 'Which limits are there, and which should I raise?'],
  ['Are there rate limits?', 'Which limits are there, and which should I raise?'],
  ['PostgreSQL', 'How do I keep the data in PostgreSQL?'],
  ['Can I use Postgres?', 'How do I keep the data in PostgreSQL?'],
  ['Can it show images?', 'What it does not do yet'],
  ['Are messages encrypted?', 'What does protect the server today?'],
  ['Can I run it on several machines?', 'How do I run Parley on several machines?'],
  ['What is the maximum message size?', 'How large may a message be?'],
  ['How long are conversations kept?', 'How long are sessions kept?'],
  ['How do I export a conversation?', 'How do I export a conversation?'],
  ['How do I edit a message?', 'How do I edit a message or ask again?'],
  [
    'How do I embed it in Express?',
    'How do I add Parley to an existing HTTP server, Express for example?',
  ],
  ['What does close code 4409 mean?', 'Close codes'],
  ['Why is my answer queued?', 'Why is my answer queued, and what does QUEUE_FULL mean?'],
  ['How can I see metrics?', 'How do I see metrics and health?'],
  [
    'What happens if the server crashes in the middle of an answer?',
    'What happens to an answer when the server stops or crashes?',
  ],
];

/** What people ask as well, and the documentation does not know. */
const UNKNOWN: readonly string[] = [
  'how much does it cost',
  'Does it run on Windows?',
  'Is it open source?',
  'Does it support Safari?',
  'Is it production ready?',
  'How do I write a poem?',
  'What is the weather like?',
  'Does it support voice?',
];

const guide = createGuideAgent({ wordsPerSecond: 0 });
const answer = (question: string) => ask(guide, question);

/** The heading that an answer comes from. */
function source(text: string): string | undefined {
  const [line = ''] = /^Source: .*$/m.exec(text) ?? [];
  return line.replace(' (shortened)', '').split(' › ').at(-1);
}

test.each(QUESTIONS)('the guide answers %j with %j', async (message, heading) => {
  const text = await answer(message);
  expect(text.split('\n')[0]).toBe(`From Parley’s documentation: **${heading}**`);
  expect(source(text)).toBe(heading);
});

test.each(UNKNOWN)('[R12] the guide says that it found nothing about %j', async (message) => {
  expect(await answer(message)).toMatch(/^I found nothing about that in Parley’s documentation/);
});

test('the title of any section, typed as it stands, is answered by a section of that title', async () => {
  const sections = await readSections(DOCUMENT_ROOTS);
  const titles = new Set(sections.map(({ path }) => path.at(-1) ?? ''));
  expect(titles.size).toBeGreaterThan(100);
  for (const title of titles) expect(source(await answer(title)), title).toBe(title);
});

test('every question that it suggests is answered by typing it back', async () => {
  const offered = [...(await answer('help')).matchAll(/^- (.*)$/gm)].map(([, title = '']) => title);
  expect(offered.length).toBe(6);
  for (const title of offered) expect(source(await answer(title))).toBe(title);
});

test.each(['What is Parley?', '/help', 'help', 'hello'])('%j gets a short answer', async (text) => {
  expect((await answer(text)).length).toBeLessThan(600);
  expect(await answer(text)).toContain('You could ask:\n\n- How do I write an agent?\n');
});
