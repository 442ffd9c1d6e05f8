/** References to footnotes, and the footnotes themselves after the answer. */
import { createContext, type MouseEvent, memo, use, useSyncExternalStore } from 'react';
import { useText } from '../text/text.tsx';
import { Blocks } from './block-view.tsx';
import { type Footnote, FootnoteNumbers, type Footnotes } from './footnotes.ts';

interface FootnoteScope {
  /** Of ids: no text of the agent's can become one, and two answers on a page do not share any. */
  readonly prefix: string;
  readonly numbers: FootnoteNumbers;
}

export const FootnoteContext = createContext<FootnoteScope>({
  prefix: '',
  numbers: new FootnoteNumbers(),
});

export function FootnoteReference({ label }: { readonly label: string }) {
  const { text } = useText();
  const { prefix, numbers } = use(FootnoteContext);
  const number = useSyncExternalStore(numbers.subscribe, () => numbers.of(label));
  if (number === undefined) return `[^${label}]`;
  if (number === 'awaited') return <sup>{label}</sup>;
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
        {footnotes.map((footnote) => (
          <Note key={footnote.number} footnote={footnote} id={`${prefix}note-${footnote.number}`} />
        ))}
      </ol>
    </section>
  );
}

const Note = memo(function Note(props: { readonly footnote: Footnote; readonly id: string }) {
  return (
    <li id={props.id} tabIndex={-1} dir="auto">
      <Blocks blocks={props.footnote.blocks} />
    </li>
  );
});

/** The page's own address stays as it is: what follows `#` there belongs to the page. */
function goTo(event: MouseEvent, id: string): void {
  event.preventDefault();
  const target = document.getElementById(id);
  target?.scrollIntoView({ block: 'nearest' });
  target?.focus({ preventScroll: true });
}
