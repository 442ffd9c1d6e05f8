/** The kinds of settings: how a number, a duration, a list or a choice is written, checked and described. */
import * as z from 'zod';

/** What a setting is to people; `expected` completes the sentence "expected …". */
export interface SettingInfo {
  readonly kind: 'text' | 'number' | 'duration' | 'list';
  readonly about: string;
  readonly expected: string;
  /** What a number counts. */
  readonly unit?: string;
  /** Never printed, and never taken from a command line, which other users can read. */
  readonly secret?: true;
}

export const infos = z.registry<SettingInfo>();

/** `setTimeout` fires at once when told to wait longer. */
const LONGEST_TIMER = 2_147_483_647;

const unitLengths = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds of `25s`, `1.5h`, or of a plain number; `NaN` where it is neither. */
function toMilliseconds(duration: number | string): number {
  if (typeof duration === 'number') return duration;
  const match = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)?$/.exec(duration.trim());
  if (!match) return Number.NaN;
  return Math.round(Number(match[1]) * unitLengths[(match[2] ?? 'ms') as keyof typeof unitLengths]);
}

/** The shortest way to write so many milliseconds: `90000` is `90s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0';
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (milliseconds % unitLengths[unit] === 0) return `${milliseconds / unitLengths[unit]}${unit}`;
  }
  return `${milliseconds}ms`;
}

type Bounds = { readonly min?: number; readonly max?: number };

export function count(fallback: number, unit: string, about: string, bounds: Bounds = {}) {
  const { min = 1, max = Number.MAX_SAFE_INTEGER } = bounds;
  const upTo = max === Number.MAX_SAFE_INTEGER ? 'or more' : `to ${max}`;
  const expected = `a whole number, ${min} ${upTo}`;
  const schema = z.int().min(min).max(max).default(fallback);
  return schema.register(infos, { kind: 'number', about, unit, expected });
}

export function duration(
  fallback: string,
  about: string,
  { min = 1, max = LONGEST_TIMER }: Bounds = {},
) {
  const schema = z
    .union([z.number(), z.string()])
    .transform(toMilliseconds)
    .pipe(z.int().min(min).max(max))
    .prefault(fallback);
  const expected = `a duration such as 500ms, 25s, 10m, 24h or 7d (a plain number is milliseconds), ${
    min === 0 ? '0' : formatDuration(min)
  } to ${Math.floor(max / unitLengths.d)}d`;
  return schema.register(infos, { kind: 'duration', about, expected });
}

export function list(
  schema: z.ZodType<string, string>,
  fallback: string[],
  about: string,
  item: string,
) {
  const expected = `${item} (several: separated by commas, in a file an array)`;
  const items = z.array(schema).readonly().prefault(fallback);
  return items.register(infos, { kind: 'list', about, expected });
}

export function choice<const Values extends readonly [string, ...string[]]>(
  values: Values,
  fallback: Values[number],
  about: string,
) {
  const expected = `one of ${values.join(', ')}`;
  return z
    .enum(values)
    .default(() => fallback)
    .register(infos, { kind: 'text', about, expected });
}
