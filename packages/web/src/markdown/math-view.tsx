/** A formula. Its source is shown until KaTeX is there, and where KaTeX cannot read it. */
import { memo, useEffect, useRef, useState } from 'react';
import { inSmallSteps } from './small-steps.ts';

/** Asked for once: with every `import()` the browser is asked which styles the page has. */
let katex: Promise<typeof import('./katex.ts')> | undefined;

function loadKatex(): Promise<typeof import('./katex.ts')> {
  katex ??= import('./katex.ts').catch((error) => {
    katex = undefined;
    throw error;
  });
  return katex;
}

interface MathViewProps {
  readonly source: string;
  readonly display: boolean;
}

export const MathView = memo(function MathView({ source, display }: MathViewProps) {
  const [formula, setFormula] = useState<HTMLElement>();
  const place = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    let cancel = () => {};
    let wanted = true;
    loadKatex().then(
      ({ drawFormula }) => {
        if (wanted) cancel = inSmallSteps(() => setFormula(drawFormula(source, display)));
      },
      // Without the file, offline for example, the source stays.
      () => {},
    );
    return () => {
      wanted = false;
      cancel();
    };
  }, [source, display]);
  useEffect(() => {
    if (formula) place.current?.replaceChildren(formula);
  }, [formula]);
  const className = display ? 'math display' : 'math';
  if (formula) return <span ref={place} className={className} dir="ltr" key="formula" />;
  return (
    <span className={className} dir="ltr" key="source">
      <code>{source}</code>
    </span>
  );
});
