/** Where the time of the gateway goes in one work, as a picture. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flameGraph } from './flame-graph.ts';
import { slug } from './outcome.ts';
import { measureOnce } from './turns.ts';
import type { Measurement } from './works.ts';

const PROFILES = join(import.meta.dirname, 'profiles');
/** Of the main thread, and not of those of a store: `CPU.<date>.<time>.<process>.<thread>.<number>`. */
const MAIN_THREAD = /^CPU\.\d+\.\d+\.\d+\.0\.\d+\.cpuprofile$/;

/** Runs the first entrant once, and resolves with the path of the picture. Beside it lies the profile itself. */
export async function profile(measurement: Measurement): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-bench-'));
  try {
    const [first] = Object.keys(measurement.entrants) as [string];
    await measureOnce(measurement, first, ['--cpu-prof', `--cpu-prof-dir=${directory}`]);
    const name = (await readdir(directory)).find((file) => MAIN_THREAD.test(file));
    if (!name) throw new Error('The server has left no profile.');
    const recorded = await readFile(join(directory, name), 'utf8');
    const path = join(PROFILES, slug(measurement.name));
    await mkdir(PROFILES, { recursive: true });
    await writeFile(`${path}.cpuprofile`, recorded);
    await writeFile(`${path}.svg`, flameGraph(measurement.name, JSON.parse(recorded)));
    return `${path}.svg`;
  } finally {
    await rm(directory, { recursive: true });
  }
}
