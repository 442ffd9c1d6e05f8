import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfigFile } from '../../packages/gateway/src/cli/sources.ts';
import { ConfigError } from '../../packages/gateway/src/config.ts';
import { temporaryDirectory } from '../helpers/gateway.ts';
import { parley } from './parley.ts';

const LIBRARY = new URL('../../packages/gateway/src/index.ts', import.meta.url).href;

/** A directory whose `parley.config.ts` has this text. */
async function directoryWith(text: string): Promise<string> {
  const directory = await temporaryDirectory();
  await writeFile(join(directory, 'parley.config.ts'), text);
  return directory;
}

test('a file brings settings and agents, and is found in the working directory', async () => {
  const cwd = await directoryWith(`
    import { defineAgent, defineConfig } from '${LIBRARY}';
    const port: number = 9999;
    export default defineConfig({
      port,
      agents: [defineAgent({ name: 'parrot', run: ({ message }) => message })],
    });
  `);
  const loaded = await loadConfigFile(join(cwd, 'parley.config.ts'));
  expect(loaded?.settings).toEqual({ port: 9999 });
  expect(loaded?.agents?.map(({ name }) => name)).toEqual(['parrot']);

  const { stdout, status } = await parley(['config', '--json'], { cwd });
  expect(status).toBe(0);
  expect(JSON.parse(stdout).port).toEqual({ value: 9999, source: 'parley.config.ts' });
});

test('no file in the working directory is no fault, a missing --config is', async () => {
  const cwd = await temporaryDirectory();
  expect((await parley(['config'], { cwd })).status).toBe(0);
  const { status, stderr } = await parley(['config', '--config', 'mine.ts'], { cwd });
  expect(status).toBe(2);
  expect(stderr).toContain('mine.ts: there is no such file.');
});

test.each([
  ['a syntax error', 'export default {\n  port: ,\n};', /parley\.config\.ts: .*SyntaxError: .+/],
  ['what it throws', 'export default {};\nthrow new Error("no luck");', /line 2: Error: no luck/],
  ['what it throws that is no error', 'throw "up";', /parley\.config\.ts: up/],
  ['a module that is missing', 'import "./none.ts";', /Cannot find module/],
  ['no default export', 'export const port = 1;', /expected a default export/],
  ['a default export of another kind', 'export default [];', /expected a default export/],
  [
    'agents that are none',
    'export default { agents: [{ name: "x" }] };',
    /agents: expected an array/,
  ],
  ['an unknown key', 'export default { prot: 1 };', /prot: .* Did you mean port\?/],
  ['a wrong value', 'export default { port: -1 };', /port: expected a whole number, 0 to 65535/],
])('[R12] %s is told in one line with the path and no stack trace', async (_, text, message) => {
  const cwd = await directoryWith(text);
  const { status, stdout, stderr } = await parley(['serve'], { cwd });
  expect(status).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toMatch(message);
  expect(stderr).toContain('parley.config.ts');
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(stderr.trim().split('\n')).toHaveLength(2);
});

test('a file that cannot be imported rejects with a ConfigError', async () => {
  const cwd = await directoryWith('export default 1;');
  await expect(loadConfigFile(join(cwd, 'parley.config.ts'))).rejects.toBeInstanceOf(ConfigError);
});
