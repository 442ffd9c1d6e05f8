import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  describeConfig,
  flagOf,
  type LoadedFile,
  resolveConfig,
  variableOf,
} from '../../packages/gateway/src/cli/sources.ts';
import {
  ConfigError,
  type ConfigOptions,
  defineConfig,
  parseOptions,
} from '../../packages/gateway/src/config.ts';
import { SETTINGS } from '../../packages/gateway/src/settings.ts';

const fileWith = (settings: Record<string, unknown>): LoadedFile => ({
  path: 'parley.config.ts',
  settings,
});

/** The problems of a call that must fail with a `ConfigError`. */
function problemsOf(call: () => unknown): readonly string[] {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).problems;
  }
  throw new Error('expected a ConfigError');
}

describe('precedence', () => {
  test('flags count more than the environment, that more than the file, that more than defaults', () => {
    const flags = new Map([['port', '1']]);
    const env = { PARLEY_PORT: '2', PARLEY_HOST: '0.0.0.0' };
    const file = fileWith({ port: 3, host: 'example.com', runTimeout: '5m' });
    const { config, sources } = resolveConfig({ flags, env, file });
    expect(config).toMatchObject({ port: 1, host: '0.0.0.0', runTimeout: 300_000, agent: 'guide' });
    expect(sources).toMatchObject({
      port: '--port',
      host: 'PARLEY_HOST',
      runTimeout: 'parley.config.ts',
      agent: 'default',
    });
  });

  test('the variables of OpenAI count where models are named, and less than Parley’s own', () => {
    const theirs = { OPENAI_API_KEY: 'theirs', OPENAI_BASE_URL: 'https://theirs.example/v1' };
    const named = { ...theirs, PARLEY_MODELS: 'one,two' };
    expect(resolveConfig({ env: theirs }).given).toEqual({});
    expect(resolveConfig({ env: named }).given).toEqual({
      models: ['one', 'two'],
      modelApiKey: 'theirs',
      modelBaseUrl: 'https://theirs.example/v1',
    });
    const { config } = resolveConfig({ env: { ...named, PARLEY_MODEL_API_KEY: 'ours' } });
    expect(config.modelApiKey).toBe('ours');
  });

  test('a key of OpenAI’s is for no other server', () => {
    const env = { OPENAI_API_KEY: 'theirs' };
    const file = fileWith({ models: ['one'], modelBaseUrl: 'http://127.0.0.1:1234/v1' });
    expect(resolveConfig({ env, file }).config.modelApiKey).toBe(undefined);
  });

  test('only what was set is handed on, so that the defaults of createGateway stay its own', () => {
    expect(resolveConfig({ env: { PARLEY_MAX_RUNS: '3' } }).given).toEqual({ maxRuns: 3 });
  });

  test('an empty variable is one that is not set, except where nothing means something', () => {
    const { sources, config } = resolveConfig({ env: { PARLEY_PORT: '', PARLEY_OLLAMA_URL: '' } });
    expect(sources.port).toBe('default');
    expect(config.ollamaUrl).toBe('');
  });

  test('a list is separated by commas in a flag and a variable', () => {
    const flags = new Map([['origins', 'https://a.example, https://b.example:8443,']]);
    expect(resolveConfig({ flags }).config.origins).toEqual([
      'https://a.example',
      'https://b.example:8443',
    ]);
  });

  test('what Kubernetes says of a service called parley is no setting', () => {
    const env = {
      PARLEY_PORT: 'tcp://10.0.0.11:8080',
      PARLEY_SERVICE_HOST: '10.0.0.11',
      PARLEY_SERVICE_PORT_HTTP: '8080',
      PARLEY_PORT_8080_TCP_ADDR: '10.0.0.11',
    };
    expect(resolveConfig({ env }).config.port).toBe(8080);
  });
});

