import { defineAgent, simulatorAgent } from '../../packages/gateway/src/index.ts';

/** The simulator, as an agent that must not be asked twice. */
const fragile = defineAgent({
  name: 'fragile',
  onInterrupt: 'fail',
  run: (input, context) => simulatorAgent.run(input, context),
});

/** What answers in all of these tests: one that is asked again after a crash, and one that is not. */
export const agents = [simulatorAgent, fragile];
