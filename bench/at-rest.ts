/** What memory at rest is made of: what each part takes by itself, in a process with nothing but a server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { residentBytes } from './process.ts';
import { bounded, circumstances, type Figure, median, table } from './results.ts';

/** From here the packages of the gateway are found. */
const GATEWAY = join(import.meta.dirname, '../packages/gateway');
const RUNS = 5;
/** As for `parley serve` in footprint.ts. */
const SETTLE_MS = 3_000;
const SERVER = "require('node:http').createServer().listen(0, '127.0.0.1');";

function thread(what: string): string {
  const body = `${what};require('node:worker_threads').parentPort.on('message', () => {})`;
  return `new (require('node:worker_threads').Worker)(${JSON.stringify(body)}, { eval: true })`;
}

const PARTS: readonly (readonly [what: string, program: string])[] = [
  ['TLS, which `ws` requires', "require('node:tls')"],
  ['an ECMAScript module', "import('node:path')"],
  ['an empty thread', thread('')],
  ['a thread with a database', thread("new (require('better-sqlite3'))(':memory:')")],
  ['zod, which checks what comes in', "import('zod')"],
  ['ws', "import('ws')"],
  ['hono and its server', "import('hono'); import('@hono/node-server')"],
  ['pino', "import('pino')"],
];

async function megabytesOf(program: string): Promise<number> {
  const child = spawn(process.execPath, ['--eval', SERVER + program], { cwd: GATEWAY });
  const exit = once(child, 'exit');
  await delay(SETTLE_MS);
  const bytes = residentBytes(child.pid as number);
  child.kill();
  await exit;
  return bytes / 1e6;
}

async function runsOf(program: string): Promise<number[]> {
  const runs: number[] = [];
  for (let run = 0; run < RUNS; run += 1) runs.push(await megabytesOf(program));
  return runs;
}

const alone = await runsOf('');
const figures: Figure[] = [bounded('node:http alone', 'MB', alone, {})];
for (const [what, program] of PARTS) {
  const more = (await runsOf(program)).map((megabytes) => megabytes - median(alone));
  figures.push(bounded(`${what}: more than that`, 'MB', more, {}));
}
console.log(`${circumstances()}\n\n${table(figures)}`);
