/** A formula. Its source is shown until KaTeX is there, and where KaTeX cannot read it. */
import { memo, useEffect, useRef, useState } from 'react';
import { inSmallSteps } from './small-steps.ts';

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
    import('./katex.ts').then(
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
