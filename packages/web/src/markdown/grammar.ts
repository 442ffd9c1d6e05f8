/**
 * The Markdown that agents write: CommonMark and GitHub's tables, tasks, strikethrough and bare
 * addresses; mathematics, footnotes; no HTML. What could be nested or interleaved without end is bounded.
 */
import type { InlineContext, MarkdownConfig } from '@lezer/markdown';
import { Autolink, parser, Strikethrough, TaskList } from '@lezer/markdown';
import { Footnotes } from './footnote-syntax.ts';
import { Mathematics } from './math-syntax.ts';
import { BoundedTable } from './table-syntax.ts';

/** Blocks within blocks; a list counts twice, as a list and as an item. */
const MAX_DEPTH = 16;

/** A paragraph or cell above this is shown as it is, UTF-16 code units. */
const MAX_LEAF = 32_768;

/** So many characters that could begin or end something make a paragraph one that is shown as it is. */
const MAX_DELIMITERS = 2_000;

/** Links are found by looking back for their beginning, so these are dearer. */
const MAX_BRACKETS = 1_000;

const LESS_THAN = 60;

function isTooBusy(text: string): boolean {
  if (text.length > MAX_LEAF) return true;
  if (text.length < MAX_BRACKETS) return false;
  let delimiters = 0;
  let brackets = 0;
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i] as string;
    if ('[]('.includes(char)) brackets += 1;
    else if ('*_~`$\\<&!@:'.includes(char)) delimiters += 1;
  }
  return delimiters > MAX_DELIMITERS || brackets > MAX_BRACKETS;
}

const Bounds: MarkdownConfig = {
  defineNodes: ['Plain', { name: 'PlainBlock', block: true }],
  parseBlock: [
    {
      name: 'MaxDepth',
      before: 'IndentedCode',
      parse(cx, line) {
        if (cx.depth <= MAX_DEPTH) return false;
        cx.addElement(
          cx.elt('PlainBlock', cx.lineStart + line.pos, cx.lineStart + line.text.length),
        );
        cx.nextLine();
        return true;
      },
    },
  ],
  parseInline: [
    {
      name: 'MaxDelimiters',
      before: 'Escape',
      parse(cx, _next, pos) {
        if (pos !== cx.offset || !isTooBusy(cx.text)) return -1;
        return cx.addElement(cx.elt('Plain', pos, cx.end));
      },
    },
  ],
};

const ANGLE_LINK =
  /^<(?:[a-z][a-z\d+.-]{1,31}:[^\s<>]*|[a-z\d.!#$%&'*+/=?^_`{|}~-]+@[a-z\d-]+(?:\.[a-z\d-]+)*)>/i;

/** HTML has no meaning here, so its tags are text. What is left of `<` is `<https://…>` and `<br>`. */
const NoHtml: MarkdownConfig = {
  remove: ['HTMLBlock', 'HTMLTag'],
  parseInline: [
    {
      name: 'AngleLink',
      before: 'Emphasis',
      parse(cx, next, pos) {
        if (next !== LESS_THAN) return -1;
        const rest = upTo(cx, pos, 2_100);
        const line = /^<br ?\/?>/i.exec(rest);
        if (line) return cx.addElement(cx.elt('HardBreak', pos, pos + line[0].length));
        const link = ANGLE_LINK.exec(rest);
        if (!link) return -1;
        const end = pos + link[0].length;
        return cx.addElement(cx.elt('Autolink', pos, end, [cx.elt('URL', pos + 1, end - 1)]));
      },
    },
  ],
};

/** At most `limit` characters from `pos`, so that looking ahead costs the same wherever it is done. */
function upTo(cx: InlineContext, pos: number, limit: number): string {
  return cx.slice(pos, Math.min(cx.end, pos + limit));
}

export const markdownParser = parser.configure([
  NoHtml,
  BoundedTable,
  TaskList,
  Strikethrough,
  Autolink,
  Footnotes,
  Mathematics,
  Bounds,
]);
