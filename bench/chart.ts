/** Bars with the spread of their runs, as a picture that needs nothing to be shown, in light and dark. */
import { type Figure, median } from './results.ts';

export interface Bar extends Figure {
  /** It is drawn to be found among the others. */
  readonly isOurs: boolean;
}

const WIDTH = 720;
const LABELS = 190;
const NUMBERS = 90;
const ROW = 28;
const TOP = 38;

/** An SVG; the longest bar ends where the numbers begin. It has its own ground, whatever it is put on. */
export function barChart(title: string, caption: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.flatMap(({ runs }) => runs));
  const scale = (value: number) => Math.round((value / most) * (WIDTH - LABELS - NUMBERS));
  const rows = bars.map(({ what, runs, isOurs }, row) => {
    const y = TOP + row * ROW;
    const length = scale(median(runs));
    const [least, longest] = [scale(Math.min(...runs)), scale(Math.max(...runs))];
    return `<text x="${LABELS - 8}" y="${y + 14}" text-anchor="end">${what}</text>
<rect class="${isOurs ? 'ours' : 'theirs'}" x="${LABELS}" y="${y}" width="${length}" height="18" rx="2"/>
<path class="halo" d="M${LABELS + least} ${y + 9}H${LABELS + longest}"/><path class="spread" d="M${LABELS + least} ${y + 9}H${LABELS + longest}"/>
<text x="${LABELS + longest + 7}" y="${y + 14}">${say(median(runs))}</text>`;
  });
  const height = TOP + bars.length * ROW + 6;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="13" role="img">
<title>${title}</title>
<style>
.ground{fill:#fff}text{fill:#1b2430}.ours{fill:#2f6fed}.theirs{fill:#a9b4c2}.spread{stroke:#1b2430;stroke-width:1.5}.halo{stroke:#fff;stroke-width:4}
@media (prefers-color-scheme:dark){.ground{fill:#0d1117}text{fill:#e6edf3}.ours{fill:#5b8dff}.theirs{fill:#56616f}.spread{stroke:#e6edf3}.halo{stroke:#0d1117}}
</style>
<rect class="ground" width="${WIDTH}" height="${height}" rx="6"/>
<text x="12" y="23" font-weight="600">${caption}</text>
${rows.join('\n')}
</svg>
`;
}

function say(value: number): string {
  return value.toLocaleString('en', { notation: 'compact', maximumSignificantDigits: 3 });
}
