/** Bars with the spread of their runs, as a picture that needs nothing to be shown. */
import { median } from './results.ts';

export interface Bar {
  readonly name: string;
  readonly values: readonly number[];
}

const WIDTH = 720;
const LABELS = 200;
const NUMBERS = 90;
const ROW = 30;
const TOP = 36;

/** An SVG; the longest bar ends where the numbers begin. */
export function barChart(title: string, unit: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.flatMap(({ values }) => values), 1);
  const scale = (value: number) => Math.round((value / most) * (WIDTH - LABELS - NUMBERS));
  const rows = bars.map(({ name, values }, row) => {
    const y = TOP + row * ROW;
    const length = scale(median(values));
    const [least, longest] = [scale(Math.min(...values)), scale(Math.max(...values))];
    return `<text x="${LABELS - 8}" y="${y + 15}" text-anchor="end">${name}</text>
<rect x="${LABELS}" y="${y + 2}" width="${length}" height="18" rx="2" fill="${row === 0 ? '#2f6fed' : '#9aa7b8'}"/>
<path d="M${LABELS + least} ${y + 11}H${LABELS + longest}" stroke="#1b2430" stroke-width="1.5"/>
<text x="${LABELS + longest + 6}" y="${y + 15}">${say(median(values))}</text>`;
  });
  const height = TOP + bars.length * ROW + 6;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13" fill="#1b2430" role="img">
<title>${title}, ${unit}</title>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="8" y="20" font-weight="600">${title} (${unit})</text>
${rows.join('\n')}
</svg>
`;
}

function say(value: number): string {
  return value.toLocaleString('en', { notation: 'compact', maximumSignificantDigits: 3 });
}
