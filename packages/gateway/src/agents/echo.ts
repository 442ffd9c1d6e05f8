import { defineAgent } from './agent.ts';

/** Answers with the message itself, in one piece. */
export const echoAgent = defineAgent({
  name: 'echo',
  description: 'Answers with what you wrote.',
  role: 'echo',
  run: ({ message }) => message,
});
