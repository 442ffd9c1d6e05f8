import { expect, test } from 'vitest';
import { defineAgent } from '../../packages/gateway/src/agents/agent.ts';
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