describe('durations', () => {
  test.each([
    ['500ms', 500],
    ['25s', 25_000],
    ['1.5m', 90_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['250', 250],
    [1234, 1234],
  ])('%s', (runTimeout, milliseconds) => {
    expect(parseOptions({ runTimeout }).runTimeout).toBe(milliseconds);
  });

  test('one that a timer cannot wait for is refused, not cut to nothing', () => {
    expect(problemsOf(() => parseOptions({ pingInterval: '25d' }))[0]).toMatch(/^pingInterval: /);
    expect(parseOptions({ sessionTtl: '365d' }).sessionTtl).toBe(31_536_000_000);
  });

  test('0 is never for what is kept, and refused for what has to end', () => {
    expect(parseOptions({ emptySessionTtl: 0, sessionTtl: '0' }).emptySessionTtl).toBe(0);
    expect(problemsOf(() => parseOptions({ runTimeout: 0 }))).toHaveLength(1);
  });
});

describe('[R12] what is wrong is named, with where it stands and what was expected', () => {
  test.each<[ConfigOptions | Record<string, unknown>, string]>([
    [{ port: 65_536 }, 'port: expected a whole number, 0 to 65535, got 65536.'],
    [{ port: '8080' }, 'port: expected a whole number, 0 to 65535, got "8080".'],
    [{ maxRuns: 0 }, 'maxRuns: expected a whole number, 1 or more, got 0.'],
    [{ maxRuns: 1.5 }, 'maxRuns: expected a whole number, 1 or more, got 1.5.'],
    [
      { store: 'redis://ann:secret@h/0?password=secret' },
      'store: expected sqlite:, memory:, or postgres://user:password@host:port/database, got "redis://***@h/0?password=***".',
    ],
    [
      { logLevel: null },
      'logLevel: expected one of fatal, error, warn, info, debug, trace, silent',
    ],
    [{ runTimeout: 'soon' }, 'runTimeout: expected a duration such as 500ms, 25s, 10m, 24h or 7d'],
    [{ origins: ['example.com'] }, 'origins: expected origins as browsers send them'],
    [{ origins: ['https://example.com/'] }, 'origins: expected origins as browsers send them'],
    [{ origins: ['https://example.com:443'] }, 'origins: expected origins as browsers send them'],
    [{ origins: '*' }, 'origins: expected origins as browsers send them'],
    [{ hosts: ['example.com:80'] }, 'hosts: expected host names without scheme and port'],
    [{ hosts: ['::1'] }, 'hosts: expected host names without scheme and port'],
    [{ agent: 'two words' }, 'agent: expected the name of an agent'],
    [{ modelBaseUrl: 'ftp://x' }, 'modelBaseUrl: expected a http or https URL'],
    [{ ollamaUrl: 'localhost' }, 'ollamaUrl: expected a http or https URL'],
    [{ dataDir: '' }, 'dataDir: expected the path of a directory, got "".'],
    [{ prot: 1 }, 'prot: there is no such setting. Did you mean port?'],
    [{ maxSession: 1 }, 'maxSession: there is no such setting. Did you mean maxSessions?'],
    [{ zzzzzzzz: 1 }, 'zzzzzzzz: there is no such setting.'],
    [{ constructor: 1 }, 'constructor: there is no such setting.'],
  ])('%j', (options, problem) => {
    const [first, ...others] = problemsOf(() => parseOptions(options as ConfigOptions));
    expect(first).toContain(problem);
    expect(others).toEqual([]);
  });

  test('the hard limit of a message has to exceed both soft ones', () => {
    for (const soft of ['maxMessageBytes', 'maxPlainMessageBytes'] as const) {
      const [first] = problemsOf(() => parseOptions({ [soft]: 2_000_000 }));
      expect(first).toBe(`hardMessageBytes: expected more than ${soft} (2000000), got 1048576.`);
    }
  });

  test('all at once, under the name that each has in its source', () => {
    const problems = problemsOf(() =>
      resolveConfig({
        flags: new Map([['port', 'x']]),
        env: { PARLEY_MAX_RUN: '1', PARLEY_IDLE_TIMEOUT: 'x', PATH: '/bin' },
        file: fileWith({ orgins: [], maxEvents: -1 }),
      }),
    );
    expect(problems.toSorted()).toEqual([
      '--port: expected a whole number, 0 to 65535, got "x".',
      expect.stringMatching(/^PARLEY_IDLE_TIMEOUT: expected a duration .* got "x"\.$/),
      'PARLEY_MAX_RUN: there is no such setting. Did you mean PARLEY_MAX_RUNS?',
      'parley.config.ts: maxEvents: expected a whole number, 0 or more, got -1.',
      'parley.config.ts: orgins: there is no such setting. Did you mean origins?',
    ]);
  });

  test('whatever the values are, they are taken or named, and nothing else happens', () => {
    const value = fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true });
    const name = fc.oneof(fc.constantFrom(...SETTINGS), fc.string(), fc.constant('__proto__'));
    fc.assert(
      fc.property(fc.dictionary(name, value), (settings) => {
        try {
          resolveConfig({ file: fileWith(settings) });
          parseOptions(settings as ConfigOptions);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
          for (const problem of (error as ConfigError).problems)
            expect(problem).toMatch(/: .*[.?]$/s);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test('whatever text stands in flags and variables, it is taken or named', () => {
    const name = fc.constantFrom(...SETTINGS);
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.stringMatching(/^-?[0-9.e,]{0,20}[mshd]?$/),
    );
    fc.assert(
      fc.property(fc.dictionary(name, text), fc.dictionary(name, text), (flags, env) => {
        try {
          resolveConfig({
            flags: new Map(
              SETTINGS.flatMap((key) => (flags[key] ? [[flagOf(key), flags[key]]] : [])),
            ),
            env: Object.fromEntries(
              SETTINGS.flatMap((key) => (env[key] ? [[variableOf(key), env[key]]] : [])),
            ),
          });
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
          const problems = (error as ConfigError).problems;
          for (const problem of problems)
            expect(problem).toMatch(/^(?:--|PARLEY_|hardMessageBytes)/);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('secrets', () => {
  test('are masked where settings are shown, and every setting is shown', () => {
    const settings = resolveConfig({ env: { PARLEY_MODEL_API_KEY: 'sk-secret' } });
    const described = describeConfig(settings);
    expect(described.map(({ name }) => name)).toEqual(SETTINGS);
    expect(described.find(({ name }) => name === 'modelApiKey')).toEqual({
      name: 'modelApiKey',
      value: '***',
      text: '***',
      source: 'PARLEY_MODEL_API_KEY',
    });
    expect(JSON.stringify(described)).not.toContain('sk-secret');
  });

  test('do not appear in what is said of a wrong value', () => {
    const wrong = { modelApiKey: 12345 as unknown as string };
    expect(problemsOf(() => parseOptions(wrong))).toEqual([
      'modelApiKey: expected text that is not empty.',
    ]);
    const [url] = problemsOf(() => parseOptions({ modelBaseUrl: 'https://me:hunter2@x.example' }));
    expect(url).toContain('https://***@x.example');
  });
});

test('defineConfig returns what it is given', () => {
  const config = { port: 1 };
  expect(defineConfig(config)).toBe(config);
});
