/**
 * Our gateway and its peers in turn, on the same work in one run: `npm run bench`, into RESULTS.md. What is
 * compared was measured in the same run; numbers of different runs say nothing about each other.
 * BENCH_RUNS says how often (3); `--only=A` does the works whose names begin so and prints them; `--profile`
 * runs each once on the gateway alone and writes where its time goes, as pictures in profiles/.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FOOTPRINT, measureFootprint } from './footprint.ts';
import { makeLogs } from './logs.ts';
import { page, type Section, text } from './outcome.ts';
import { profile } from './profile.ts';
import { circumstances, versions } from './results.ts';
import { measure } from './turns.ts';
import { MEASUREMENTS } from './works.ts';

const RUNS = Number(process.env.BENCH_RUNS ?? 3);
const RESULTS = join(import.meta.dirname, 'RESULTS.md');

const { values: options } = parseArgs({
  options: { only: { type: 'string', default: '' }, profile: { type: 'boolean', default: false } },
});

const about = [circumstances(), versions('ws', 'socket.io', 'bun')].join('\n');
const works = MEASUREMENTS.filter(({ name }) => name.startsWith(options.only));
if (works.length === 0 && !FOOTPRINT.startsWith(options.only)) {
  const names = [...MEASUREMENTS.map(({ name }) => name), FOOTPRINT].join('\n  ');
  console.error(
    `No work's name begins with ${JSON.stringify(options.only)}. There are:\n  ${names}`,
  );
  process.exit(2);
}
if (works.some(({ name }) => name.startsWith('F'))) await makeLogs();

if (options.profile) {
  for (const work of works) console.log(await profile(work));
} else {
  const sections: Section[] = [];
  for (const work of works) sections.push(await measure(work, RUNS));
  if (FOOTPRINT.startsWith(options.only)) sections.push(await measureFootprint(RUNS));
  if (options.only) console.log(sections.map(text).join('\n\n'));
  else await writeResults(sections);
}

async function writeResults(sections: readonly Section[]): Promise<void> {
  const pages: string[] = [];
  for (const section of sections) pages.push(await page(section, import.meta.dirname));
  await writeFile(
    RESULTS,
    `# Measured beside others

\`npm run bench\`, and how to read it: [the benchmark](README.md). A ratio is one of the same run; its median and spread
are over the runs. There is nothing random in it, so no seed.

${about}

${pages.join('\n\n')}
`,
  );
}
