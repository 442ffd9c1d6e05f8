/** KaTeX, loaded when the first formula comes. */
import 'katex/dist/katex.min.css';
import katex from 'katex';

/** Longer formulas are shown as they were written, UTF-16 code units. */
const MAX_SOURCE = 4_000;

/** Elements in a formula; one with more is shown as it was written. */
const MAX_ELEMENTS = 5_000;

const ALLOWED_ATTRIBUTES =
  /^(?:class|style|aria-hidden|xmlns|encoding|display|mathvariant|mathcolor|mathbackground|stretchy|fence|separator|accent|accentunder|width|height|depth|voffset|lspace|rspace|minsize|maxsize|linethickness|columnalign|columnspacing|columnlines|rowspacing|rowlines|rowalign|scriptlevel|displaystyle|movablelimits|largeop|symmetric|notation|viewBox|preserveAspectRatio|d|x1|x2|y1|y2|stroke-width|form|side)$/;

const ALLOWED_ELEMENTS = new Set(
  (
    'span svg path line math semantics annotation mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub ' +
    'msup msubsup munder mover munderover mtable mtr mtd mlabeledtr mstyle mpadded mphantom menclose'
  ).split(' '),
);

/**
 * The formula as an element, or `undefined` where it cannot be read, is too large, or contains anything
 * but what formulas consist of. KaTeX sets styles through the DOM, which `style-src 'self'` allows.
 */
export function drawFormula(source: string, display: boolean): HTMLElement | undefined {
  if (source.length > MAX_SOURCE) return undefined;
  const element = document.createElement('span');
  try {
    katex.render(source, element, {
      displayMode: display,
      throwOnError: true,
      // No links, images, ids, classes or styles of the agent's.
      trust: false,
      strict: 'ignore',
      maxExpand: 200,
      // In em: nothing is drawn over the rest of the page.
      maxSize: 20,
    });
  } catch {
    return undefined;
  }
  return isFormula(element) ? element : undefined;
}

function isFormula(root: HTMLElement): boolean {
  const elements = root.querySelectorAll('*');
  if (elements.length > MAX_ELEMENTS) return false;
  for (const element of elements) {
    if (!ALLOWED_ELEMENTS.has(element.localName)) return false;
    for (const { name } of element.attributes) {
      if (!ALLOWED_ATTRIBUTES.test(name)) return false;
    }
  }
  return true;
}
