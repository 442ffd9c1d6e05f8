/**
 * From the parser's tree to the nodes that can be shown. This is the sanitiser: it knows what is allowed,
 * and whatever it does not know becomes the text that it was written as.
 */
import type { SyntaxNode, Tree } from '@lezer/common';
import { convertInline } from './convert-inline.ts';
import type { Definitions } from './definitions.ts';
import { unescaped } from './entities.ts';
import type { Align, Block, Inline, ListItem } from './nodes.ts';

/** What a conversion reads, and what it notes down on its way. */
export interface Conversion {
  /** The text that the positions of the tree refer to. */
  readonly source: string;
  readonly definitions: Definitions;
  /** Labels that were asked for and are not defined (yet). */
  readonly missing: Set<string>;
  /** Labels of footnotes, in the order of their references. */
  readonly footnotes: string[];
  /** Where a bare address ends here, it may go on, and is no link yet; -1 where nothing follows. */
  readonly openEnd: number;
  /** What became of a part that the parser took over unchanged, so that it is the same object again. */
  readonly memo: Memo;
}

interface Converted<T> {
  readonly value: T;
  readonly missing: ReadonlySet<string>;
  readonly footnotes: readonly string[];
}

export class Memo {
  readonly blocks = new WeakMap<Tree, Converted<Block | undefined>>();
  readonly items = new WeakMap<Tree, Converted<{ item: ListItem; isLoose: boolean }>>();
}

/** The blocks directly in a node; definitions show nothing. */
export function convertBlocks(parent: SyntaxNode, conversion: Conversion): Block[] {
  const blocks: Block[] = [];
  for (let node = parent.firstChild; node; node = node.nextSibling) {
    const block = convertBlock(node, conversion);
    if (block) blocks.push(block);
  }
  return blocks;
}

/** `undefined` for marks and definitions. */
export function convertBlock(node: SyntaxNode, conversion: Conversion): Block | undefined {
  return once(node, conversion, conversion.memo.blocks, convert);
}

/** What a part of the tree becomes, which is found again as long as the parser takes the part over. */
function once<T>(
  node: SyntaxNode,
  conversion: Conversion,
  memo: WeakMap<Tree, Converted<T>>,
  make: (node: SyntaxNode, conversion: Conversion) => T,
): T {
  const { source, openEnd } = conversion;
  const { tree } = node;
  // What touches the end may become something else.
  if (!tree || node.to >= (openEnd < 0 ? source.length : openEnd)) return make(node, conversion);
  let converted = memo.get(tree);
  if (!converted) {
    const own = { ...conversion, missing: new Set<string>(), footnotes: [] };
    converted = { value: make(node, own), missing: own.missing, footnotes: own.footnotes };
    memo.set(tree, converted);
  }
  for (const label of converted.missing) conversion.missing.add(label);
  conversion.footnotes.push(...converted.footnotes);
  return converted.value;
}

function convert(node: SyntaxNode, conversion: Conversion): Block | undefined {
  const { source } = conversion;
  switch (node.name) {
    case 'Paragraph':
    case 'Task':
      if (node.firstChild?.name === 'Plain') {
        return { type: 'plain', text: withoutMarkers(node, source) };
      }
      return { type: 'paragraph', children: convertInline(node, conversion) };
    case 'ATXHeading1':
    case 'ATXHeading2':
    case 'ATXHeading3':
    case 'ATXHeading4':
    case 'ATXHeading5':
    case 'ATXHeading6':
    case 'SetextHeading1':
    case 'SetextHeading2':
      return {
        type: 'heading',
        level: Number(node.name.at(-1)),
        children: convertInline(node, conversion),
      };
    case 'FencedCode':
    case 'CodeBlock':
      return code(node, source);
    case 'MathBlock':
      return { type: 'math', source: withoutMarkers(node, source).trim().slice(2, -2).trim() };
    case 'OpenMath':
    case 'PlainBlock':
      return { type: 'plain', text: withoutMarkers(node, source) };
    case 'Blockquote':
      return { type: 'quote', children: convertBlocks(node, conversion) };
    case 'BulletList':
    case 'OrderedList':
      return list(node, conversion);
    case 'Table':
      return table(node, conversion);
    case 'HorizontalRule':
      return { type: 'rule' };
    case 'LinkReference':
    case 'FootnoteDefinition':
    case 'FootnoteLabel':
    case 'QuoteMark':
    case 'ListMark':
    case 'TaskMarker':
      return undefined;
    default:
      return { type: 'plain', text: source.slice(node.from, node.to) };
  }
}

