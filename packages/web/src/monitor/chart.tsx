/** A figure over the last minutes: its value now in large, the course of it as lines, and as a table for who hears the page. */
import { type PointerEvent, useId, useState } from 'react';
import type { Figure } from './figures.ts';
import { POLL_MS } from './poll.ts';
import { type Format, roundUp } from './units.ts';
import { useWords } from './words.ts';

/** The drawing's own units; it is stretched to the place that it has. */
const [WIDTH, HEIGHT] = [300, 100];
/** For how long the axis may be, minutes: as long as something was observed. */
const SPANS = [1, 2, 5] as const;
/** What lies further apart is not joined, milliseconds. */
const GAP_MS = 5 * POLL_MS;
/** Which of the samples the table has: each one would be too many to hear. */
const TABLE_STEP = 15;

const TONES = {
  plain: { line: 'stroke-accent', area: 'fill-accent', mark: 'bg-accent', dashes: undefined },
  other: { line: 'stroke-warning', area: 'fill-none', mark: 'bg-warning', dashes: '5 3' },
  bad: { line: 'stroke-danger', area: 'fill-danger', mark: 'bg-danger', dashes: undefined },
} as const;

export interface Series {
  readonly label: string;
  readonly tone: keyof typeof TONES;
  /** One for each of the times. */
  readonly values: readonly Figure[];
}

interface Props {
  readonly title: string;
  /** When it was measured, milliseconds since the epoch, oldest first. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  readonly format: Format;
  /** What is said where nothing was measured now. */
  readonly empty?: string;
}

export function Chart({ title, times, series, format, empty }: Props) {
  const { words, locale } = useWords();
  const heading = useId();
  const [pointed, setPointed] = useState<number>();
  const end = times.at(-1) ?? 0;
  const seen = (end - (times[0] ?? end)) / 60_000;
  const minutes = SPANS.find((one) => seen <= one) ?? SPANS[2];
  const top = roundUp(
    Math.max(0, ...series.flatMap(({ values }) => values.map((one) => one ?? 0))),
  );
  const isEmpty = series.every(({ values }) => values.every((value) => value === null));
  const at = pointed !== undefined && pointed < times.length ? pointed : times.length - 1;
  const say = (value: Figure | undefined) => (value == null ? '–' : format(value, locale));
  const x = (time: number) => WIDTH * (1 - (end - time) / (minutes * 60_000));

  function point(event: PointerEvent<HTMLElement>): void {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const time = end - minutes * 60_000 * (1 - (event.clientX - left) / width);
    const distances = times.map((one) => Math.abs(one - time));
    setPointed(distances.indexOf(Math.min(...distances)));
  }

  return (
    <figure
      aria-labelledby={heading}
      className="flex min-w-0 flex-col rounded-2xl border border-line bg-raised p-4"
    >
      <figcaption className="flex items-baseline justify-between gap-2">
        <h3 id={heading} className="text-sm font-medium text-muted">
          {title}
        </h3>
        {pointed !== undefined && (
          <span className="text-xs text-muted tabular-nums">{clock(times[at] ?? 0, locale)}</span>
        )}
      </figcaption>
      <div className="flex min-h-9 flex-wrap items-baseline gap-x-4 tabular-nums">
        {series.map(({ label, tone, values }, index) => (
          <span key={label} className="flex items-baseline gap-1.5">
            <span
              className={`h-0.75 w-3 shrink-0 self-center rounded-full ${TONES[tone].mark}`}
              aria-hidden="true"
            />
            <span
              className={
                index === 0 ? 'text-2xl font-semibold tracking-tight' : 'text-base font-medium'
              }
            >
              {say(values[at])}
            </span>
            <span className="text-xs text-muted">{label}</span>
          </span>
        ))}
      </div>
      <div className="mt-2 flex gap-2" aria-hidden="true">
        <div className="flex h-24 w-14 shrink-0 flex-col justify-between text-end text-[0.6875rem] leading-none text-muted tabular-nums">
          <span>{format(top, locale)}</span>
          <span>{format(top / 2, locale) !== format(top, locale) && format(top / 2, locale)}</span>
          <span>{format(0, locale)}</span>
        </div>
        <div
          className="relative h-24 min-w-0 flex-1 touch-pan-y"
          onPointerMove={point}
          onPointerLeave={() => setPointed(undefined)}
        >
          <svg
            viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
            preserveAspectRatio="none"
            aria-hidden="true"
            className="absolute inset-0 size-full overflow-visible"
          >
            {[0, 0.5, 1].map((part) => (
              <path
                key={part}
                d={`M0 ${HEIGHT * part}H${WIDTH}`}
                className="stroke-line"
                vectorEffect="non-scaling-stroke"
              />
            ))}
            {series.map(({ label, tone, values }) => (
              <Line key={label} tone={tone} parts={partsOf(times, values, x, top)} />
            ))}
            {pointed !== undefined && (
              <path
                d={`M${x(times[at] ?? end)} 0V${HEIGHT}`}
                className="stroke-edge"
                vectorEffect="non-scaling-stroke"
              />
            )}
          </svg>
          {isEmpty && (
            <p className="absolute inset-0 grid place-items-center px-2 text-center text-xs text-muted">
              <span className="bg-raised px-1">{empty ?? words.charts.nothing}</span>
            </p>
          )}
        </div>
      </div>
      <div
        className="mt-1 flex justify-between ps-16 text-[0.6875rem] text-muted"
        aria-hidden="true"
      >
        <span>{words.charts.ago(minutes)}</span>
        <span>{words.charts.now}</span>
      </div>
      <Course title={title} times={times} series={series} say={say} />
    </figure>
  );
}

