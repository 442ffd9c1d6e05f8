/**
 * Three nodes of Parley behind a balancer, on PostgreSQL and Redis, all on this machine and without
 * containers: `npx node examples/cluster/start.ts`. README.md beside it says what to try.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { Part, say } from './part.ts';
import {
  findPostgres,
  findPrograms,
  initPostgres,
  refuseWhileRunning,
  UNPRIVILEGED,
} from './programs.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const HOST = '127.0.0.1';
const NODES = [1, 2, 3];

const { values } = parseArgs({
  options: {
    /** Of the balancer; 0 takes a free one. All others take free ones. */
    port: { type: 'string', default: '8080' },
    'data-dir': { type: 'string', default: join(import.meta.dirname, 'data') },
  },
});

/** Below those that the system gives away by itself, so that nobody is given it before its part listens. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_768);
    const server = createServer().listen(port, HOST);
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    if (isFree) return port;
  }
}

/** Made once, so that the cluster finds its data again and everybody is who they were. */
function secretsIn(directory: string): { readonly password: string; readonly signingKey: string } {
  const file = join(directory, 'secrets.json');
  if (!existsSync(file)) {
    const secret = () => randomBytes(32).toString('hex');
    const text = JSON.stringify({ password: secret(), signingKey: secret() });
    writeFileSync(file, text, { mode: 0o600 });
  }
  return JSON.parse(readFileSync(file, 'utf8'));
}

async function isThere(url: string): Promise<void> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
}

async function compose({ redis, haproxy }: ReturnType<typeof findPrograms>) {
  const dataDir = resolve(values['data-dir']);
  const inData = (name: string) => join(dataDir, name);
  refuseWhileRunning(inData('postgres/data'));
  mkdirSync(inData('postgres'), { recursive: true, mode: 0o700 });
  const { password, signingKey } = secretsIn(dataDir);
  if (UNPRIVILEGED) {
    chmodSync(dataDir, 0o711);
    chownSync(inData('postgres'), UNPRIVILEGED.uid, UNPRIVILEGED.gid);
  }
  const programs = await findPostgres(dataDir);
  const passwordFile = inData('postgres/password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (UNPRIVILEGED) chownSync(passwordFile, UNPRIVILEGED.uid, UNPRIVILEGED.gid);
  await initPostgres(programs, inData('postgres/data'), passwordFile);

  const port = Number(values.port) || (await freePort());
  const [postgresPort, redisPort] = [await freePort(), await freePort()];
  const store = `postgres://parley:${password}@${HOST}:${postgresPort}/postgres`;
  const part = (
    name: string,
    program: Omit<ConstructorParameters<typeof Part>[0], 'name' | 'logFile'>,
  ) => new Part({ ...program, name, logFile: inData(`${name.replaceAll(' ', '')}.log`) });

  const parts = [
    part('PostgreSQL', {
      command: programs.postgres,
      args: ['-D', inData('postgres/data'), '-p', `${postgresPort}`, '-h', HOST, '-k', ''],
      cwd: inData('postgres'),
      user: UNPRIVILEGED,
      // Fast: it does not wait until everybody has left.
      stopSignal: 'SIGINT',
      async ready() {
        const client = new Client({ connectionString: store });
        client.on('error', () => {});
        await client.connect();
        await client.end();
      },
    }),
    part('Redis', {
      command: redis,
      args: ['-'],
      // What it holds may be lost, so it keeps nothing, and makes room by itself where it is full.
      input: `bind ${HOST}\nport ${redisPort}\nrequirepass ${password}\nsave ""
maxmemory 256mb\nmaxmemory-policy allkeys-lru\n`,
      stopSignal: 'SIGTERM',
      async ready() {
        const said = readFileSync(inData('Redis.log'), 'utf8');
        if (!said.includes('Ready to accept connections')) throw new Error('not yet');
      },
    }),
  ];

  const addresses: string[] = [];
  const nodes: Part[] = [];
  for (const number of NODES) {
    const nodePort = await freePort();
    addresses.push(`${HOST}:${nodePort}`);
    nodes.push(
      part(`node ${number}`, {
        command: process.execPath,
        args: [join(ROOT, 'packages/gateway/src/main.ts'), 'serve', '--port', `${nodePort}`],
        env: {
          PARLEY_STORE: store,
          PARLEY_BUS: `redis://:${password}@${HOST}:${redisPort}`,
          PARLEY_SIGNING_KEYS: signingKey,
          PARLEY_AUTH: 'anonymous',
          PARLEY_TRUSTED_PROXIES: HOST,
          PARLEY_DATA_DIR: inData(`node${number}`),
        },
        stopSignal: 'SIGTERM',
        ready: () => isThere(`http://${HOST}:${nodePort}/readyz`),
      }),
    );
  }

  const url = `http://localhost:${port}`;
  const [NODE1 = '', NODE2 = '', NODE3 = ''] = addresses;
  const balancer = part('balancer', {
    command: haproxy,
    args: ['-db', '-f', join(import.meta.dirname, 'haproxy.cfg')],
    env: { LISTEN: `${HOST}:${port}`, NODE1, NODE2, NODE3 },
    stopSignal: 'SIGTERM',
    ready: () => isThere(`http://${HOST}:${port}/readyz`),
  });
  return { parts, nodes, balancer, url };
}

async function main(): Promise<void> {
  // First, because building the page takes a while.
  const found = findPrograms();
  execFileSync(process.execPath, [join(ROOT, 'build/web.ts')], { stdio: 'inherit' });
  const { parts, nodes, balancer, url } = await compose(found);
  const all = [...parts, ...nodes, balancer];
  let isStopping = false;
  const stop = async () => {
    if (isStopping) {
      for (const one of all) one.kill();
      process.exit(130);
    }
    isStopping = true;
    say('stopping, one node after the other; once more Ctrl-C ends everything at once');
    // What has died must not come back meanwhile.
    for (const one of all) one.release();
    // The last node that lives has everybody, and tells them to come back later.
    for (const one of [...nodes, balancer, ...parts.toReversed()]) await one.stop();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);

  try {
    for (const group of [parts, nodes, [balancer]]) {
      await Promise.all(group.map((one) => one.start()));
      for (const { name, pid } of group) say(`${name} answers, pid ${pid}`);
    }
  } catch (error) {
    if (isStopping) return;
    for (const one of all) one.kill();
    throw error;
  }
  console.log(`
  Chat       ${url}
  WebSocket  ${url.replace('http', 'ws')}/ws
  Data       ${resolve(values['data-dir'])}, with a log of each part

  Which node a request comes to:   curl -sI ${url}/api/health | grep -i x-served-by
  Ask the simulator for a long answer (tokens=300 rate=20), and meanwhile

    kill -9 ${nodes[0]?.pid}    a node dies: who was on it is on another one at once, and after 5 s
                    the answer is begun anew there
    kill ${nodes[1]?.pid}       a node stops in order, as in an update: its answers may finish
    kill -9 ${parts[1]?.pid}    Redis dies: answers come whole to who is on another node
    kill -9 ${parts[0]?.pid}    PostgreSQL dies: nothing is acknowledged, and all waits for its return

  What dies is started again after 10 s. Ctrl-C stops everything in order.
`);
}

await main().catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
