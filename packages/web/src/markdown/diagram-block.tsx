/** A Mermaid diagram: its source, and at the reader's wish the diagram. */
import { useEffect, useState } from 'react';
import { ScrollRegion } from '../controls/scroll-region.tsx';
import { useText } from '../text/text.tsx';
import { CodeBlock } from './code-block.tsx';
import { type Drawing, drawDiagram, isDark } from './diagram.ts';

type State =
  | { readonly is: 'code' }
  | { readonly is: 'drawing' }
  | { readonly is: 'drawn'; readonly drawing: Drawing }
  | { readonly is: 'failed'; readonly reason: string | undefined };

interface DiagramBlockProps {
  readonly code: string;
  readonly closed: boolean;
}

export function DiagramBlock({ code, closed }: DiagramBlockProps) {
  const { text } = useText();
  const [state, setState] = useState<State>({ is: 'code' });
  const [dark, setDark] = useState(false);
  useEffect(() => followDark(setDark), []);
  const isWanted = state.is === 'drawing';
  useEffect(() => {
    if (!isWanted) return;
    const abort = new AbortController();
    drawDiagram(code, dark, abort.signal).then(
      (drawing) => setState({ is: 'drawn', drawing }),
      (error: unknown) => {
        if (abort.signal.aborted) return;
        setState({ is: 'failed', reason: error instanceof Error ? error.message : undefined });
      },
    );
    return () => abort.abort();
  }, [isWanted, code, dark]);
  // Another theme wants other colours.
  const drawnDark = state.is === 'drawn' ? state.drawing.dark : dark;
  useEffect(() => {
    if (drawnDark !== dark) setState({ is: 'drawing' });
  }, [drawnDark, dark]);
  const show = closed && (
    <button
      type="button"
      disabled={isWanted}
      onClick={() => setState({ is: state.is === 'drawn' ? 'code' : 'drawing' })}
    >
      {state.is === 'drawn' ? text.markdown.showCode : text.markdown.showDiagram}
    </button>
  );
  return (
    <>
      {state.is === 'drawn' ? (
        <figure className="code-block" aria-label={text.markdown.diagram}>
          <figcaption className="code-head">
            <span className="language">mermaid</span>
            {show}
          </figcaption>
          <ScrollRegion label={text.markdown.diagram}>
            <img
              className="diagram"
              src={state.drawing.url}
              width={state.drawing.width}
              height={state.drawing.height}
              alt={text.markdown.diagramOf(code.trim().split(/\s/, 1)[0] ?? '')}
            />
          </ScrollRegion>
        </figure>
      ) : (
        <CodeBlock code={code} language="mermaid" closed={closed} actions={show} />
      )}
      <p role="status" className={state.is === 'failed' ? 'note' : 'unseen'}>
        {state.is === 'drawing' && text.markdown.drawing}
        {state.is === 'failed' && text.markdown.diagramFailed(state.reason)}
      </p>
    </>
  );
}

function followDark(set: (dark: boolean) => void): () => void {
  const update = () => set(isDark());
  update();
  const query = matchMedia('(prefers-color-scheme: dark)');
  query.addEventListener('change', update);
  const observer = new MutationObserver(update);
  observer.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  return () => {
    query.removeEventListener('change', update);
    observer.disconnect();
  };
}
