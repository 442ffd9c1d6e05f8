/** An answer in the order in which it came: what was written, what was done, what was written then. */
import type { Step } from '@parley/client';
import { continues } from '../markdown/continues.ts';
import { markdownParser } from '../markdown/grammar.ts';

export type Part =
  /** `at`: where in the answer it begins; the same part keeps it while the answer grows. */
  | { readonly kind: 'text'; readonly at: number; readonly text: string }
  /** `first`: the number of steps before them; it stays where the place moves on. */
  | { readonly kind: 'steps'; readonly first: number; readonly steps: readonly Step[] };

/** How far what stands at a place reaches: cut in two it would mean nothing. Places are in the answer. */
type Hold =
  | { readonly until: 'place'; readonly place: number }
  | { readonly until: 'line' }
  | { readonly until: 'blank line' }
  /** Until a line with `mark` in it that is a `closer`, after `opened`; `orBlank`: or a blank one. */
  | {
      readonly until: 'closer';
      readonly mark: string;
      readonly closer: RegExp;
      readonly opened: number;
      readonly orBlank: boolean;
    }
  /** What is marked within a line: emphasis, code, a link, a formula. */
  | { readonly until: 'mark'; readonly from: number };

/** A paragraph above this is not looked through for marks, UTF-16 code units. */
const MAX_PARAGRAPH = 8_000;
/** Without one of these nothing is marked. */
const MARKS = /[*_~`$\\[<|]/;

/** Cuts one answer as it grows; what has been read once is not read again. */
export class AnswerParts {
  #text = '';
  /** By where the piece begins that is cut and where the step stands: what holds it together. */
  readonly #holds = new Map<string, Hold>();

  /** The same text and steps give the same parts, whichever way they came (R7). */
  update(text: string, steps: readonly Step[]): readonly Part[] {
    if (!continues(text, this.#text)) this.#holds.clear();
    this.#text = text;
    const parts: Part[] = [];
    let from = 0;
    for (const [index, step] of steps.entries()) {
      const to = this.#cut(text, from, Math.min(text.length, Math.max(from, step.offset)));
      pushText(parts, text, from, to);
      from = to;
      const last = parts.at(-1);
      if (last?.kind === 'steps') {
        parts[parts.length - 1] = { ...last, steps: [...last.steps, step] };
      } else parts.push({ kind: 'steps', first: index, steps: [step] });
    }
    pushText(parts, text, from, text.length);
    return parts;
  }

  /** The first place from `at` on where nothing is torn. */
  #cut(text: string, from: number, at: number): number {
    if (from === at) return at;
    const key = `${from} ${at}`;
    const hold = this.#holds.get(key) ?? holdAt(text.slice(from, at), from);
    const end = endOf(hold, text, at);
    const isSettled =
      end < text.length && (hold.until !== 'mark' || blankLine(text, at) < text.length);
    // Before the text has come that far, more of it may come before the step.
    if (at < text.length) {
      this.#holds.set(key, isSettled ? { until: 'place', place: end } : hold);
    }
    if (text[end - 1] === '\n') return end;
    // Spaces that would begin the next part are the end of this one.
    return end + (/^[ \t]+/.exec(text.slice(end, end + 100))?.[0].length ?? 0);
  }
}

function pushText(parts: Part[], text: string, from: number, to: number): void {
  const piece = text.slice(from, to);
  if (piece.trim() !== '') parts.push({ kind: 'text', at: from, text: piece });
}

/** `before`: the text of the piece up to the place; `from`: where the piece begins. */
function holdAt(before: string, from: number): Hold {
  const here: Hold = { until: 'place', place: from + before.length };
  const block = markdownParser.parse(before).topNode.lastChild;
  if (!block) return here;
  let leaf = block;
  while (/^(?:Blockquote|BulletList|OrderedList|ListItem)$/.test(leaf.name) && leaf.lastChild) {
    leaf = leaf.lastChild;
  }
  const [opener, closer] = leaf.name === 'FencedCode' ? leaf.getChildren('CodeMark') : [];
  if (opener && !closer) {
    const mark = before.slice(opener.from, opener.to);
    const line = new RegExp(`^[\\s>]*${mark[0]}{${mark.length},}$`);
    return { until: 'closer', mark, closer: line, opened: from + opener.to, orBlank: false };
  }
  if (/\n[ \t]*\r?\n[ \t]*$/.test(before)) return here;
  if (leaf.name === 'OpenMath') {
    const isDollar = before.startsWith('$$', leaf.from);
    const [mark, line] = isDollar ? (['$$', /\$\$$/] as const) : (['\\]', /\\\]$/] as const);
    return { until: 'closer', mark, closer: line, opened: from + leaf.from + 2, orBlank: true };
  }
  if (/^(?:FencedCode|MathBlock|HorizontalRule|ATXHeading\d|SetextHeading\d)$/.test(block.name)) {
    return before.endsWith('\n') ? here : { until: 'line' };
  }
  const lastLine = before.lastIndexOf('\n', before.length - 2) + 1;
  // The first line of a table is not known as one before the second.
  if (block.name !== 'Paragraph' || before.startsWith('|', lastLine)) {
    return { until: 'blank line' };
  }
  return { until: 'mark', from: from + block.from };
}

function endOf(hold: Hold, text: string, at: number): number {
  switch (hold.until) {
    case 'place':
      return hold.place;
    case 'line':
      return lineEnd(text, at);
    case 'blank line':
      return blankLine(text, at);
    case 'closer':
      return closingLine(text, at, hold);
    case 'mark':
      return markEnd(text, at, hold.from);
  }
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf('\n', at - 1) + 1;
}

/** After the line break, or where the text ends. */
function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end + 1;
}

/** Where the next blank line begins. The last line of the text may be going to be another one. */
function blankLine(text: string, at: number): number {
  for (let line = lineStart(text, at); line < text.length; line = lineEnd(text, line)) {
    const words = text.slice(line, lineEnd(text, line));
    if (line + words.length > at && words.endsWith('\n') && words.trim() === '') {
      return Math.max(at, line);
    }
  }
  return text.length;
}

function closingLine(
  text: string,
  at: number,
  { mark, closer, opened, orBlank }: Extract<Hold, { until: 'closer' }>,
): number {
  const limit = orBlank ? blankLine(text, at) : text.length;
  // On its own line the opening mark is not the closing one.
  let from = Math.max(opened, lineStart(text, at));
  for (;;) {
    const found = text.indexOf(mark, from);
    if (found === -1 || found >= limit) return limit;
    const line = Math.max(opened, lineStart(text, found));
    from = lineEnd(text, found);
    if (closer.test(text.slice(line, from).trimEnd())) return from;
  }
}

/** What is marked is looked for in the whole paragraph: a mark begins something if another ends it. */
function markEnd(text: string, at: number, from: number): number {
  if (at - from > MAX_PARAGRAPH || !MARKS.test(text.slice(from, lineEnd(text, at)))) return at;
  const end = Math.min(blankLine(text, at), at + MAX_PARAGRAPH);
  const place = at - from;
  let to = place;
  const tree = markdownParser.parse(text.slice(from, end));
  for (let node = tree.resolveInner(place, 0); node.parent; node = node.parent) {
    const isWhole = node.name === 'Table' || !node.type.is('Block');
    if (isWhole && node.from < place && node.to > place) to = node.to;
  }
  return from + to;
}
