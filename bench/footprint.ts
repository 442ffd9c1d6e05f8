/** What is there before anybody comes: how fast the server starts, and what it takes. */
import { once } from 'node:events';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../tests/helpers/free-port.ts';
import { buildPackages, filesBelow, install, pack } from '../tests/packages/project.ts';
import type { Section } from './outcome.ts';
import { residentBytes } from './process.ts';
import { bounded, type Figure } from './results.ts';
import { onServerCore } from './stage.ts';

export const FOOTPRINT = 'G. Start, memory and size';

/** The least that a server can be, with the port as its argument. */
export const BARE = "require('node:http').createServer().listen(process.argv[1], '127.0.0.1')";
/** As often as a median needs; a start varies more than a rate. */
const LEAST_STARTS = 10;
/** After it has begun to listen: by then everything that a start leaves for later is done. */
const SETTLE_MS = 3_000;
const GIVEN_UP_MS = 30_000;
const MEGABYTE = 1e6;

interface Started {
  readonly ms: number;
  readonly megabytes: number;
}

/** Of the packages as they would be published, installed. */
export async function measureFootprint(runs: number): Promise<Section> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-bench-'));
  try {
    await buildPackages();
    await install(directory, await pack(directory));
    return await measureInstalled(directory, Math.max(runs, LEAST_STARTS));
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function measureInstalled(directory: string, runs: number): Promise<Section> {
  const files = await filesBelow(join(directory, 'node_modules'));
  const megabytes = files.reduce((sum, { size }) => sum + size, 0) / MEGABYTE;
  const main = await realpath(join(directory, 'node_modules/.bin/parley'));
  const serve = (port: number) => [main, 'serve', '--port', `${port}`];
  const first = await start(serve);
  const ours: Started[] = [];
  const bare: Started[] = [];
  for (let run = 0; run < runs; run += 1) {
    ours.push(await start(serve));
    bare.push(await start((port) => ['--eval', BARE, '--', `${port}`]));
    const last = ours.at(-1) as Started;
    console.log(`${FOOTPRINT}, run ${run + 1}: ${Math.round(last.ms)} ms, ${last.megabytes} MB`);
  }
  const values = (figure: keyof Started) => [ours, bare].map((of) => of.map((one) => one[figure]));
  return {
    name: FOOTPRINT,
    outcomes: [
      outcome('From its start until it listens', 'ms', values('ms'), 500),
      outcome('Resident memory at rest', 'MB', values('megabytes'), 90),
    ],
    note: `Installed as a package, with everything that it depends on: ${megabytes.toFixed(1)} MB in files. Its very first start, which compiles, took ${Math.round(first.ms)} ms.`,
  };
}

function outcome(title: string, unit: string, [ours = [], bare = []]: number[][], atMost: number) {
  const parley = bounded('Parley as it comes', unit, ours, { atMost });
  const node: Figure = { what: 'node:http alone', unit, runs: bare };
  const bars = [
    { ...parley, isOurs: true },
    { ...node, isOurs: false },
  ];
  return { title, unit, figures: [parley, node], bars };
}

/** Of `node` with these arguments, in `within`, or in an empty directory. */
export async function start(
  argumentsFor: (port: number) => string[],
  within?: string,
): Promise<Started> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-bench-'));
  const port = await freePort();
  const began = performance.now();
  const child = onServerCore([process.execPath, ...argumentsFor(port)], {
    cwd: within ?? directory,
    stdio: 'ignore',
  });
  const exit = once(child, 'exit');
  try {
    while (!(await accepts(port))) {
      if (child.exitCode !== null) throw new Error(`The server ended with ${child.exitCode}.`);
      if (performance.now() - began > GIVEN_UP_MS) throw new Error('The server does not listen.');
      await delay(1);
    }
    const ms = performance.now() - began;
    await delay(SETTLE_MS);
    return { ms, megabytes: residentBytes(child.pid as number) / MEGABYTE };
  } finally {
    child.kill();
    await exit;
    await rm(directory, { recursive: true });
  }
}

function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return once(socket, 'connect').then(
    () => {
      socket.destroy();
      return true;
    },
    () => false,
  );
}
