import { expect, test } from 'vitest';
import { type AgentDefinition, defineAgent } from '../../packages/gateway/src/agents/agent.ts';
import { echoAgent } from '../../packages/gateway/src/agents/echo.ts';
import { AgentRegistry } from '../../packages/gateway/src/agents/registry.ts';
import { simulatorAgent } from '../../packages/gateway/src/agents/simulator.ts';
import { ask } from './collect.ts';

test('finds agents by name and lists them in order', () => {
  const registry = new AgentRegistry([simulatorAgent], 'simulator');
  registry.add(echoAgent);
  expect(registry.defaultName).toBe('simulator');
  expect(registry.get('echo')).toBe(echoAgent);
  expect(registry.get('constructor')).toBeUndefined();
  expect(registry.list()).toEqual([simulatorAgent, echoAgent]);
});

test('[R12] a second agent of a name is refused with the names that there are', () => {
  const registry = new AgentRegistry([echoAgent, simulatorAgent], 'echo');
  const other = defineAgent({ name: 'echo', run: () => 'other' });
  expect(() => registry.add(other)).toThrow(
    'There are two agents named "echo"; there are echo, simulator.',
  );
  expect(registry.get('echo')).toBe(echoAgent);
});

test('[R12] a default that does not exist is refused with the names that there are', () => {
  expect(() => new AgentRegistry([echoAgent], 'guide')).toThrow(
    'The default agent "guide" does not exist; there are echo.',
  );
  expect(() => new AgentRegistry([], 'guide')).toThrow('there are none');
});

test('echo answers with the message in one piece', async () => {
  expect(await ask(echoAgent, ' two  words\n')).toEqual([' two  words\n']);
});

test.each([
  [[''], 'an empty one'],
  [['x'.repeat(201)], 'one too long for a button'],
  [Array.from({ length: 9 }, (_, i) => `${i}`), 'more than anybody reads'],
])('[R12] examples are refused: %s, %s', (examples) => {
  const agent = { name: 'pilot', examples, run: () => '' };
  expect(() => defineAgent(agent)).toThrow(/Agent pilot: expected at most 8 examples/);
});

test('[R12] an agent without a function is refused when it is made', () => {
  const agent = { name: 'pilot', runn: () => '' } as unknown as AgentDefinition;
  expect(() => defineAgent(agent)).toThrow(
    'Agent pilot: expected run to be a function, got undefined.',
  );
});

test.each([
  ['undefined', undefined],
  ['null', null],
  ['number', 42],
  ['object', { text: 'wrong' }],
  ['undefined', Promise.resolve()],
])('[R12] what run returned is named where it is no answer: %s', async (what, returned) => {
  const agent = defineAgent({ name: 'pilot', run: () => returned as unknown as string });
  await expect(ask(agent, 'x')).rejects.toThrow(
    `run returned ${what}; expected a text, or an iterable of texts and events.`,
  );
});

test('what is iterated gives its pieces, however it comes', async () => {
  const answers = [['a', 'b'], new Set(['a', 'b']), Promise.resolve(new Set(['a', 'b']))];
  for (const answer of answers) {
    const agent = defineAgent({ name: 'pilot', run: () => answer as Iterable<string> });
    expect(await ask(agent, 'x')).toEqual(['a', 'b']);
  }
});
