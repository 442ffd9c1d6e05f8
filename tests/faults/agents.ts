import { defineAgent, simulatorAgent } from '../../packages/gateway/src/index.ts';

/** The simulator, as an agent that must not be asked twice. */
const fragile = defineAgent({
  name: 'fragile',
  onInterrupt: 'fail',
  run: (input, context) => simulatorAgent.run(input, context),
});

/** Between two words of the talker, milliseconds. */
const WORD_MS = 20;
/** So many words, and it calls a tool. */
const WORDS_A_CALL = 10;

/**
 * Says what time it is, so that whoever hears it knows when it was said: a word or more, as many as are
 * asked for; its first attempt does not end, and does not look whether it is to.
 */
const talker = defineAgent({
  name: 'talker',
  async *run({ message, attempt }) {
    const words = Number(message) || 1;
    for (let word = 0; word < words || (attempt === 1 && words > 1); word += 1) {
      yield `@${Date.now()} `;
      if (word % WORDS_A_CALL === WORDS_A_CALL - 1)
        yield { type: 'tool_call', id: `${attempt}/${word}`, name: 'look', arguments: {} };
      await new Promise((resolve) => setTimeout(resolve, WORD_MS));
    }
  },
});

/** What answers in all of these tests: one that is asked again after a crash, and one that is not. */
export const agents = [simulatorAgent, fragile, talker];
