/** Cuts the power of a server under load, at many moments, and looks for what it had acknowledged. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { HistoryEntry } from '@parley/protocol';
import { toHistoryEntry } from '@parley/protocol';
import { openSqliteStore } from '../../packages/gateway/src/stores/sqlite.ts';
import { between, type Random, seeded } from '../helpers/seeded.ts';
import { Asker, type Told } from './asker.ts';
import { DiskTrace, type Fate } from './disk-trace.ts';
import { brief, canonical } from './record.ts';
import { ServerProcess } from './server-process.ts';
import { requireStrace, traced } from './strace.ts';

export interface PowerLossOptions {
  readonly seed: number;
  /** Questions that each of the four clients asks. */
  readonly questions: number;
  readonly cuts: number;
  readonly plants?: readonly string[];
  /** There are no more cuts once one has found this. */
  readonly until?: RegExp;
}

export interface PowerLossResult {
  /** What was lost or broken, a line each. */
  readonly findings: readonly string[];
  readonly cuts: number;
  /** Things that clients had been told before the cuts, in all. */
  readonly told: number;
  readonly syncs: number;
  /** How often unsynced changes met which fate. */
  readonly fates: Readonly<Record<Fate, number>>;
}

const SESSIONS = ['a', 'b', 'c', 'd'];
const FATES: readonly Fate[] = ['lost', 'kept in part', 'torn'];

export async function cutPower(options: PowerLossOptions): Promise<PowerLossResult> {
  requireStrace();
  const directory = await mkdtemp(join(tmpdir(), 'parley-power-'));
  try {
    return await cutPowerIn(directory, options);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function cutPowerIn(
  directory: string,
  { seed, questions, cuts, plants = [], until }: PowerLossOptions,
): Promise<PowerLossResult> {
  const dataDir = join(directory, 'data');
  const output = join(directory, 'trace');
  const told = await load(dataDir, output, questions, plants);
  const trace = await DiskTrace.read(output, directory);
  await compareWithDisk(trace, dataDir);

  const random = seeded(seed);
  const findings: string[] = [];
  const fates: Record<Fate, number> = { lost: 0, 'kept in part': 0, torn: 0 };
  const isFound = () => until !== undefined && findings.some((found) => until.test(found));
  let [cut, before] = [0, 0];
  for (; cut < cuts && !isFound(); cut += 1) {
    const time = chooseTime(told, trace, random);
    const fate = FATES[cut % FATES.length] as Fate;
    const rebuilt = join(directory, `cut-${cut}`);
    await rebuild(rebuilt, trace.cut(time, fate, random));
    const known = [...told].map(([session, all]) => {
      return [session, all.filter(({ at }) => at <= time)] as const;
    });
    const found = await compareWithLog(rebuilt, known);
    findings.push(...found.map((text) => `cut ${cut} (${fate}): ${text}`));
    fates[fate] += 1;
    before += known.reduce((sum, [, all]) => sum + all.length, 0);
    await rm(rebuilt, { recursive: true });
  }
  return { findings, cuts: cut, told: before, syncs: trace.syncs, fates };
}

/** Four clients ask while every change of a file is noted; then the server is killed. */
async function load(
  dataDir: string,
  output: string,
  questions: number,
  plants: readonly string[],
): Promise<Map<string, readonly Told[]>> {
  const server = await ServerProcess.start({
    dataDir,
    port: 0,
    under: traced(output),
    plant: ['early checkpoints', ...plants].join(', '),
  });
  const url = `ws://127.0.0.1:${server.port}/ws`;
  const askers = SESSIONS.map(
    (session) => new Asker({ url, session, content: 'tokens=3 tool=search', ahead: 2 }),
  );
  try {
    await Promise.all(askers.map((asker) => asker.until(questions)));
    return new Map(askers.map(({ session, told }) => [session, told]));
  } finally {
    for (const asker of askers) asker.leave();
    await server.kill();
  }
}

/** At any time since the first acknowledgement; or right after something was told, or written. */
function chooseTime(
  told: ReadonlyMap<string, readonly Told[]>,
  trace: DiskTrace,
  random: Random,
): number {
  const times = [...told.values()].flatMap((all) => all.map(({ at }) => at)).sort((a, b) => a - b);
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  const changes = trace.times.filter((time) => time >= first);
  const any = () => first + random() * (last - first);
  const choices = [any, () => pick(times, random), () => pick(changes, random)];
  return pick(choices, random)();
}

function pick<Value>(values: readonly Value[], random: Random): Value {
  return values[between(random, 0, values.length - 1)] as Value;
}

/** The trace is complete if it leads to the very files that the killed process left. */
async function compareWithDisk(trace: DiskTrace, dataDir: string): Promise<void> {
  const ways = [trace.files(true), trace.files(false)];
  for (const name of await readdir(dataDir)) {
    // What is shared in memory is written there, not by system calls; it is rebuilt at each start.
    if (name.endsWith('-shm')) continue;
    const left = await readFile(join(dataDir, name));
    if (ways.some((files) => files.get(join(dataDir, name))?.equals(left))) continue;
    throw new Error(`The trace does not lead to the ${name} that was left: it is not complete.`);
  }
}

async function rebuild(directory: string, files: ReadonlyMap<string, Buffer>): Promise<void> {
  await mkdir(directory);
  for (const [path, bytes] of files) {
    if (!path.endsWith('-shm')) await writeFile(join(directory, basename(path)), bytes);
  }
}

/** What clients had been told and the store does not have any more. */
async function compareWithLog(
  dataDir: string,
  known: readonly (readonly [session: string, told: readonly Told[]])[],
): Promise<string[]> {
  const findings: string[] = [];
  try {
    const store = await openSqliteStore(dataDir);
    try {
      for (const [session, told] of known) {
        const log: HistoryEntry[] = [];
        for (let more = true; more; ) {
          const after = log.at(-1)?.seq ?? 0;
          const page = await store.readSession(session, { after, limit: 1_000 });
          more = (page?.events.length ?? 0) > 0;
          log.push(...(page?.events.map(toHistoryEntry) ?? []));
        }
        findings.push(...told.flatMap((one) => missing(session, one, log[one.seq - 1])));
      }
    } finally {
      await store.close();
    }
    findings.push(...checkIntegrity(join(dataDir, 'parley.sqlite')));
  } catch (error) {
    findings.push(`the store does not open: ${String(error)}`);
  }
  return findings;
}

function missing(session: string, told: Told, entry: HistoryEntry | undefined): string[] {
  const there = entry ? canonical(entry) : 'nothing';
  if (told.acknowledged !== undefined) {
    if (entry?.message_id === told.acknowledged && entry.type === 'chat_message') return [];
    const what = `${told.acknowledged} was acknowledged at seq ${told.seq}`;
    return [`${session}: ${what}, where the log has ${brief(there)}`];
  }
  if (told.event === there) return [];
  const what = `seq ${told.seq} was told (${brief(told.event ?? '')})`;
  return [`${session}: ${what}, the log has ${brief(there)}`];
}

/** By another build of SQLite than the one that wrote it. */
function checkIntegrity(file: string): string[] {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const rows = db.prepare('PRAGMA integrity_check').all();
    const results = rows.map((row) => String(row.integrity_check));
    return results.join() === 'ok' ? [] : [`the database is damaged: ${results.join('; ')}`];
  } finally {
    db.close();
  }
}
