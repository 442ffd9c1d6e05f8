/** GitHub's tables, of which one that is too large is ended early. */
import type { BlockParser, LeafBlock, LeafBlockParser, MarkdownConfig } from '@lezer/markdown';
import { Table } from '@lezer/markdown';

/** What comes after so many cells is shown as text. */
const MAX_CELLS = 3_000;

/** UTF-16 code units. */
const MAX_LENGTH = 65_536;

/** Adds the bound to the parser itself and not around it: the library recognises it by its class. */
function bound(parser: LeafBlockParser, leaf: LeafBlock): LeafBlockParser {
  const nextLine = parser.nextLine.bind(parser);
  let cells = leaf.content.split('|').length;
  parser.nextLine = (cx, line, current) => {
    cells += line.text.split('|').length;
    if (cells > MAX_CELLS || current.content.length > MAX_LENGTH) {
      if (parser.finish(cx, current)) return true;
    }
    return nextLine(cx, line, current);
  };
  return parser;
}

function boundBlock(block: BlockParser): BlockParser {
  const { leaf } = block;
  if (!leaf) return block;
  return {
    ...block,
    leaf(cx, current) {
      const parser = leaf(cx, current);
      return parser && bound(parser, current);
    },
  };
}

export const BoundedTable: MarkdownConfig = {
  ...Table,
  parseBlock: (Table.parseBlock ?? []).map(boundBlock),
};
