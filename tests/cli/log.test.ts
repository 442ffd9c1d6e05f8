import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const LOG = new URL('../../packages/gateway/src/log.ts', import.meta.url).href;

/** What a process prints whose whole work is this; `log` is its log. */
async function printed(work: string): Promise<Record<string, unknown>[]> {
  const program = `
    import { createLogger } from ${JSON.stringify(LOG)};
    const log = await createLogger({ level: 'info', pretty: false });
    ${work}`;
  const args = ['--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('[R8] what happens over and over does not fill the log, and nothing else is left out', async () => {
  const lines = await printed(`
    for (let i = 0; i < 1_000; i += 1) log.error({ err: new Error('full') }, 'a request failed');
    for (let i = 0; i < 1_000; i += 1) log.info({ i }, 'as usual');
    log.error({ err: new Error('other') }, 'something else failed');
    const { now } = performance;
    performance.now = () => now.call(performance) + 11_000;
    log.error({ err: new Error('full') }, 'a request failed');`);
  const count = (message: string) => lines.filter(({ msg }) => msg === message).length;
  expect(count('a request failed')).toBe(21);
  expect(count('as usual')).toBe(1_000);
  expect(count('something else failed')).toBe(1);
  expect(lines.at(-1)).toMatchObject({ msg: 'a request failed', left_out: 980 });
});
