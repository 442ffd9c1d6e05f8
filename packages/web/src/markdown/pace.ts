/** How much of a text is shown now, so that no single step keeps the page busy. */
import { useEffect, useRef, useState } from 'react';
import { continues } from './continues.ts';

/** So much of a text that is there already is read in one step, UTF-16 code units. */
const STEP = 8_000;

/**
 * So much while it is being written, several times what an agent writes between two frames: what has come
 * while the page was busy is not to keep it busy again.
 */
const STREAMING_STEP = 1_000;
/** Or this part of what is lacking, so that a slow machine does not fall behind ever further. */
const STREAMING_SHARE = 1 / 8;

/** A step that takes longer is followed by a rest of three times as long, milliseconds. */
const CHEAP = 8;

/** The longest rest, milliseconds. */
const MAX_REST = 1_000;

interface Shown {
  readonly text: string;
  readonly streaming: boolean;
}

/**
 * Follows a text. A short addition is taken at once; a long text in steps, between which the page can do
 * other things; and where a step is dear (one list of 10,000 items), steps become fewer.
 */
export function usePaced(text: string, streaming: boolean): Shown {
  const [shown, setShown] = useState(() => step({ text: '', streaming: true }, text, streaming));
  const began = performance.now();
  const ended = useRef(0);
  const cost = useRef(0);
  const drawn = useRef<Shown>(undefined);
  useEffect(() => {
    const now = performance.now();
    if (drawn.current !== shown) {
      drawn.current = shown;
      cost.current = now - began;
      ended.current = now;
    }
    if (shown.text === text && shown.streaming === streaming) return;
    const next = step(shown, text, streaming);
    const rest = cost.current > CHEAP && streaming ? Math.min(MAX_REST, cost.current * 3) : 0;
    const isWhole = next.text === text;
    if (rest === 0 && isWhole) {
      setShown(next);
      return;
    }
    const timer = setTimeout(() => setShown(next), Math.max(0, ended.current + rest - now));
    return () => clearTimeout(timer);
  });
  return shown;
}

function step(shown: Shown, text: string, streaming: boolean): Shown {
  const from = continues(text, shown.text) ? shown.text.length : 0;
  const share = Math.max(STREAMING_STEP, (text.length - from) * STREAMING_SHARE);
  const end = from + (streaming ? Math.min(STEP, Math.ceil(share)) : STEP);
  return end >= text.length ? { text, streaming } : { text: text.slice(0, end), streaming: true };
}
