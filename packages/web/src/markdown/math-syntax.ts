/** `$…$`, `$$…$$`, `\(…\)` and `\[…\]`, and not the dollars of a price. */
import type { BlockContext, InlineContext, Line, MarkdownConfig } from '@lezer/markdown';

/** UTF-16 code units; also what is looked through for the end of a formula. */
const MAX_MATH = 4_000;

const DOLLAR = 36;
const BACKSLASH = 92;
const LEFT_PAREN = 40;
const LEFT_BRACKET = 91;

function findInline(cx: InlineContext, next: number, pos: number): number {
  if (next === BACKSLASH) {
    const opener = cx.char(pos + 1);
    if (opener === LEFT_PAREN) return add(cx, 'InlineMath', pos, 2, '\\)');
    if (opener === LEFT_BRACKET) return add(cx, 'DisplayMath', pos, 2, '\\]');
    return -1;
  }
  if (next !== DOLLAR) return -1;
  if (cx.char(pos + 1) === DOLLAR) return add(cx, 'DisplayMath', pos, 2, '$$');
  if (/[\p{L}\p{N}$\\]/u.test(cx.slice(Math.max(cx.offset, pos - 1), pos))) return -1;
  const rest = cx.slice(pos + 1, Math.min(cx.end, pos + MAX_MATH));
  // Nothing blank at either end, no digit after it, and code goes first.
  const match = /^(?![\s$])(?:[^$\\`]|\\.)*?(?<!\s)\$(?![\p{N}$])/su.exec(rest);
  if (!match || isProse(match[0].slice(0, -1))) return -1;
  return cx.addElement(cx.elt('InlineMath', pos, pos + 1 + match[0].length));
}

/** An amount, followed by words: `$5 for you, and 6$`. */
function isProse(content: string): boolean {
  return /^[\d.,]+[^\\{}^_=]*\s[^\\{}^_=]*\p{L}{2,}/u.test(content);
}

function add(cx: InlineContext, type: string, pos: number, skip: number, closer: string): number {
  const rest = cx.slice(pos + skip, Math.min(cx.end, pos + MAX_MATH));
  const length = rest.indexOf(closer);
  if (length < 0 || rest.slice(0, length).trim() === '') return -1;
  return cx.addElement(cx.elt(type, pos, pos + skip + length + closer.length));
}

const OPENERS: readonly (readonly [opener: string, closer: string])[] = [
  ['$$', '$$'],
  ['\\[', '\\]'],
];

/**
 * A formula with lines of its own. It needs a block, because a line that begins with `+` or `=` would be a
 * list or an underline in a paragraph. A blank line ends it, closed or not, as it does in TeX.
 */
function parseBlock(cx: BlockContext, line: Line): boolean {
  const marks = OPENERS.find(([opener]) => line.text.startsWith(opener, line.pos));
  if (!marks || line.indent >= line.baseIndent + 4) return false;
  const [opener, closer] = marks;
  const from = cx.lineStart + line.pos;
  let rest = line.text.slice(line.pos + opener.length).trimEnd();
  const closes = rest.indexOf(closer);
  // Words follow on the line: a paragraph that begins with a formula.
  if (closes >= 0 && closes + closer.length < rest.length) return false;
  const markers = [];
  let end = cx.lineStart + line.text.length;
  let isClosed = closes >= 0;
  while (!isClosed) {
    if (!cx.nextLine() || hasLeft(cx, line) || line.next < 0) break;
    markers.push(...line.markers);
    rest = line.text.slice(line.pos).trimEnd();
    isClosed = rest.endsWith(closer);
    end = cx.lineStart + line.text.length;
  }
  if (isClosed) cx.nextLine();
  cx.addElement(cx.elt(isClosed ? 'MathBlock' : 'OpenMath', from, end, markers));
  return true;
}

/** Whether a line is no longer in the quotation or list in which the block began. */
function hasLeft(cx: BlockContext, line: Line): boolean {
  // How deep the line is nested is left out of the parser's types, though its own blocks depend on it.
  return (line as Line & { readonly depth: number }).depth < cx.depth;
}

export const Mathematics: MarkdownConfig = {
  defineNodes: [
    'InlineMath',
    'DisplayMath',
    { name: 'MathBlock', block: true },
    { name: 'OpenMath', block: true },
  ],
  parseBlock: [
    {
      name: 'MathBlock',
      before: 'IndentedCode',
      parse: parseBlock,
      endLeaf: (_cx, line) => /^(?:\$\$|\\\[)\s*$/.test(line.text.slice(line.pos, line.pos + 200)),
    },
  ],
  parseInline: [{ name: 'InlineMath', before: 'Escape', parse: findInline }],
};
