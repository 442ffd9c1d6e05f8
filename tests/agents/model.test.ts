import { once } from 'node:events';
import { inspect } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createModelAgent } from '../../packages/gateway/src/agents/model.ts';
import { answer, ask, failure } from './collect.ts';
import { type Answer, deadOrigin, fakeServer, finish, json, say } from './fake-model.ts';

const KEY = 'sk-test-4711-secret';

async function modelAt(respond: Answer, more: { system?: string } = {}) {
  const server = await fakeServer(respond);
  const agent = createModelAgent({
    name: 'm',
    model: 'tiny-1',
    baseURL: `${server.origin}/v1`,
    apiKey: KEY,
    headers: { 'x-team': 'team-secret-9' },
    ...more,
  });
  return { ...server, agent };
}

const speak =
  (...texts: string[]): Answer =>
  (response) => {
    say(response, texts);
    finish(response);
  };

const unhandled = vi.fn();
process.on('unhandledRejection', unhandled);
const printed = vi.spyOn(console, 'error');
afterEach(async () => {
  // A rejection that nobody handles is reported after the microtasks of its turn.
  await new Promise(setImmediate);
  expect(unhandled).not.toHaveBeenCalled();
  expect(printed).not.toHaveBeenCalled();
});

describe('a model that answers', () => {
  test('its pieces come one by one, before the answer is complete', async () => {
    let go = () => {};
    const { agent } = await modelAt((response) => {
      say(response, ['Hel']);
      go = () => {
        say(response, ['lo', '']);
        finish(response);
      };
    });
    const events = await ask(agent, 'hi', { onEvent: () => go() });
    expect(events).toEqual(['Hel', 'lo']);
  });

  test('is asked once, with the key, the headers and the instructions', async () => {
    const { agent, received } = await modelAt(speak('yes'), { system: 'Be brief.' });
    expect(await answer(agent, 'Really?')).toBe('yes');
    expect(received).toHaveLength(1);
    const [{ path, headers, body } = { path: '', headers: {}, body: {} }] = received;
    expect(path).toBe('/v1/chat/completions');
    expect(headers).toMatchObject({ authorization: `Bearer ${KEY}`, 'x-team': 'team-secret-9' });
    expect(body).toMatchObject({
      model: 'tiny-1',
      stream: true,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Really?' },
      ],
    });
  });

  test('a key with a line break at its end works', async () => {
    const { origin, received } = await fakeServer(speak('ok'));
    const baseURL = `${origin}/v1/`;
    const agent = createModelAgent({ name: 'm', model: 'm', baseURL, apiKey: `${KEY}\n` });
    expect(await answer(agent, 'x')).toBe('ok');
    expect(received[0]).toMatchObject({
      path: '/v1/chat/completions',
      headers: { authorization: `Bearer ${KEY}` },
    });
  });

  test('the conversation goes along: alternating, from a person on, without empty turns', async () => {
    const { agent, received } = await modelAt(speak('ok'));
    await ask(agent, 'and now?', {
      history: [
        { role: 'assistant', content: 'Welcome.' },
        { role: 'user', content: 'one' },
        { role: 'assistant', content: '' },
        { role: 'user', content: 'two' },
        { role: 'assistant', content: 'both' },
      ],
    });
    expect(received[0]?.body.messages).toEqual([
      { role: 'user', content: 'one\n\ntwo' },
      { role: 'assistant', content: 'both' },
      { role: 'user', content: 'and now?' },
    ]);
  });

  test('[R8] of a long conversation the newest part goes along', async () => {
    const { agent, received } = await modelAt(speak('ok'));
    const history = Array.from({ length: 200 }, (_, i) => ({
      role: i % 2 === 0 ? ('user' as const) : ('assistant' as const),
      content: `${i} ${'x'.repeat(9_990)}`,
    }));
    await ask(agent, 'go on', { history });
    const messages = received[0]?.body.messages ?? [];
    expect(messages[0]?.role).toBe('user');
    expect(messages.at(-2)?.content).toMatch(/^199 /);
    expect(JSON.stringify(messages).length).toBeLessThan(110_000);
  });
});

