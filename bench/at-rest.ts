/** What memory at rest is made of: what each part takes by itself, in a process with nothing but a server. */
import { join } from 'node:path';
import { BARE, start } from './footprint.ts';
import { bounded, circumstances, type Figure, median, table } from './results.ts';

/** From here the packages of the gateway are found. */
const GATEWAY = join(import.meta.dirname, '../packages/gateway');
const RUNS = 5;

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

async function runsOf(program: string): Promise<number[]> {
  const argumentsFor = (port: number) => ['--eval', `${BARE};${program}`, '--', `${port}`];
  const runs: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    runs.push((await start(argumentsFor, GATEWAY)).megabytes);
  }
  return runs;
}

const alone = await runsOf('');
const figures: Figure[] = [bounded('node:http alone', 'MB', alone, {})];
for (const [what, program] of PARTS) {
  const more = (await runsOf(program)).map((megabytes) => megabytes - median(alone));
  figures.push(bounded(`${what}: more than that`, 'MB', more, {}));
}
console.log(`${circumstances()}\n\n${table(figures)}`);
