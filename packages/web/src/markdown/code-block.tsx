/** A fenced block: its language, a button that copies it, and its lines. */
import { memo, type ReactNode, useRef } from 'react';
import { CopyButton } from '../controls/copy-button.tsx';
import { ScrollRegion } from '../controls/scroll-region.tsx';
import { useText } from '../text/text.tsx';
import { CodeLines, type LineGroup } from './code-lines.ts';
import { useHighlight } from './highlight.ts';
import { shownText } from './shown-text.ts';

interface CodeBlockProps {
  readonly code: string;
  readonly language: string;
  /** Whether its end is there; before it, the code grows. */
  readonly closed: boolean;
  /** Further buttons. */
  readonly actions?: ReactNode;
}

export function CodeBlock({ code, language, closed, actions }: CodeBlockProps) {
  const { text } = useText();
  const label = language ? `${text.markdown.code}: ${shownText(language)}` : text.markdown.code;
  const lines = useRef<CodeLines>(undefined);
  lines.current ??= new CodeLines();
  const highlighted = useHighlight(code, language, closed);
  const groups = lines.current.update(code, highlighted);
  return (
    <figure className="code-block" aria-label={label} dir="ltr">
      <figcaption className="code-head">
        <span className="language">{shownText(language) || text.markdown.code}</span>
        {actions}
        <CopyButton words={code} look="word" />
      </figcaption>
      <ScrollRegion label={label}>
        <pre>
          <code>
            {groups.map((group) => (
              <Lines key={group.index} group={group} />
            ))}
          </code>
        </pre>
      </ScrollRegion>
    </figure>
  );
}

const Lines = memo(function Lines({ group }: { readonly group: LineGroup }) {
  if (!group.tokens) return shownText(group.text);
  const parts: ReactNode[] = [];
  for (const [index, line] of group.tokens.entries()) {
    if (index > 0) parts.push('\n');
    for (let i = 0; i < line.length; i += 2) {
      const [kind, piece] = [line[i], shownText(line[i + 1] ?? '')];
      parts.push(
        kind ? (
          <span key={parts.length} className={kind}>
            {piece}
          </span>
        ) : (
          piece
        ),
      );
    }
  }
  if (group.text.endsWith('\n')) parts.push('\n');
  return parts;
});
