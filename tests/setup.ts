/**
 * Brings what tests run and a bare Debian lacks: Chromium for the page, strace for what reaches the
 * disk, openssl for certificates, Redis and HAProxy for several nodes. Does nothing where they are there.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const NEEDED = ['chromium-headless-shell', 'haproxy', 'openssl', 'redis-server', 'strace'];

function isInstalled(program: string): boolean {
  // haproxy is among what administrators run, which not everyone's path has.
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'].some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function aptGet(...parameters: string[]): boolean {
  console.log(`$ apt-get ${parameters.join(' ')}`);
  const { status } = spawnSync('apt-get', parameters, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return status === 0;
}

const missing = NEEDED.filter((program) => !isInstalled(program));
if (missing.length > 0 && process.getuid?.() === 0 && isInstalled('apt-get')) {
  aptGet('update', '-qq');
  aptGet('install', '-y', '-qq', '--no-install-recommends', ...missing);
}
const lacking = missing.filter((program) => !isInstalled(program));
if (lacking.length > 0) {
  console.error(
    `The tests need ${lacking.join(' and ')}. On Debian and Ubuntu:\n\n` +
      `  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${lacking.join(' ')}\n\n` +
      'Then run npm test again. To run the tests that do without: npx vitest run',
  );
  process.exitCode = 1;
}
