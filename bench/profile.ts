/** Where the time of the gateway goes in one work, as a picture. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { flameGraph } from './flame-graph.ts';
import { slug } from './outcome.ts';
import { shares } from './shares.ts';
import { measureOnce } from './turns.ts';
import type { Measurement } from './works.ts';

const PROFILES = join(import.meta.dirname, 'profiles');

/**
 * Runs the first entrant once, and resolves with the share of each part and the path of the picture. Beside it lies the
 * profile itself.
 */
export async function profile(measurement: Measurement): Promise<string> {
  const [first] = Object.keys(measurement.entrants) as [string];
  const { profile } = await measureOnce(measurement, first, true);
  if (!profile) throw new Error('The server has left no profile.');
  const path = join(PROFILES, slug(measurement.name));
  await mkdir(PROFILES, { recursive: true });
  await writeFile(`${path}.cpuprofile`, JSON.stringify(profile));
  await writeFile(`${path}.svg`, flameGraph(measurement.name, profile));
  const rows = shares(profile).map(
    ([part, share]) => `| ${part} | ${(100 * share).toFixed(1)} % |`,
  );
  return [`## ${measurement.name}`, '', '| | |', '|---|--:|', ...rows, '', `${path}.svg`].join(
    '\n',
  );
}
