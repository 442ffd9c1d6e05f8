/** What was measured, and on what, as a page to read. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';

export interface Figure {
  readonly what: string;
  readonly unit: string;
  /** What must hold, in words; absent where it is only worth knowing. */
  readonly target?: string;
  /** Whether it holds; absent where nobody says. */
  readonly isReached?: boolean;
  readonly runs: readonly number[];
}

/** What must hold of a median. */
export interface Bound {
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** A figure with what must hold of it; without a bound it is only worth knowing. */
export function bounded(what: string, unit: string, runs: number[], bound: Bound): Figure {
  const { atLeast, atMost } = bound;
  const value = median(runs);
  const amount = (number: number) => `${number.toLocaleString('en')} ${unit}`;
  if (atLeast !== undefined)
    return { what, unit, runs, target: `≥ ${amount(atLeast)}`, isReached: value >= atLeast };
  if (atMost !== undefined)
    return { what, unit, runs, target: `≤ ${amount(atMost)}`, isReached: value <= atMost };
  return { what, unit, runs };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = Number.NaN, high = low] = sorted.slice(
    Math.ceil(middle) - 1,
    Math.floor(middle) + 1,
  );
  return (low + high) / 2;
}

/** A table with a row for each figure. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, unit, target = '', isReached, runs }) => {
    const [least, most] = [Math.min(...runs), Math.max(...runs)];
    const reached = isReached === undefined ? '' : isReached ? ', reached' : ', **missed**';
    const row = [
      what,
      target + reached,
      `${say(median(runs))} ${unit}`,
      `${say(least)} to ${say(most)}`,
    ];
    return `| ${[...row, runs.length].join(' | ')} |`;
  });
  return ['| | target | median | spread | runs |', '|---|---|--:|--:|--:|', ...rows].join('\n');
}

function say(value: number): string {
  const maximumFractionDigits = value < 10 ? 2 : 0;
  return value.toLocaleString('en', { maximumFractionDigits });
}

/** The machine, the versions and the moment, one a line. */
export function circumstances(): string {
  const processors = cpus();
  return [
    `- ${processors.length} × ${processors[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
      `${process.platform}; load when it began ${loadavg()[0]?.toFixed(1)}`,
    `- Node ${process.versions.node}; commit ${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') && ', changed'}, ` +
      new Date().toISOString().slice(0, 16).replace('T', ' '),
  ].join('\n');
}

/** Which versions of these packages are installed here, as a line of the same kind. */
export function versions(...names: string[]): string {
  const installed = names.map((name) => {
    const file = join(import.meta.dirname, '../node_modules', name, 'package.json');
    return `${name} ${JSON.parse(readFileSync(file, 'utf8')).version}`;
  });
  return `- ${installed.join(', ')}`;
}

function git(...args: string[]): string {
  return execFileSync('git', args, { encoding: 'utf8' }).trim();
}
