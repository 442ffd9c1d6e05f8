/**
 * Two million messages on a server with compression: `npm run soak`. Connections come and go, resume in the midst of
 * answers, and stop some. Exits with 1 where an answer is wrong, memory grows or descriptors are left.
 * SOAK_MESSAGES says how many, FAULT_SEED which ones. What came of all of them is written into RESULTS-soak.md.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chooseSeed } from '../tests/helpers/seeded.ts';
import { circumstances } from './results.ts';
import { highest, type Sample, slope, soak } from './soak/soak.ts';

const RESULTS = join(import.meta.dirname, 'RESULTS-soak.md');
const MOST_MESSAGES = 2_000_000;
const MESSAGES = Number(process.env.SOAK_MESSAGES ?? MOST_MESSAGES);
const CONVERSATIONS = 50;
const EVERY_MS = 10_000;
/** Messages after which what fills once is full: the pages that the store's two threads keep of the database. */
const WARM_UP = 600_000;
/** With fewer of them a line through them says nothing. */
const LEAST_LOOKS = 10;
const MOST_SLOPE = 1_000_000;
const MEGABYTE = 1e6;

const seed = chooseSeed();
const about = `${circumstances()}\n- ${say(MESSAGES)} messages, FAULT_SEED=${seed}`;
console.log(`${about}\n`);

const { tally, samples, descriptors, ms } = await soak(
  { messages: MESSAGES, conversations: CONVERSATIONS, seed, every: EVERY_MS },
  ({ at, answered, resident, heap, descriptors }, { connections, resumed, stopped }) =>
    console.log(
      `${Math.round(at / 1_000)} s: ${say(answered)} answered, ${megabytes(resident)} MB (JavaScript ${megabytes(heap)}), ` +
        `${descriptors} descriptors; ${say(connections)} connections, ${say(resumed)} resumed, ${say(stopped)} stopped`,
    ),
);

const isWarm = ({ answered }: Sample) => answered >= WARM_UP;
const warm = samples.filter(isWarm);
const growth = warm.length < LEAST_LOOKS ? undefined : slope(highest(samples).filter(isWarm));
const rows = [
  ['Messages, each answered once and rightly', '', say(tally.answered)],
  ['of them stopped', '', say(tally.stopped)],
  ['Messages a second', '', say((tally.answered / ms) * 1_000)],
  ['Connections', '', say(tally.connections)],
  ['of them resumed', '', say(tally.resumed)],
  ['Compressed messages to the server', '> 0', say(tally.deflatedOut)],
  ['Compressed messages from it', '> 0', say(tally.deflatedIn)],
  ...(growth === undefined
    ? [[`Memory: too few looks behind the first ${say(WARM_UP)} messages`, '', '']]
    : [
        [
          'Highest mark of memory, a minute',
          '< 1 MB',
          `${megabytes(growth)} MB over ${warm.length} looks`,
        ],
        ['Memory itself, which goes up and down', '', `${megabytes(slope(warm))} MB a minute`],
      ]),
  ['Descriptors at the end', `${descriptors.before}`, `${descriptors.after}`],
];
const isKept =
  (growth === undefined || growth < MOST_SLOPE) &&
  descriptors.after <= descriptors.before &&
  tally.deflatedOut > 0 &&
  tally.deflatedIn > 0;
const outcome = [
  '| | must be | was |',
  '|---|---|--:|',
  ...rows.map((row) => `| ${row.join(' | ')} |`),
  '',
  isKept ? 'All bounds are kept.' : 'A bound is broken.',
].join('\n');
console.log(`\n${outcome}`);
if (MESSAGES === MOST_MESSAGES) {
  const how = '`npm run soak`, and what it does: [the benchmark](README.md#what-does-the-soak-do).';
  await writeFile(RESULTS, `# Two million messages\n\n${how}\n\n${about}\n\n${outcome}\n`);
}
process.exitCode = isKept ? 0 : 1;

function say(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function megabytes(bytes: number): string {
  return (bytes / MEGABYTE).toFixed(2);
}
