import { expect, test } from 'vitest';
import { temporaryDirectory } from '../helpers/gateway.ts';
import type { Loaded } from './fixtures/loaded.ts';
import { start } from './parley.ts';

/** What everyone waits for who starts Parley, and has in memory as long as it runs. */
const NEEDED = [
  '@parley/gateway',
  '@parley/protocol',
  'better-sqlite3',
  // One limiter of all that it has.
  'rate-limiter-flexible',
  'ws',
  'zod',
  // And what it is made of.
  'pino',
  '@pinojs/redact',
  'atomic-sleep',
  'on-exit-leak-free',
  'pino-std-serializers',
  'process-warning',
  'quick-format-unescaped',
  'real-require',
  'safe-stable-stringify',
  'sonic-boom',
  'thread-stream',
];

/** The package of a file, here or installed. */
function packageOf(url: string): string {
  const [, installed] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? [];
  const [, own] = /\/packages\/([^/]+)\//.exec(url) ?? [];
  return installed ?? `@parley/${own}`;
}

test('the threads of the store load neither schemas nor codec', async () => {
  const running = start(['serve', '--port', '0', '--data-dir', await temporaryDirectory()], {
    env: { NODE_OPTIONS: `--import=${new URL('./fixtures/loaded.ts', import.meta.url)}` },
  });
  const [, url] = await running.until(/"url":"(http[^"]+)"/);
  await (await fetch(`${url}/api/sessions`)).text();
  const threads = (await loadedBy(running)).filter(
    ({ modules }) => !modules.some((module) => module.endsWith('/cli/serve-command.ts')),
  );
  // The one that writes, and the one that reads.
  expect(threads).toHaveLength(2);
  for (const { modules } of threads) {
    expect(modules.map(packageOf)).toContain('better-sqlite3');
    expect(modules.map(packageOf)).not.toContain('zod');
  }
});

/** What each thread of a server had loaded when it was told to end. */
async function loadedBy(running: ReturnType<typeof start>): Promise<Loaded[]> {
  running.process.kill('SIGTERM');
  expect(await running.ended).toBe(0);
  return running
    .stderr()
    .split('\n')
    .filter((line) => line.startsWith('loaded '))
    .map((line) => JSON.parse(line.slice('loaded '.length)) as Loaded);
}

test('a start loads what a server needs that nobody has asked anything yet, in two threads', async () => {
  const running = start(['serve', '--port', '0', '--data-dir', await temporaryDirectory()], {
    env: {
      NODE_OPTIONS: `--import=${new URL('./fixtures/loaded.ts', import.meta.url)}`,
      // Nobody is there, which is the usual case.
      PARLEY_OLLAMA_URL: 'http://127.0.0.1:1',
    },
  });
  await running.until(/Parley is listening/);
  const threads = await loadedBy(running);
  // The process's own and the one that writes; the one that reads begins with the first read.
  expect(threads.map(({ modules }) => modules.length > 0)).toEqual([true, true]);
  const modules = threads.flatMap((thread) => thread.modules);
  const others = modules.filter((url) => !url.includes('/tests/')).map(packageOf);
  expect(others.filter((name) => !NEEDED.includes(name))).toEqual([]);
  expect(modules.length).toBeLessThan(420);
  // What `fetch` is made of.
  expect(
    threads.flatMap(({ builtins }) => builtins).filter((name) => name.includes('undici')),
  ).toEqual([]);
});
