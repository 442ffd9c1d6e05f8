import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import packageJson from '../../packages/gateway/package.json' with { type: 'json' };
import { serverUrl, UsageError } from '../../packages/gateway/src/cli/arguments.ts';
import { quoted, startCommand } from '../../packages/gateway/src/cli/called-as.ts';
import { flagOf, variableOf } from '../../packages/gateway/src/cli/sources.ts';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { SETTINGS, settingInfo } from '../../packages/gateway/src/settings.ts';
import { bearer, connectAs, startGuarded } from '../auth/people.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { parley } from './parley.ts';

const COMMANDS = ['serve', 'chat', 'agents', 'token', 'migrate', 'config'];

test.each([[], ...COMMANDS.map((name) => [name])])(
  '%s --version prints the version',
  async (...command) => {
    for (const flag of ['--version', '-v']) {
      const { status, stdout } = await parley([...command, flag]);
      expect({ status, stdout }).toEqual({ status: 0, stdout: `${packageJson.version}\n` });
    }
  },
);

test('--help lists the commands, and so does no command at all', async () => {
  const { stdout } = await parley(['--help']);
  for (const name of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  expect(await parley([])).toEqual({ status: 0, stdout, stderr: '' });
});

test.each(COMMANDS)('%s --help says how it is called', async (name) => {
  const { status, stdout, stderr } = await parley([name, '--help']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain(`Usage: parley ${name}`);
});

test('serve --help has every setting', async () => {
  const { stdout } = await parley(['serve', '--help']);
  for (const name of SETTINGS) {
    if (settingInfo(name).secret) expect(stdout).toContain(variableOf(name));
    else expect(stdout).toContain(`--${flagOf(name)} <`);
  }
});

test.each<[string[], string]>([
  [['srve'], '"srve": there is no such command. Did you mean parley serve?'],
  [['constructor'], '"constructor": there is no such command.'],
  [['serve', '--prot', '9000'], '--prot: there is no such flag. Did you mean --port?'],
  [['serve', '--no-such-thing-at-all'], '--no-such-thing-at-all: there is no such flag.'],
  [['serve', '--port'], '--port: a value is missing: --port <n>.'],
  [['serve', '--port', '--host'], '--port: a value is missing: --port <n>.'],
  [['serve', '--port', '-1'], '--port: expected a whole number, 0 to 65535, got -1.'],
  [['serve', '9000'], '"9000": nothing is expected here.'],
  [['serve', '--model-api-key', 'x'], '--model-api-key: others can read a command line'],
  [['config', '--json=yes'], '--json takes no value.'],
  [['agents', '--jsn'], '--jsn: there is no such flag.'],
  [['agents', 'file:///x'], '"file:///x": expected a URL such as http://localhost:8080.'],
  [['migrate', '--port', '1'], '--port: there is no such flag.'],
  [
    ['migrate'],
    'store: expected where to move it, postgres://user@host:port/database, got sqlite:.',
  ],
  [['chat', 'one', 'two'], '"two": nothing is expected here.'],
  [['chat', '--sesion', 'x'], '--sesion: there is no such flag. Did you mean --session?'],
])('[R12] parley %j is refused in words, with status 2', async (args, message) => {
  const { status, stdout, stderr } = await parley(args);
  expect(stderr).toContain(message);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
});

test('config prints what is in force, where it was set, and no secret', async () => {
  const cwd = await temporaryDirectory();
  const env = { PARLEY_MODEL_API_KEY: 'sk-secret', PARLEY_RUN_TIMEOUT: '90s' };
  const { status, stdout } = await parley(['config', '--port', '1234'], { cwd, env });
  expect(status).toBe(0);
  expect(stdout).toMatch(/^port +1234 +--port$/m);
  expect(stdout).toMatch(/^runTimeout +90s +PARLEY_RUN_TIMEOUT$/m);
  expect(stdout).toMatch(/^agent +guide +default$/m);
  expect(stdout).not.toContain('sk-secret');

  const json = await parley(['config', '--json'], { cwd, env });
  expect(JSON.parse(json.stdout)).toMatchObject({
    runTimeout: { value: 90_000, source: 'PARLEY_RUN_TIMEOUT' },
    modelApiKey: { value: '***', source: 'PARLEY_MODEL_API_KEY' },
  });
  expect(json.stdout).not.toContain('sk-secret');
});

test('agents lists those of a running server', async () => {
  const { http } = await startGateway();
  const { status, stdout } = await parley(['agents', http]);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^NAME +ROLE +DESCRIPTION$/m);
  expect(stdout).toMatch(/^echo +/m);
});

/** A server is started with what can be typed where the command was called. */
const WAYS: readonly (readonly [way: string, event: string, start: RegExp])[] = [
  ['npm run', 'parley', / Start one with: npm start -- --port 1$/m],
  ['npx node', 'npx', / Start one with: npx node \S*main\.ts serve --port 1$/m],
  ['node', '', / Start one with: node \S*main\.ts serve --port 1$/m],
];

test.each(WAYS)('[R12] called with %s, no server: how to start one', async (_, event, start) => {
  const env = { npm_lifecycle_event: event };
  const chat = await parley(['chat', 'localhost:1'], { env });
  expect(chat.status).toBe(1);
  expect(chat.stdout).toContain('No server answers at http://localhost:1. ');
  expect(chat.stdout).toMatch(start);
  const agents = await parley(['agents', 'localhost:1'], { env });
  expect({ status: agents.status, stdout: agents.stdout }).toEqual({ status: 1, stdout: '' });
  expect(agents.stderr).toMatch(start);
  expect(agents.stderr).toContain('No server answers at http://localhost:1.');
});

test('what is to be typed is ready for a shell, and another machine is nobody to start', () => {
  expect(quoted('llama3.2:latest')).toBe('llama3.2:latest');
  expect(quoted("it's $HOME")).toBe("'it'\\''s $HOME'");
  expect(startCommand('http://example.org:8080')).toBeUndefined();
  expect(startCommand('http://localhost:8080')).toMatch(/ serve$/);
});

test('a server that wants to know who is asking is shown the token of PARLEY_TOKEN', async () => {
  const { http, tokens } = await startGuarded(['alice']);
  const env = { PARLEY_TOKEN: tokens.alice ?? '' };
  expect((await parley(['agents', http], { env })).stdout).toContain('echo');
  const { stdout } = await parley(['chat', http], { env, input: 'hello' });
  expect(stdout).toContain('hello');
  const refused = await parley(['agents', http]);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('put a token that it knows into the variable PARLEY_TOKEN');
  const ended = await parley(['chat', http], { input: 'hello' });
  expect(ended.status).toBe(1);
  expect(ended.stdout).toContain('put a token that it knows into the variable PARLEY_TOKEN');
});

test('[R7] an administrator is told that a chat is somebody else’s, and who has it is not', async () => {
  const options = { admins: ['root'], agents: [echoAgent] };
  const { http, ws, tokens } = await startGuarded(['alice', 'root'], options);
  const session = await (await connectAs(ws, tokens.alice ?? '')).create();
  const seenBy = async (token = '') => {
    const env = { PARLEY_TOKEN: token };
    return (await parley(['chat', http, '--session', session], { env, input: 'hello' })).stdout;
  };
  expect(await seenBy(tokens.root)).toContain("This is somebody else's chat.");
  expect(await seenBy(tokens.alice)).not.toContain('somebody else');
});

test('token makes a token and the line that makes it known', async () => {
  const { stdout } = await parley(['token', 'alice']);
  const [, token = '', line = ''] =
    /^ {2}(parley_[\w-]{43})$[\s\S]*^ {2}(sha256:[\da-f]{64} alice)$/m.exec(stdout) ?? [];
  const tokensFile = join(await temporaryDirectory(), 'tokens.txt');
  await writeFile(tokensFile, line);
  const { http } = await startGateway({ agents: [echoAgent], auth: 'token', tokensFile });
  expect((await fetch(`${http}/api/me`, bearer(token))).status).toBe(200);
  const wrong = await parley(['token', 'a name with spaces']);
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('expected a name')]);
});

