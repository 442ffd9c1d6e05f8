/** References to footnotes, and the footnotes themselves after the answer. */
import { createContext, type MouseEvent, use } from 'react';
import { useText } from '../text/text.tsx';
import { Blocks } from './block-view.tsx';
import type { Footnotes } from './footnotes.ts';

interface FootnoteNumbers {
  /** Of ids: no text of the agent's can become one, and two answers on a page do not share any. */
  readonly prefix: string;
  readonly streaming: boolean;
  readonly numbers: ReadonlyMap<string, number>;
}

export const FootnoteContext = createContext<FootnoteNumbers>({
  prefix: '',
  streaming: false,
  numbers: new Map(),
});

export function FootnoteReference({ label }: { readonly label: string }) {
  const { text } = useText();
  const { prefix, streaming, numbers } = use(FootnoteContext);
  const number = numbers.get(label);
  if (number === undefined) return streaming ? <sup>{label}</sup> : `[^${label}]`;
  const target = `${prefix}note-${number}`;
  return (
    <sup>
      <a
        href={`#${target}`}
        role="doc-noteref"
        aria-label={text.markdown.footnote(number)}
        onClick={(event) => goTo(event, target)}
      >
        {number}
      </a>
    </sup>
  );
}

export function FootnoteSection({ footnotes }: { readonly footnotes: Footnotes }) {
  const { text } = useText();
  const { prefix } = use(FootnoteContext);
  if (footnotes.length === 0) return null;
  return (
    <section className="footnotes" aria-label={text.markdown.footnotes}>
      <ol>
        {footnotes.map(({ number, blocks }) => (
          <li key={number} id={`${prefix}note-${number}`} tabIndex={-1} dir="auto">
            <Blocks blocks={blocks} />
          </li>
        ))}
      </ol>
    </section>
  );
}

/** The page's own address stays as it is: what follows `#` there belongs to the page. */
function goTo(event: MouseEvent, id: string): void {
  event.preventDefault();
  const target = document.getElementById(id);
  target?.scrollIntoView({ block: 'nearest' });
  target?.focus({ preventScroll: true });
}
