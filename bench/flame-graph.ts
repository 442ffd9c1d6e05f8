/** A profile of V8 as a picture: each function above what called it, as wide as its share of the time. */
import { relative } from 'node:path';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
  readonly children?: readonly number[];
}

/** What `node --cpu-prof` writes. */
export interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** Between each sample and the one before it, microseconds. */
  readonly timeDeltas: readonly number[];
}

/** Calls of the same function from the same place, together. */
interface Frame {
  readonly name: string;
  readonly place: string;
  /** Microseconds, with what it called and without. */
  total: number;
  self: number;
  readonly called: Map<string, Frame>;
}

const WIDTH = 1_600;
const ROW = 18;
const TOP = 34;
/** Narrower ones are not drawn, pixels. */
const LEAST_WIDTH = 0.5;
const CHARACTER = 6.6;
const ROOT = new URL('../', import.meta.url);

/** An SVG; shares are of the time in which the process was not idle. */
export function flameGraph(title: string, profile: Profile): string {
  const root = frames(profile);
  const rows: string[] = [];
  const deepest = draw(root, 0, 0, WIDTH / root.total, root.total, rows);
  const height = TOP + (deepest + 1) * ROW + 6;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="ui-monospace, monospace" font-size="11">
<style>
.page{fill:#fff}text{fill:#1b2430;pointer-events:none}.ours rect{fill:#8fb4ff}.package rect{fill:#f3c48b}.node rect{fill:#c9d1da}
rect{stroke:#fff;stroke-width:.5}g:hover rect{stroke:#1b2430;stroke-width:1.5}
@media (prefers-color-scheme:dark){.page{fill:#0d1117}text{fill:#e6edf3}.ours rect{fill:#2a4f9e}.package rect{fill:#7a5423}.node rect{fill:#39424e}rect{stroke:#0d1117}g:hover rect{stroke:#e6edf3}}
</style>
<rect class="page" width="${WIDTH}" height="${height}"/>
<text x="8" y="20" font-size="14">${escaped(title)}: ${Math.round(root.total / 1_000)} ms at work. Blue: Parley; orange: packages; grey: Node. Hover for names and shares.</text>
${rows.join('\n')}
</svg>
`;
}

function frames({ nodes, samples, timeDeltas }: Profile): Frame {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((c) => [c, id])));
  const root = newFrame('all', '');
  const stacks = new Map<number, readonly Frame[]>();
  const stackOf = (id: number): readonly Frame[] => {
    const known = stacks.get(id);
    if (known) return known;
    const parent = parents.get(id);
    const below = parent === undefined ? [] : stackOf(parent);
    const stack = parent === undefined ? [root] : [...below, frameIn(below, byId.get(id))];
    stacks.set(id, stack);
    return stack;
  };
  samples.forEach((id, index) => {
    if (byId.get(id)?.callFrame.functionName === '(idle)') return;
    const stack = stackOf(id);
    const time = timeDeltas[index] ?? 0;
    for (const frame of stack) frame.total += time;
    (stack.at(-1) as Frame).self += time;
  });
  return root;
}

function frameIn(below: readonly Frame[], node: ProfileNode | undefined): Frame {
  const { called } = below.at(-1) as Frame;
  const { functionName = '', url = '', lineNumber = 0 } = node?.callFrame ?? {};
  const place = url && `${placeOf(url)}:${lineNumber + 1}`;
  const key = `${functionName} ${place}`;
  const frame = called.get(key) ?? newFrame(functionName || '(anonymous)', place);
  called.set(key, frame);
  return frame;
}

function newFrame(name: string, place: string): Frame {
  return { name, place, total: 0, self: 0, called: new Map() };
}

/** Of a file here its path in the repository. */
function placeOf(url: string): string {
  return url.startsWith('file:') ? relative(ROOT.pathname, new URL(url).pathname) : url;
}

/** Puts the frame and what it called into `rows`; returns how deep it goes. */
function draw(
  frame: Frame,
  depth: number,
  x: number,
  scale: number,
  all: number,
  rows: string[],
): number {
  const width = frame.total * scale;
  if (width < LEAST_WIDTH) return depth;
  const { name, place, total, self } = frame;
  const share = (time: number) => `${((100 * time) / all).toFixed(1)} %`;
  const y = TOP + depth * ROW;
  const label = name.slice(0, Math.max(0, Math.floor((width - 6) / CHARACTER)));
  rows.push(
    `<g class="${kindOf(place)}"><title>${escaped(`${name} ${place}`.trim())}\n${share(total)}, itself ${share(self)}</title>` +
      `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}"/>` +
      `${label.length > 1 ? `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escaped(label)}</text>` : ''}</g>`,
  );
  let deepest = depth;
  let at = x;
  const called = [...frame.called.values()].sort((a, b) => b.total - a.total);
  for (const each of called) {
    deepest = Math.max(deepest, draw(each, depth + 1, at, scale, all, rows));
    at += each.total * scale;
  }
  return deepest;
}

function kindOf(place: string): string {
  if (place.startsWith('packages/') || place.startsWith('bench/')) return 'ours';
  return place.includes('node_modules/') ? 'package' : 'node';
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