test('chat through npm says how to come back through npm', async () => {
  const { http } = await startGateway({ agent: 'echo' });
  const { stdout } = await parley(['chat', http, '--agent', 'simulator'], {
    env: { npm_lifecycle_event: 'parley' },
    input: 'tokens=2\n',
  });
  expect(stdout).toMatch(/^t1 t2 \n/);
  expect(stdout).toMatch(
    /\nCome back with: npm run parley -- chat http:\S+ --session [\w-]+ --agent simulator\n$/,
  );
});

test('[R12] chat with an agent that there is not ends with status 2 and names those that there are', async () => {
  const { http } = await startGateway();
  const { status, stdout } = await parley(['chat', http, '--agent', 'nobody']);
  expect(status).toBe(2);
  expect(stdout).toBe(
    `The server at ${http} has no agent "nobody". It has guide, echo, simulator.\n`,
  );
});

test.each([
  ['localhost:9000', 'http://localhost:9000'],
  ['ws://localhost:9000/ws', 'http://localhost:9000'],
  ['https://example.com/chat', 'https://example.com'],
  ['[::1]:8080', 'http://[::1]:8080'],
])('the server %s is %s', (text, url) => {
  expect(serverUrl(text)).toBe(url);
});

test.each(['', 'http://', 'ftp://x', 'a b'])('%j is no server', (text) => {
  expect(() => serverUrl(text)).toThrow(UsageError);
});
