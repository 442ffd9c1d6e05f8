/**
 * The end of an answer that is being written. What is half there (a link without its address, a bold word
 * without its end, a table without its second line) is completed or held back for the moment, so that
 * nothing is shown that will look like something else with the next word.
 */
import type { SyntaxNode, Tree } from '@lezer/common';
import { completeInline } from './calm-inline.ts';

/** The text up to `at` stays, and `text` takes the place of what follows. */
export interface Mending {
  readonly at: number;
  readonly text: string;
}

const CONTAINERS = /^(?:Document|Blockquote|BulletList|OrderedList|ListItem|FootnoteDefinition)$/;

/** The beginning of a block that may yet become another one, as the whole of a line. */
const HALF_MARKER =
  /^(?:[-*+]|\d{1,9}[.)]?|#{1,6}|[-=_*][-=_* ]*|\||`{1,2}|~{1,2}|[-*+] \[[ xX]?\]?|\$\$?|\\\[?|[|:\- ]+|\[\^?[^\]\s]*\]?:?)$/;

/** `undefined` where the text can be shown as it is. */
export function calmEnd(text: string, tree: Tree): Mending | undefined {
  const lineStart = text.lastIndexOf('\n') + 1;
  const leaf = lastLeaf(tree);
  if (!leaf) return undefined;
  const { name } = leaf;
  if (name === 'FencedCode') return calmFence(text, leaf, lineStart);
  if (name === 'CodeBlock') return undefined;
  const lastLine = text.slice(lineStart).replace(/^[\s>]+/, '');
  // A table takes any line, so one that looks like another block is none.
  if (name !== 'Table' && lastLine !== '' && HALF_MARKER.test(lastLine.trimEnd())) {
    if (name === 'Paragraph' && isTop(leaf)) {
      const header = tableHeader(text.slice(leaf.from, lineStart));
      if (header !== undefined) return { at: leaf.from, text: header };
    }
    return { at: Math.max(0, lineStart - 1), text: '' };
  }
  if (name === 'OpenMath') return { at: leaf.from, text: '' };
  if (name === 'Paragraph' && isTop(leaf)) {
    const header = tableHeader(text.slice(leaf.from));
    if (header !== undefined) return { at: leaf.from, text: header };
  }
  if (name === 'Table') {
    const row = text.slice(lineStart);
    const cell = row.search(/\|(?:[^|\\]|\\.)*$/s);
    return cell < 0 ? undefined : completeInline(text, lineStart + cell + 1);
  }
  if (/^(?:Paragraph|Task|ATXHeading\d)$/.test(name)) return completeInline(text, leaf.from);
  return undefined;
}

function lastLeaf(tree: Tree): SyntaxNode | null {
  let node: SyntaxNode | null = tree.topNode.lastChild;
  while (node && CONTAINERS.test(node.name) && node.lastChild) node = node.lastChild;
  return node;
}

function isTop(leaf: SyntaxNode): boolean {
  return leaf.parent?.name === 'Document';
}

function calmFence(text: string, leaf: SyntaxNode, lineStart: number): Mending | undefined {
  if (text.length === lineStart || leaf.to < text.length) return undefined;
  const mark = leaf.firstChild;
  if (mark && mark.from >= lineStart) {
    // The language is still being written.
    return { at: mark.to, text: '' };
  }
  return /^[\s>]*(?:`+|~+)$/.test(text.slice(lineStart))
    ? { at: Math.max(0, lineStart - 1), text: '' }
    : undefined;
}

/**
 * The head of a table, if that is what one line that begins with a bar is going to be: with the second
 * line that it lacks.
 */
function tableHeader(text: string): string | undefined {
  const [first, ...more] = text.trimEnd().split('\n');
  if (!first?.startsWith('|') || more.length > 0) return undefined;
  const line = /(?<!\\)\|\s*$/.test(first) ? first : `${first} |`;
  const columns = line.split(/(?<!\\)\|/).length - 2;
  return columns < 1 ? undefined : `${line}\n|${'-|'.repeat(columns)}`;
}
