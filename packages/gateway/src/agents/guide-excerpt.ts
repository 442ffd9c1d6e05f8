/** What of a section an answer shows. */
import type { Block, Section } from './guide-sections.ts';
import { termsOf } from './guide-words.ts';

/** About how long an excerpt may be, in characters. */
const MAX_LENGTH = 1_500;
/** A code block is kept whole up to here, rather than cut. */
const MAX_LENGTH_WITH_CODE = 3_000;
const GAP: Block = { kind: 'text', text: '…' };

export interface Excerpt {
  readonly markdown: string;
  /** The sections of which it shows something. */
  readonly shown: ReadonlySet<Section>;
  readonly shortened: boolean;
}

/**
 * The text of a section and, as far as there is room, of those below it. Where it does not fit, the
 * paragraphs that speak of `concepts` are kept before others.
 */
export function excerptOf(
  section: Section,
  sections: readonly Section[],
  concepts: readonly string[],
): Excerpt {
  const shown = new Set([section]);
  const own = fit(section.blocks, concepts);
  const blocks = [...own.blocks];
  let room = MAX_LENGTH - lengthOf(blocks);
  for (const below of descendants(section, sections)) {
    const heading: Block = { kind: 'text', text: `**${below.path.at(-1)}**` };
    const whole = [heading, ...below.blocks];
    if (own.shortened || lengthOf(whole) > room) break;
    shown.add(below);
    blocks.push(...whole);
    room -= lengthOf(whole);
  }
  return { markdown: blocks.map(({ text }) => text).join('\n\n'), shown, shortened: own.shortened };
}

function descendants(section: Section, sections: readonly Section[]): readonly Section[] {
  const after = sections.slice(section.id + 1);
  const end = after.findIndex(({ file, level }) => file !== section.file || level <= section.level);
  return end === -1 ? after : after.slice(0, end);
}

function lengthOf(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { text }) => sum + text.length + 2, 0);
}

function fit(
  blocks: readonly Block[],
  concepts: readonly string[],
): { readonly blocks: readonly Block[]; readonly shortened: boolean } {
  if (lengthOf(blocks) <= MAX_LENGTH) return { blocks, shortened: false };
  const wanted = new Set(concepts);
  const relevance = blocks.map(({ text }) => hits(text, wanted));
  const order = [...blocks.keys()].sort(
    (a, b) => (relevance[b] ?? 0) - (relevance[a] ?? 0) || a - b,
  );
  const kept = new Map<number, Block>();
  let length = 0;
  // The first paragraph says what the others are about.
  for (const at of new Set([0, ...order])) {
    const block = blocks[at] as Block;
    const limit = block.kind === 'code' ? MAX_LENGTH_WITH_CODE : MAX_LENGTH;
    if (length + block.text.length <= limit) {
      kept.set(at, block);
      length += block.text.length;
    } else if (block.kind !== 'code' && length < MAX_LENGTH / 2) {
      const cut = cutBlock(block, wanted, MAX_LENGTH - length);
      kept.set(at, cut);
      length += cut.text.length;
    }
  }
  return {
    blocks: [...withGaps(kept, blocks.length)],
    shortened: [...kept].some(([at, block]) => blocks[at] !== block) || kept.size < blocks.length,
  };
}

/** In their order, with a sign where something was left out between two. */
function* withGaps(kept: ReadonlyMap<number, Block>, count: number): Generator<Block> {
  let next = 0;
  for (const at of [...kept.keys()].sort((a, b) => a - b)) {
    if (at > next) yield GAP;
    yield kept.get(at) as Block;
    next = at + 1;
  }
  if (next < count) yield GAP;
}

/** As many lines as there is room for: a table's head, then those that speak of `wanted`. */
function cutBlock(block: Block, wanted: ReadonlySet<string>, room: number): Block {
  const lines = block.text.split('\n');
  const head = block.kind === 'table' ? 2 : 0;
  const order = [...lines.keys()].sort((a, b) => {
    if (a < head || b < head) return a - b;
    return hits(lines[b] ?? '', wanted) - hits(lines[a] ?? '', wanted) || a - b;
  });
  const kept: number[] = [];
  let left = room;
  for (const at of order) {
    const length = (lines[at]?.length ?? 0) + 1;
    if (length > left) break;
    kept.push(at);
    left -= length;
  }
  if (kept.length <= head) return { ...block, text: `${cutLine(block.text, room)} …` };
  const text = kept.sort((a, b) => a - b).map((at) => lines[at]);
  return { ...block, text: text.join('\n') };
}

/** Up to the last end of a sentence, or else of a word, within `room` characters. */
function cutLine(text: string, room: number): string {
  const start = text.slice(0, Math.max(1, room)).toWellFormed();
  const end = /^[\s\S]*[.!?](?=\s)/.exec(start)?.[0] ?? /^[\s\S]*\S(?=\s)/.exec(start)?.[0];
  return end ?? start;
}

function hits(text: string, wanted: ReadonlySet<string>): number {
  return new Set(termsOf(text).filter((term) => wanted.has(term))).size;
}