describe('[R9] [R12] a model that does not answer', () => {
  const cases: [what: string, respond: Answer, says: RegExp[]][] = [
    [
      'refuses the key',
      json(401, { error: { message: `Incorrect API key provided: ${KEY}` } }),
      [/HTTP 401\. Check the API key/],
    ],
    [
      'is asked too often',
      json(429, { error: { message: 'Rate limit reached' } }, { 'retry-after': '1' }),
      [/HTTP 429 \(Rate limit reached\)/, /wait, then ask again/],
    ],
    [
      'does not know the model',
      json(404, { error: 'model "tiny-1" not found' }),
      [/HTTP 404 \(model "tiny-1" not found\)/, /Check the name of the model/],
    ],
    [
      'finds the conversation too long',
      json(400, { error: { message: 'maximum context length is 4096' } }),
      [/HTTP 400 \(maximum context length is 4096\)/, /too long/],
    ],
    [
      'fails itself, and says so with a page and a key',
      (response) => response.writeHead(500).end(`<h1>${KEY} team-secret-9 ${'x'.repeat(9_000)}`),
      [/HTTP 500 \(<h1>\[secret\] \[secret\] x+ …\)/, /ask again later/],
    ],
    [
      'is no model',
      (response) => response.end('<html>hello</html>'),
      [/what came back is no answer/],
    ],
    ['ends with no text', (response) => finish(response, 'length'), [/no text.*length/]],
    [
      'fails in mid-stream',
      (response) => {
        say(response, ['half ']);
        response.end('data: {"error":{"message":"out of memory"}}\n\n');
      },
      [/broke off \(out of memory\)/],
    ],
    [
      'sends garbage in mid-stream',
      (response) => {
        say(response, ['half ']);
        response.end('data: {"choi\n\n');
      },
      [/broke off/],
    ],
    [
      'stops in mid-sentence',
      (response) => {
        say(response, ['half ']);
        response.end();
      },
      [/broke off/],
    ],
    [
      'is cut off',
      (response) => {
        say(response, ['half ']);
        setImmediate(() => response.destroy());
      },
      [/broke off/],
    ],
    ['hangs up', (response) => response.destroy(), [/cannot be reached \([A-Z_]+\)/]],
  ];

  test.each(cases)('%s', async (_, respond, says) => {
    const { agent, received, origin } = await modelAt(respond);
    const said: unknown[] = [];
    const error = await failure(agent, 'my private question', { onEvent: (e) => said.push(e) });
    expect(error.message).toContain(`Asked the model tiny-1 at ${origin}/v1;`);
    for (const pattern of says) expect(error.message).toMatch(pattern);
    expect(error.message.length).toBeLessThan(500);
    expect(error.cause).toBeInstanceOf(Error);
    const everything = inspect(error, { depth: 10, showHidden: true });
    for (const secret of [KEY, 'team-secret-9', 'my private question']) {
      expect(everything).not.toContain(secret);
    }
    // Never a second request: it could say the first half twice.
    expect(received).toHaveLength(1);
    expect(['', 'half ']).toContain(said.join(''));
  });

  test('is not there at all', async () => {
    const baseURL = `${await deadOrigin()}/v1`;
    const agent = createModelAgent({ name: 'm', model: 'tiny-1', baseURL });
    const error = await failure(agent, 'x');
    expect(error.message).toMatch(/cannot be reached \(ECONNREFUSED\)\. Check that it runs/);
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('the key in the query of a URL shows up nowhere', async () => {
    const { origin } = await fakeServer(json(403, { message: 'key query-secret is not allowed' }));
    const baseURL = `${origin}/v1?key=query-secret`;
    const agent = createModelAgent({ name: 'm', model: 'm', baseURL });
    const error = await failure(agent, 'x');
    expect(inspect({ error, agent }, { depth: 10 })).not.toContain('query-secret');
  });

  test.each(['', 'localhost:1/v1', 'ftp://host/v1', 'http://me:hunter22@host/v1'])(
    'a base URL that cannot be used is refused: %s',
    (baseURL) => {
      const make = () => createModelAgent({ name: 'm', model: 'm', baseURL });
      expect(make).toThrow(/base URL of a model: expected/);
      expect(make).not.toThrow(/hunter22/);
    },
  );
});

describe('[R4] a stop', () => {
  test('in mid-answer ends the answer and the request', async () => {
    const controller = new AbortController();
    const closed = Promise.withResolvers<void>();
    const { agent } = await modelAt((response) => {
      void once(response, 'close').then(() => closed.resolve());
      say(response, ['one ']);
    });
    const events = await ask(agent, 'x', {
      signal: controller.signal,
      onEvent: () => controller.abort(),
    });
    expect(events).toEqual(['one ']);
    await closed.promise;
  });

  test('before the first word ends quietly', async () => {
    const controller = new AbortController();
    const { agent } = await modelAt(() => controller.abort());
    expect(await ask(agent, 'x', { signal: controller.signal })).toEqual([]);
  });

  test('before the start asks nothing', async () => {
    const { agent, received } = await modelAt(speak('no'));
    expect(await ask(agent, 'x', { signal: AbortSignal.abort() })).toEqual([]);
    expect(received).toEqual([]);
  });
});
