/** The example of several nodes, started for real: PostgreSQL, Redis, HAProxy and three nodes. */
import { execFile } from 'node:child_process';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ServerMessage } from '@parley/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryDirectory } from '../helpers/gateway.ts';
import { TestSocket } from '../helpers/socket.ts';
import { Program, ROOT } from './program.ts';

let cluster: Program;
let url: string;
let dataDir: string;

beforeAll(async () => {
  const directory = await temporaryDirectory(afterAll);
  // As root PostgreSQL runs as nobody, who has to get there.
  await chmod(directory, 0o711);
  dataDir = join(directory, 'data');
  const args = ['--port', '0', '--data-dir', dataDir];
  cluster = new Program(
    [join(ROOT, 'examples/cluster/start.ts'), ...args],
    directory,
    {},
    afterAll,
  );
  [, url = ''] = await cluster.says(/Chat +(http:\S+)/);
  await cluster.says(/Ctrl-C/);
}, 60_000);

/** A socket through the balancer, and the node that it was given. */
async function open(cookie: string): Promise<{ socket: TestSocket; node: string }> {
  let node = '';
  const socket = await TestSocket.open(`${url.replace('http', 'ws')}/ws`, {
    headers: { Cookie: cookie },
    finishRequest(request) {
      request.once('upgrade', ({ headers }) => {
        node = String(headers['x-served-by']);
      });
      request.end();
    },
  });
  return { socket, node };
}

function pidOf(part: string): number {
  const found = [...cluster.output.matchAll(new RegExp(`${part} .*pid (\\d+)`, 'g'))].at(-1);
  return Number(found?.[1]);
}

/** What somebody has on the screen: the text of the last attempt. */
function textOf({ received }: TestSocket): string {
  let text = '';
  let attempt = 0;
  for (const message of received) {
    if (message.type !== 'agent_chunk') continue;
    if (message.attempt !== attempt) [attempt, text] = [message.attempt ?? 0, ''];
    text = text.slice(0, message.data.offset) + message.data.content;
  }
  return text;
}

const isEnd = ({ type }: ServerMessage) => type === 'agent_response';

test('[R3] [R5] [R6] [R7] [R10] the example: a node is killed in mid-answer, and everyone ends with the same', async () => {
  const [cookie = ''] = (await fetch(url)).headers.getSetCookie();
  const alice = await open(cookie);
  const session_id = await alice.socket.create({ agent_name: 'simulator' });
  const bob = await open(cookie);
  expect(bob.node).not.toBe(alice.node);
  bob.socket.send({ type: 'session_join', session_id });
  await bob.socket.next('session_status');
  const question = {
    type: 'chat_message' as const,
    message_id: 'm-1',
    session_id,
    data: { content: 'tokens=60 rate=50', agent_name: 'simulator' },
  };
  alice.socket.send(question);
  await bob.socket.find(({ type, data }) => type === 'agent_chunk' && data.offset > 0);

  process.kill(pidOf(alice.node.replace(/(\d)/, ' $1')), 'SIGKILL');
  await alice.socket.closed;
  const again = await open(cookie);
  expect(again.node).not.toBe(alice.node);
  again.socket.send({ type: 'session_join', session_id, data: { after_seq: 0 } });
  // As a client does that never heard whether it was taken.
  again.socket.send(question);

  const whole = Array.from({ length: 60 }, (_, index) => `t${index + 1} `).join('');
  const ends = await Promise.all([again, bob].map(({ socket }) => socket.find(isEnd)));
  for (const end of ends) {
    expect(end).toMatchObject({ attempt: 2, data: { status: 'complete', content: whole } });
  }
  expect(ends[0]?.seq).toBe(ends[1]?.seq);
  expect(textOf(bob.socket)).toBe(whole);
  const { data } = await open(cookie).then(async ({ socket }) => {
    socket.send({ type: 'session_join', session_id });
    return socket.next('session_status');
  });
  expect(data.history?.map(({ type }) => type)).toEqual(['chat_message', 'agent_response']);
});

test('[R10] the Redis of the example makes room by itself', async () => {
  const { password } = JSON.parse(await readFile(join(dataDir, 'secrets.json'), 'utf8'));
  const log = await readFile(join(dataDir, 'Redis.log'), 'utf8');
  const port = [...log.matchAll(/Running mode=standalone, port=(\d+)/g)].at(-1)?.[1] ?? '';
  const { stdout } = await promisify(execFile)(
    'redis-cli',
    ['-p', port, 'config', 'get', 'maxmemory*'],
    { env: { ...process.env, REDISCLI_AUTH: password } },
  );
  expect(stdout).toMatch(/maxmemory-policy\nallkeys-lru/);
  expect(stdout).not.toMatch(/maxmemory\n0\n/);
});

test('[R10] without Redis nobody is turned away, although no node calls itself ready', async () => {
  const [cookie = ''] = (await fetch(url)).headers.getSetCookie();
  process.kill(pidOf('Redis'), 'SIGKILL');
  const balancerLog = () => readFile(join(dataDir, 'balancer.log'), 'utf8');
  await expect
    .poll(balancerLog, { timeout: 8_000 })
    .toContain('backend ready has no server available');
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  const { socket } = await open(cookie);
  expect((await socket.ask('hello', { data: { agent_name: 'echo' } })).data.content).toBe('hello');
});

test('a second start on the data of a running one says so, and how that one is ended', async () => {
  const directory = await temporaryDirectory();
  const args = [join(ROOT, 'examples/cluster/start.ts'), '--port', '0', '--data-dir', dataDir];
  const second = new Program(args, directory);
  expect(await second.ended).toBe(1);
  expect(second.output).toContain(`kill -INT ${pidOf('PostgreSQL')}`);
});

test('the example stops in order: the nodes one after the other, then what they need', async () => {
  cluster.kill('SIGINT');
  expect(await cluster.ended).toBe(0);
  const stopped = [...cluster.output.matchAll(/(\S+(?: \d)?) has stopped/g)].map(
    ([, part]) => part,
  );
  // Redis and one node are dead, or just coming back.
  expect(stopped.filter((part) => part !== 'Redis').slice(-2)).toEqual(['balancer', 'PostgreSQL']);
});
