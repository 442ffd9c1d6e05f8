import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { configuredModels, findOllama } from '../../packages/gateway/src/agents/discover.ts';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { answer } from './collect.ts';
import { deadOrigin, fakeServer, finish, json, say } from './fake-model.ts';

const KEY = 'sk-environment-secret';

async function modelServer() {
  return fakeServer((response) => {
    say(response, ['ok']);
    finish(response);
  });
}

describe('models from the settings', () => {
  test('each model becomes an agent, once', () => {
    const agents = configuredModels({ models: ['small', 'large', 'small'], modelApiKey: KEY });
    expect(agents.map(({ name }) => name)).toEqual(['small', 'large']);
    expect(agents[0]?.description).toBe('Answers with the model small at api.openai.com.');
    expect(inspect(agents, { depth: 10 })).not.toContain(KEY);
  });

  test('no model named is no agent, even where there is a key', () => {
    expect(configuredModels({ models: [] })).toEqual([]);
    expect(configuredModels({ models: [], modelApiKey: KEY })).toEqual([]);
  });

  test('the server is asked with the key that goes with it', async () => {
    const { origin, received } = await modelServer();
    const [agent] = configuredModels({
      models: ['m'],
      modelBaseUrl: `${origin}/v1`,
      modelApiKey: KEY,
    });
    expect(agent && (await answer(agent, 'x'))).toBe('ok');
    expect(received[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
  });

  test('[R12] half a setting is refused with what is missing', () => {
    expect(() => configuredModels({ models: ['m'] })).toThrow(/no server: set modelBaseUrl/);
    expect(() => configuredModels({ models: [], modelBaseUrl: 'http://x/v1' })).toThrow(
      /models is not: name the models/,
    );
  });
});

describe('a local Ollama', () => {
  const tags = {
    models: [
      { name: 'llama3.2:3b', details: { family: 'llama', parameter_size: '3.2B' } },
      { name: 'plain' },
      { name: 'nomic-embed-text', details: { family: 'nomic-bert' } },
      { name: 'not a name', details: null },
    ],
  };

  test('gives an agent per model that can answer', async () => {
    const { origin, received } = await fakeServer((response, request) => {
      if (request.path === '/api/tags') return json(200, tags)(response, request);
      say(response, [`I am ${request.body.model}`]);
      finish(response);
    });
    const agents = await findOllama({ url: origin });
    expect(agents.map(({ name, description }) => [name, description])).toEqual([
      ['llama3.2:3b', 'The model llama3.2:3b (3.2B), local through Ollama.'],
      ['plain', 'The model plain, local through Ollama.'],
    ]);
    expect(agents[0] && (await answer(agents[0], 'who?'))).toBe('I am llama3.2:3b');
    expect(received.map(({ path }) => path)).toEqual(['/api/tags', '/v1/chat/completions']);
  });

  test('is found by an address as OLLAMA_HOST has it', async () => {
    const { origin } = await fakeServer(json(200, tags));
    const { port } = new URL(origin);
    for (const url of [
      `127.0.0.1:${port}`,
      `:${port}`,
      `0.0.0.0:${port}`,
      `http://[::]:${port}/`,
    ]) {
      expect(await findOllama({ url }), url).toHaveLength(2);
    }
  });

  test('[R8] offers 64 models at most', async () => {
    const models = Array.from({ length: 100 }, (_, i) => ({ name: `m${i}` }));
    const { origin } = await fakeServer(json(200, { models }));
    expect(await findOllama({ url: origin })).toHaveLength(64);
  });

  test('is not there: no agents', async () => {
    expect(await findOllama({ url: await deadOrigin() })).toEqual([]);
    expect(await findOllama({ url: 'http://[' })).toEqual([]);
    expect(await findOllama({ url: '' })).toEqual([]);
    const stranger = await fakeServer(json(200, { hello: 'world' }));
    expect(await findOllama({ url: stranger.origin })).toEqual([]);
    const broken = await fakeServer(json(500, tags));
    expect(await findOllama({ url: broken.origin })).toEqual([]);
  });

  test('does not answer: no agents after a second, or when there is no more need', async () => {
    const controller = new AbortController();
    const { origin } = await fakeServer((_, { path }) => {
      if (path === '/api/tags') controller.abort();
    });
    expect(await findOllama({ url: origin, signal: controller.signal })).toEqual([]);
    expect(await findOllama({ url: origin })).toEqual([]);
  });
});

test('models that the settings name are there beside agents of one’s own, and no default', async () => {
  const settings = { models: ['small'], modelBaseUrl: 'http://127.0.0.1:1/v1' };
  const { gateway } = await startGateway({ agents: [echoAgent], ...settings });
  expect(gateway.agents.list().map(({ name }) => name)).toEqual(['echo', 'small']);
  expect(gateway.config.agent).toBe('echo');
});
