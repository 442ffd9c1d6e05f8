/** What was measured, and on what, as a page to read. */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, totalmem } from 'node:os';

export interface Figure {
  readonly what: string;
  readonly unit: string;
  /** What must hold, in words; absent where it is only worth knowing. */
  readonly target?: string;
  readonly runs: readonly number[];
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
  const rows = figures.map(({ what, unit, target = '', runs }) => {
    const [least, most] = [Math.min(...runs), Math.max(...runs)];
    const row = [what, target, `${say(median(runs))} ${unit}`, `${say(least)} to ${say(most)}`];
    return `| ${[...row, runs.length].join(' | ')} |`;
  });
  return ['| | target | median | spread | runs |', '|---|---|--:|--:|--:|', ...rows].join('\n');
}

function say(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 });
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

function git(...args: string[]): string {
  return execFileSync('git', args, { encoding: 'utf8' }).trim();
}
