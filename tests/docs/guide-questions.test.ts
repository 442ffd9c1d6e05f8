import { expect, test } from 'vitest';
import { createGuideAgent } from '../../packages/gateway/src/agents/guide.ts';

/** What people ask, and the heading under which the guide has to find the answer. */
const QUESTIONS: readonly (readonly [question: string, heading: string])[] = [
  ['How do I start Parley?', 'Start'],
  ['What is Parley?', 'Parley'],
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
  ['Can I run it on several machines?', 'Can I run Parley on several machines?'],
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

const guide = createGuideAgent({ wordsPerSecond: 0 });

test.each(QUESTIONS)('the guide answers %j with %j', async (message, heading) => {
  let answer = '';
  const run = guide.run(
    { message, sessionId: 's', runId: 'r', attempt: 1, history: async () => [] },
    { signal: AbortSignal.timeout(10_000), approve: async () => ({ approved: false }) },
  );
  for await (const text of run) answer += text;
  expect(answer).toMatch(/^This is what the documentation says/);
  const [source = ''] = /^Source: .*$/m.exec(answer) ?? [];
  expect(source.replace(' (shortened)', '').split(' › ').at(-1)).toBe(heading);
});
