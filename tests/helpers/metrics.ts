/** What a server is scraped for, as a test asks about it. */

export interface Scraped {
  /** The value of one series, written as it is printed: `parley_runs{state="waiting"}`; 0 where there is none. */
  of(series: string): number;
  /** All series of one name. */
  named(name: string): readonly string[];
  /** Of all series; a histogram has three. */
  readonly names: ReadonlySet<string>;
  /** By name what kind of metric it is. */
  readonly types: ReadonlyMap<string, string>;
}

export async function scrape(http: string): Promise<Scraped> {
  const response = await fetch(`${http}/metrics`);
  if (!response.ok) throw new Error(`/metrics answered ${response.status}.`);
  const text = await response.text();
  const values = new Map(
    [...text.matchAll(/^([a-z0-9_]+(?:\{.*\})?) (\S+)$/gm)].map(([, series = '', value]) => [
      series,
      Number(value),
    ]),
  );
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return {
    of: (series) => values.get(series) ?? 0,
    named: (name) => [...values.keys()].filter((series) => series.split('{')[0] === name),
    names: new Set([...values.keys()].map((series) => series.split('{')[0] ?? '')),
    types: new Map(types.map(([, name = '', type = '']) => [name, type])),
  };
}
