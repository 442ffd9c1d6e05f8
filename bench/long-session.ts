/** A session of thousands of messages, as people and agents write them. */
import { type AgentDefinition, defineAgent } from '../packages/gateway/src/index.ts';
import { between, seeded } from '../tests/helpers/seeded.ts';
import { longAnswer } from '../tests/web/markdown-text.ts';

export const SEED = 20_261;
/** Half of them questions, half of them answers. */
export const MESSAGES = 10_000;

const SECTIONS = longAnswer(60_000).split(/(?=^## )/m);
const WORDS =
  'harbour tide which lantern does a keeper need before the fog comes in at night'.split(' ');

/** Answers the question with this number; the same for the same number. */
function answerTo(number: number): string {
  const random = seeded(SEED + number);
  const from = between(random, 0, SECTIONS.length - 3);
  const whole = SECTIONS.slice(from, from + 3).join('');
  return `Answer ${number}. ${whole.slice(0, between(random, 40, 1_600))}`;
}

function question(number: number): string {
  const random = seeded(SEED - number);
  const words = Array.from(
    { length: between(random, 4, 60) },
    () => WORDS[between(random, 0, WORDS.length - 1)],
  );
  return `Question ${number}: ${words.join(' ')}?`;
}

export const almanac: AgentDefinition = defineAgent({
  name: 'almanac',
  run: ({ message }) => answerTo(Number(/\d+/.exec(message)?.[0])),
});

/** Asks all questions of a gateway in one session, one after another, and returns its id. */
export async function fillSession(http: string): Promise<string> {
  const session = crypto.randomUUID();
  for (let number = 1; number <= MESSAGES / 2; number += 1) {
    const response = await fetch(`${http}/api/chat`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ session_id: session, message: question(number) }),
    });
    if (!response.ok) throw new Error(await response.text());
  }
  return session;
}
