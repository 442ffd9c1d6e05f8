import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { SETTINGS, settingInfo } from '../../packages/gateway/src/settings.ts';

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

test('what stands under the name of a secret is not written, at no depth that a log is given', async () => {
  const secrets = [
    ...SETTINGS.filter((name) => settingInfo(name).secret),
    ...['token', 'ticket', 'authorization', 'cookie', 'set-cookie', 'sec-websocket-protocol'],
  ];
  expect(secrets).toContain('signingKeys');
  const fields = Object.fromEntries(secrets.map((name) => [name, ['canary']]));
  const lines = await printed(`
    const fields = ${JSON.stringify(fields)};
    log.info({ ...fields, other: 'told' }, 'as they are');
    log.info({ config: fields }, 'below something');
    log.info({ request: { headers: fields } }, 'below something below something');`);
  expect(lines).toHaveLength(3);
  expect(JSON.stringify(lines)).not.toContain('canary');
  expect(lines[0]).toMatchObject({ other: 'told', 'set-cookie': '***' });
});

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