function code(node: SyntaxNode, source: string): Block {
  const info = node.getChild('CodeInfo');
  const word = info ? unescaped(source.slice(info.from, info.to)).split(/[\s{,:]/, 1)[0] : '';
  const text = node
    .getChildren('CodeText')
    .map(({ from, to }) => source.slice(from, to))
    .join('');
  return {
    type: 'code',
    language: (word ?? '').toLowerCase().slice(0, 40),
    text,
    closed: node.name === 'CodeBlock' || node.getChildren('CodeMark').length > 1,
  };
}

/** The text of a block without the `>` that its lines begin with. */
function withoutMarkers(node: SyntaxNode, source: string): string {
  let text = '';
  let at = node.from;
  for (const { from, to } of node.getChildren('QuoteMark')) {
    text += source.slice(at, from);
    at = to;
  }
  return text + source.slice(at, node.to);
}

function list(node: SyntaxNode, conversion: Conversion): Block {
  const items: ListItem[] = [];
  let tight = true;
  let previousEnd = -1;
  for (const child of node.getChildren('ListItem')) {
    if (previousEnd >= 0 && hasBlankLine(conversion.source, previousEnd, child.from)) tight = false;
    previousEnd = child.to;
    const { item, isLoose } = once(child, conversion, conversion.memo.items, convertItem);
    if (isLoose) tight = false;
    items.push(item);
  }
  const mark = node.getChild('ListItem')?.getChild('ListMark');
  const start = mark ? Number.parseInt(conversion.source.slice(mark.from, mark.to), 10) : 1;
  return { type: 'list', start: node.name === 'OrderedList' ? start : undefined, tight, items };
}

function convertItem(
  node: SyntaxNode,
  conversion: Conversion,
): {
  item: ListItem;
  isLoose: boolean;
} {
  const task = node.getChild('Task')?.getChild('TaskMarker');
  const checked = task ? /x/i.test(conversion.source.slice(task.from, task.to)) : undefined;
  const children = convertBlocks(node, conversion);
  return { item: { checked, children }, isLoose: hasLooseChildren(node, conversion.source) };
}

function hasLooseChildren(item: SyntaxNode, source: string): boolean {
  let previousEnd = -1;
  for (let child = item.firstChild; child; child = child.nextSibling) {
    if (child.name === 'ListMark' || child.name === 'QuoteMark') continue;
    if (previousEnd >= 0 && hasBlankLine(source, previousEnd, child.from)) return true;
    previousEnd = child.to;
  }
  return false;
}

function hasBlankLine(source: string, from: number, to: number): boolean {
  return /\n[ \t>]*\n/.test(source.slice(from, to));
}

function table(node: SyntaxNode, conversion: Conversion): Block {
  const { source } = conversion;
  const header = node.getChild('TableHeader');
  const delimiter = node.getChild('TableDelimiter');
  const align = delimiter ? alignments(source.slice(delimiter.from, delimiter.to)) : [];
  const columns = align.length;
  return {
    type: 'table',
    align,
    head: header ? cells(header, columns, conversion) : [],
    rows: node.getChildren('TableRow').map((row) => cells(row, columns, conversion)),
  };
}

function alignments(delimiter: string): Align[] {
  return delimiter
    .trim()
    .replace(/^\||\|$/g, '')
    .split('|')
    .map((cell) => {
      const isLeft = cell.trim().startsWith(':');
      if (cell.trim().endsWith(':')) return isLeft ? 'center' : 'right';
      return isLeft ? 'left' : undefined;
    });
}

/** As many as the table has columns: a cell that is empty has no node of its own. */
function cells(row: SyntaxNode, columns: number, conversion: Conversion): Inline[][] {
  const { source } = conversion;
  const found: Inline[][] = [];
  let current: Inline[] = [];
  let isFirst = true;
  for (let child = row.firstChild; child; child = child.nextSibling) {
    if (child.name === 'TableCell') current = convertInline(child, conversion);
    if (child.name !== 'TableDelimiter') continue;
    // The mark at the beginning of the line ends no cell.
    if (!isFirst || source.slice(row.from, child.from).trim() !== '') found.push(current);
    isFirst = false;
    current = [];
  }
  found.push(current);
  return Array.from({ length: columns }, (_, index) => found[index] ?? []);
}

/** The nodes of a kind among the blocks from a position on; paragraphs are not looked through. */
export function findBlocks(tree: Tree, name: string, from: number, to: number): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  tree.iterate({
    from,
    to,
    enter(ref) {
      if (ref.name !== name) return CONTAINERS.has(ref.name);
      if (ref.from >= from && ref.to <= to) found.push(ref.node);
      return false;
    },
  });
  return found;
}

const CONTAINERS = new Set([
  'Document',
  'Blockquote',
  'BulletList',
  'OrderedList',
  'ListItem',
  'FootnoteDefinition',
]);
