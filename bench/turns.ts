/** Everyone in turn: measures one work, and compares what was measured in the same run. */
import type { Outcome, Section } from './outcome.ts';
import { PEERS } from './peers/peers.ts';
import { bounded, type Figure, median } from './results.ts';
import { type Measured, Serving } from './stage.ts';
import type { Comparison, Measurement, Wanted } from './works.ts';

/** A load that takes more of its processor may be what was measured, percent. */
const MOST_LOAD = 90;

/** Of each entrant what was measured in each run. */
type Runs = ReadonlyMap<string, readonly Measured[]>;

/** On a server of its own. */
export async function measureOnce(
  { entrants }: Measurement,
  id: string,
  isProfiled = false,
): Promise<Measured> {
  const entrant = entrants[id];
  if (!entrant)
    throw new Error(`${id} does not take part: ${Object.keys(entrants).join(', ')} do.`);
  const { dialect } = PEERS[entrant.peer];
  const serving = await Serving.start(PEERS[entrant.peer], isProfiled);
  try {
    return await serving.measure({ ...entrant.work, dialect });
  } finally {
    await serving.stop();
  }
}

/** So many runs; each begins with another one, so that what warms up favours none. */
export async function measure(measurement: Measurement, count: number): Promise<Section> {
  const ids = Object.keys(measurement.entrants);
  const runs = new Map<string, Measured[]>(ids.map((id) => [id, []]));
  for (let run = 0; run < count; run += 1) {
    for (let place = 0; place < ids.length; place += 1) {
      const id = ids[(run + place) % ids.length] as string;
      const measured = await measureOnce(measurement, id);
      runs.get(id)?.push(measured);
      console.log(line(measurement, run, id, measured));
    }
  }
  return {
    name: measurement.name,
    outcomes: measurement.wanted.map((wanted) => outcome(measurement, wanted, runs)),
    note: processors(measurement, runs),
  };
}

function line({ name, entrants, wanted }: Measurement, run: number, id: string, of: Measured) {
  const figures = wanted.map(
    ({ figure, unit }) => `${of.figures[figure]?.toLocaleString('en')} ${unit}`,
  );
  const took = `server ${percent(of.server)} %, load ${percent(of.load)} %`;
  return `${name}, run ${run + 1}: ${entrants[id]?.name} ${figures.join(', ')} (${took})`;
}

function percent(part: number): number {
  return Math.round(100 * part);
}

function outcome({ entrants }: Measurement, wanted: Wanted, runs: Runs): Outcome {
  const { title, figure, unit, comparisons } = wanted;
  const valuesOf = (id: string) =>
    (runs.get(id) ?? []).map(({ figures }) => figures[figure] ?? Number.NaN);
  const nameOf = (id: string) => entrants[id]?.name ?? id;
  const compare = ({ of, to, ...target }: Comparison): Figure => {
    const [ours, theirs] = [valuesOf(of), valuesOf(to)];
    const values = ours.map((value, run) => value / (theirs[run] as number));
    return bounded(`${nameOf(of)} ÷ ${nameOf(to)}`, '×', values, target);
  };
  const bars = Object.entries(entrants).map(([id, { name, peer }]) => ({
    what: name,
    unit,
    runs: valuesOf(id),
    isOurs: PEERS[peer].script === 'parley.ts',
  }));
  return { title, unit, figures: [...comparisons.map(compare), ...bars], bars };
}

/** Whether the load could have done more. */
function processors({ entrants }: Measurement, runs: Runs): string {
  const shares = Object.entries(entrants).map(([id, { name }]) => {
    const of = (part: 'server' | 'load') =>
      percent(median((runs.get(id) ?? []).map((measured) => measured[part])));
    const isLimit = of('load') > MOST_LOAD;
    return `${name} ${of('server')} and ${of('load')}${isLimit ? ' (**the load was the limit: the server can do more**)' : ''}`;
  });
  return `Processor time of the server and of the load, in percent of their processor: ${shares.join('; ')}.`;
}
