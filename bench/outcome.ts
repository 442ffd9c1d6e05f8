/** What came of a work, as a section of the results. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bar, barChart } from './chart.ts';
import { type Figure, table } from './results.ts';

/** One table, with a chart where there are bars. */
export interface Outcome {
  readonly title: string;
  readonly unit: string;
  /** The table: what must hold, and then what the bars show. */
  readonly figures: readonly Figure[];
  readonly bars: readonly Bar[];
}

export interface Section {
  readonly name: string;
  readonly outcomes: readonly Outcome[];
  /** What else is to be known of it. */
  readonly note: string;
}

const CHARTS = 'charts';

/** For a terminal, or a page without pictures. */
export function text({ name, outcomes, note }: Section): string {
  const parts = outcomes.flatMap(({ title, figures }) => [title, table(figures)]);
  return [`## ${name}`, ...parts, note].join('\n\n');
}

/** The same with its charts, which it writes below `directory`. */
export async function page(section: Section, directory: string): Promise<string> {
  await mkdir(join(directory, CHARTS), { recursive: true });
  const parts: string[] = [];
  for (const { title, unit, figures, bars } of section.outcomes) {
    const chart = `${CHARTS}/${slug(`${section.name} ${title}`)}.svg`;
    const caption = `${title}, ${unit}`;
    await writeFile(join(directory, chart), barChart(`${section.name}: ${caption}`, caption, bars));
    parts.push(`**${title}**`, table(figures), `![${caption}](${chart})`);
  }
  return [`## ${section.name}`, ...parts, section.note].join('\n\n');
}

export function slug(title: string): string {
  return title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
}