interface Point {
  readonly x: number;
  readonly y: number;
}

function Line({
  tone,
  parts,
}: {
  readonly tone: Series['tone'];
  readonly parts: readonly Point[][];
}) {
  const { line, area, dashes } = TONES[tone];
  return parts.map((points) => {
    const [first, last] = [points[0], points.at(-1)];
    if (!first || !last) return null;
    // Of a single point nothing would be seen.
    const drawn = points.length === 1 ? [first, { ...first, x: first.x + 1 }] : points;
    const d = drawn.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${x} ${y}`).join('');
    return (
      <g key={first.x}>
        <path d={`${d}L${last.x} ${HEIGHT}L${first.x} ${HEIGHT}Z`} className={area} opacity="0.1" />
        <path
          d={d}
          fill="none"
          className={line}
          strokeWidth="1.75"
          strokeDasharray={dashes}
          strokeLinejoin="round"
          strokeLinecap="round"
          vectorEffect="non-scaling-stroke"
        />
      </g>
    );
  });
}

/** The line, apart where there is a gap. */
function partsOf(
  times: readonly number[],
  values: readonly Figure[],
  x: (time: number) => number,
  top: number,
): Point[][] {
  const parts: Point[][] = [];
  let before = Number.NEGATIVE_INFINITY;
  for (const [index, time] of times.entries()) {
    const value = values[index];
    if (value == null) continue;
    const isJoined = values[index - 1] != null && time - before <= GAP_MS;
    before = time;
    const point = { x: round(x(time)), y: round(HEIGHT * (1 - value / top)) };
    if (isJoined) parts.at(-1)?.push(point);
    else parts.push([point]);
  }
  return parts;
}

interface CourseProps extends Pick<Props, 'title' | 'times' | 'series'> {
  readonly say: (value: Figure | undefined) => string;
}

/** What the lines say, for who does not see them. */
function Course({ title, times, series, say }: CourseProps) {
  const { words, locale } = useWords();
  const rows = times
    .map((time, index) => ({ time, index }))
    .filter(({ index }) => (times.length - 1 - index) % TABLE_STEP === 0)
    .reverse();
  return (
    <div className="sr-only">
      <table>
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">{words.charts.time}</th>
            {series.map(({ label }) => (
              <th key={label} scope="col">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ time, index }) => (
            <tr key={time}>
              <th scope="row">{clock(time, locale)}</th>
              {series.map(({ label, values }) => (
                <td key={label}>{say(values[index])}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function clock(time: number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { timeStyle: 'medium' }).format(time);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
