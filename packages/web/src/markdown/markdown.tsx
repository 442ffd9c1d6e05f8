/** What an agent wrote, as it was meant. It is hostile: see docs/decisions/markdown-safety.md. */
import './markdown.css';
import { memo, useId, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { BlockView } from './block-view.tsx';
import { MarkdownDocument, type ShownBlock } from './document.ts';
import { FootnoteContext, FootnoteSection } from './footnote-view.tsx';
import { FootnoteNumbers } from './footnotes.ts';
import { usePaced } from './pace.ts';

/**
 * Shows Markdown. While `streaming`, `text` may grow at its end; only its last block is read and drawn
 * again.
 *
 * @example <Markdown text="**Hello**" streaming={false} />
 */
export function Markdown({ text, streaming }: { text: string; streaming: boolean }) {
  const shown = usePaced(text, streaming);
  const reader = useRef<MarkdownDocument>(undefined);
  reader.current ??= new MarkdownDocument();
  const { groups, footnotes } = reader.current.update(shown.text, shown.streaming);
  const prefix = useId();
  const [numbers] = useState(() => new FootnoteNumbers());
  useLayoutEffect(
    () => numbers.set(footnotes, shown.streaming),
    [numbers, footnotes, shown.streaming],
  );
  const notes = useMemo(() => ({ prefix, numbers }), [prefix, numbers]);
  return (
    <FootnoteContext value={notes}>
      <div className="markdown" aria-busy={shown.streaming || shown.text !== text}>
        {groups.map((blocks) => (
          <Group key={blocks[0]?.key} blocks={blocks} isOfMany={groups.length > FEW} />
        ))}
        <FootnoteSection footnotes={footnotes} />
      </div>
    </FootnoteContext>
  );
}

/** In an answer with more groups than these, what is out of sight is not laid out. */
const FEW = 6;

interface GroupProps {
  readonly blocks: readonly ShownBlock[];
  readonly isOfMany: boolean;
}

/** An element of its own, so that what is added has the browser lay out the last one again, not all. */
const Group = memo(function Group({ blocks, isOfMany }: GroupProps) {
  return (
    <div className={isOfMany ? 'of-many' : undefined}>
      {blocks.map(({ key, block }) => (
        <BlockView key={key} block={block} />
      ))}
    </div>
  );
});
