/** The blocks of an answer as elements. */
import { Fragment, memo, type ReactNode } from 'react';
import { ScrollRegion } from '../controls/scroll-region.tsx';
import { useText } from '../text/text.tsx';
import { CodeBlock } from './code-block.tsx';
import { DiagramBlock } from './diagram-block.tsx';
import { directionOfBlocks, directionOfList } from './direction.ts';
import { InlineView } from './inline-view.tsx';
import { MathView } from './math-view.tsx';
import type { Block, ListItem } from './nodes.ts';

/** The page has the first two levels of headings for itself. */
const LEVEL_SHIFT = 2;

export const BlockView = memo(function BlockView({ block }: { readonly block: Block }): ReactNode {
  switch (block.type) {
    case 'paragraph':
      return (
        <p dir="auto">
          <InlineView nodes={block.children} />
        </p>
      );
    case 'heading': {
      const Heading = `h${Math.min(block.level + LEVEL_SHIFT, 6)}` as 'h3' | 'h4' | 'h5' | 'h6';
      return (
        <Heading dir="auto">
          <InlineView nodes={block.children} />
        </Heading>
      );
    }
    case 'code':
      return block.language === 'mermaid' ? (
        <DiagramBlock code={block.text} closed={block.closed} />
      ) : (
        <CodeBlock code={block.text} language={block.language} closed={block.closed} />
      );
    case 'math':
      return <MathView source={block.source} display />;
    case 'quote':
      return (
        <blockquote dir={directionOfBlocks(block.children)}>
          <Blocks blocks={block.children} />
        </blockquote>
      );
    case 'list':
      return <List list={block} />;
    case 'table':
      return <Table table={block} />;
    case 'rule':
      return <hr />;
    case 'plain':
      return <Plain text={block.text} />;
  }
});

/** Blocks that never change their order. */
export function Blocks({ blocks }: { readonly blocks: readonly Block[] }) {
  // biome-ignore lint/suspicious/noArrayIndexKey: a block is told by its place, and is only appended
  return blocks.map((block, index) => <BlockView key={index} block={block} />);
}

function List({ list }: { readonly list: Extract<Block, { type: 'list' }> }) {
  const items = list.items.map((item, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: an item is told by its place, and is only appended
    <Item key={index} item={item} tight={list.tight} />
  ));
  const direction = directionOfList(list);
  return list.start === undefined ? (
    <ul dir={direction}>{items}</ul>
  ) : (
    <ol dir={direction} start={list.start}>
      {items}
    </ol>
  );
}

const Item = memo(function Item({
  item,
  tight,
}: {
  readonly item: ListItem;
  readonly tight: boolean;
}) {
  const { text } = useText();
  const isTask = item.checked !== undefined;
  return (
    <li className={isTask ? 'task' : undefined}>
      {isTask && (
        <input
          type="checkbox"
          checked={item.checked}
          disabled
          aria-label={item.checked ? text.markdown.taskDone : text.markdown.taskOpen}
        />
      )}
      {item.children.map((block, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a block is told by its place
        <Fragment key={index}>
          {tight && block.type === 'paragraph' ? (
            <bdi>
              <InlineView nodes={block.children} />
            </bdi>
          ) : (
            <BlockView block={block} />
          )}
        </Fragment>
      ))}
    </li>
  );
});

function Table({ table }: { readonly table: Extract<Block, { type: 'table' }> }) {
  const { text } = useText();
  const side = (column: number) => table.align[column] && `align-${table.align[column]}`;
  return (
    <ScrollRegion label={text.markdown.table}>
      <table>
        <thead>
          <tr>
            {table.head.map((cell, column) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a cell is told by its column
              <th key={column} scope="col" dir="auto" className={side(column)}>
                <InlineView nodes={cell} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a row is told by its place
            <tr key={index}>
              {row.map((cell, column) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a cell is told by its column
                <td key={column} dir="auto" className={side(column)}>
                  <InlineView nodes={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollRegion>
  );
}

function Plain({ text: written }: { readonly text: string }) {
  const { text } = useText();
  return (
    <div className="plain">
      <p className="written" dir="auto">
        {written}
      </p>
      <p className="note">{text.markdown.tooComplex}</p>
    </div>
  );
}
