/**
 * Our gateway and its peers in turn, on the same work in one run: `npm run bench`, into RESULTS.md. What is
 * compared was measured in the same run; numbers of different runs say nothing about each other.
 * BENCH_RUNS says how often, `--only=A` does one work, `--profile` writes where the time goes.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { barChart } from './chart.ts';
import { PEERS, type PeerName } from './peers/peers.ts';
import { circumstances, type Figure, median, table } from './results.ts';
import { type Measured, Serving } from './stage.ts';
import { MEASUREMENTS, type Measurement } from './works.ts';

const RUNS = Number(process.env.BENCH_RUNS ?? 5);
const RESULTS = join(import.meta.dirname, 'RESULTS.md');
const CHARTS = join(import.meta.dirname, 'charts');

const { values: options } = parseArgs({
  options: { only: { type: 'string', default: '' }, profile: { type: 'boolean', default: false } },
});

type Runs = Map<PeerName, Measured[]>;

async function measureOnce(measurement: Measurement, name: PeerName): Promise<Measured> {
  const peer = PEERS[name];
  const isProfiled = options.profile && name === 'parley';
  const flags = isProfiled
    ? ['--cpu-prof', `--cpu-prof-dir=${join(import.meta.dirname, 'profiles')}`]
    : [];
  const serving = await Serving.start(peer, flags);
  try {
    return await serving.measure({ ...measurement.work, dialect: peer.dialect });
  } finally {
    await serving.stop();
  }
}

/** Everyone in turn, `RUNS` times; each run begins with another one, so that what warms up favours none. */
async function measure(measurement: Measurement): Promise<Runs> {
  const { name, peers } = measurement;
  const runs: Runs = new Map(peers.map((peer) => [peer, []]));
  for (let run = 0; run < RUNS; run += 1) {
    for (let place = 0; place < peers.length; place += 1) {
      const peer = peers[(run + place) % peers.length] as PeerName;
      const measured = await measureOnce(measurement, peer);
      runs.get(peer)?.push(measured);
      const { server, load } = measured;
      const percent = (part: number) => `${Math.round(100 * part)} %`;
      console.log(
        `${name}, run ${run + 1}: ${PEERS[peer].name} ${Math.round(measured.figures[measurement.figure] ?? 0)} ${measurement.unit} ` +
          `(server ${percent(server)}, load ${percent(load)})`,
      );
    }
  }
  return runs;
}

function valuesOf({ figure }: Measurement, runs: Runs, peer: PeerName): number[] {
  return (runs.get(peer) ?? []).map(({ figures }) => figures[figure] ?? Number.NaN);
}

function rows(measurement: Measurement, runs: Runs): Figure[] {
  const { peers, comparisons, unit } = measurement;
  const ratios = comparisons.map(({ of, to, atLeast, atMost }): Figure => {
    const [ours, theirs] = [valuesOf(measurement, runs, of), valuesOf(measurement, runs, to)];
    return {
      what: `${PEERS[of].name} ÷ ${PEERS[to].name}`,
      unit: '×',
      ...(atLeast === undefined ? {} : { target: `≥ ${atLeast}` }),
      ...(atMost === undefined ? {} : { target: `≤ ${atMost}` }),
      runs: ours.map((count, run) => count / (theirs[run] as number)),
    };
  });
  const rates = peers.map(
    (peer): Figure => ({ what: PEERS[peer].name, unit, runs: valuesOf(measurement, runs, peer) }),
  );
  return [...ratios, ...rates];
}

/** Whether the load could have done more: else it is what was measured. */
function processors({ peers }: Measurement, runs: Runs): string {
  const shares = peers.map((peer) => {
    const of = (part: 'server' | 'load') =>
      Math.round(100 * median((runs.get(peer) ?? []).map((measured) => measured[part])));
    return `${PEERS[peer].name} ${of('server')} and ${of('load')}`;
  });
  return `Processor time of the server and of the load, in percent of their processor: ${shares.join('; ')}.`;
}

async function report(): Promise<string> {
  const sections: string[] = [];
  for (const measurement of MEASUREMENTS.filter(({ name }) => name.startsWith(options.only))) {
    const runs = await measure(measurement);
    const chart = `${measurement.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.svg`;
    const bars = measurement.peers.map((peer) => ({
      name: PEERS[peer].name,
      values: valuesOf(measurement, runs, peer),
    }));
    await mkdir(CHARTS, { recursive: true });
    await writeFile(join(CHARTS, chart), barChart(measurement.name, measurement.unit, bars));
    sections.push(
      `## ${measurement.name}`,
      table(rows(measurement, runs)),
      processors(measurement, runs),
      `![${measurement.name}: the medians as bars](charts/${chart})`,
    );
  }
  return sections.join('\n\n');
}

const about = circumstances();
const sections = await report();
if (!options.only && !options.profile) {
  await writeFile(
    RESULTS,
    `# Measured beside others

\`npm run bench\`. Each peer is a process on one processor, the load is one on another; they take turns, and a ratio is one
of the same run. The load writes and reads frames as bytes, counts what comes and checks what it is. There is nothing
random in it, so no seed.

${about}

${sections}
`,
  );
}
