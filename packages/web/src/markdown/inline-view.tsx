/** What is within a line, as elements. Text is text: it goes nowhere but into text nodes. */
import { memo, type ReactNode } from 'react';
import { FootnoteReference } from './footnote-view.tsx';
import { ImageView, LinkView } from './link-view.tsx';
import { MathView } from './math-view.tsx';
import type { Inline } from './nodes.ts';
import { WrittenText } from './written-text.tsx';

export const InlineView = memo(function InlineView({
  nodes,
}: {
  readonly nodes: readonly Inline[];
}) {
  // biome-ignore lint/suspicious/noArrayIndexKey: a part is told by its place, and is only appended
  return nodes.map((node, index) => <Part key={index} node={node} />);
});

function Part({ node }: { readonly node: Inline }): ReactNode {
  switch (node.type) {
    case 'text':
      return <WrittenText text={node.text} />;
    case 'code':
      return (
        <code dir="ltr">
          <WrittenText text={node.text} />
        </code>
      );
    case 'emphasis':
      return (
        <em>
          <InlineView nodes={node.children} />
        </em>
      );
    case 'strong':
      return (
        <strong>
          <InlineView nodes={node.children} />
        </strong>
      );
    case 'strikethrough':
      return (
        <del>
          <InlineView nodes={node.children} />
        </del>
      );
    case 'link':
      return <LinkView url={node.url}>{node.children}</LinkView>;
    case 'image':
      return <ImageView url={node.url} alt={node.alt} />;
    case 'math':
      return <MathView source={node.source} display={node.display} />;
    case 'footnote':
      return <FootnoteReference label={node.label} />;
    case 'break':
      return <br />;
  }
}
