/** How Parley's commands are typed where this one was called, so that what is suggested works there. */
import { basename, relative } from 'node:path';

const LOCAL = /^(?:localhost|127\.0\.0\.1|\[::1\])$/;
const DEFAULT_PORT = '8080';

/**
 * A command with its arguments, ready to be copied. The bare name `parley` is on the PATH of those
 * only who installed the package.
 *
 * @example
 * commandLine('chat', '--session', id); // npm run parley -- chat --session 5f0c…
 */
export function commandLine(command: 'serve' | 'chat' | 'agents', ...args: string[]): string {
  const words = args.map(quoted);
  if (process.env.npm_lifecycle_event === 'parley') {
    if (command !== 'serve') return ['npm run parley --', command, ...words].join(' ');
    return ['npm start', ...(words.length > 0 ? ['--'] : []), ...words].join(' ');
  }
  return [program(), command, ...words].join(' ');
}

function program(): string {
  const [, script = ''] = process.argv;
  const npx = process.env.npm_lifecycle_event === 'npx' ? 'npx ' : '';
  if (basename(script) === 'parley') return `${npx}parley`;
  return `${npx}node ${quoted(relative('', script))}`;
}

/** What to type to have a server at `url`; `undefined` where that is another machine. */
export function startCommand(url: string): string | undefined {
  const { hostname, port, protocol } = new URL(url);
  if (protocol !== 'http:' || !LOCAL.test(hostname)) return undefined;
  const actual = port === '' ? '80' : port;
  return commandLine('serve', ...(actual === DEFAULT_PORT ? [] : ['--port', actual]));
}

/** As a shell takes it for one word. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
