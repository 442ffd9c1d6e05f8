import { useEffect, useState } from 'react';
import { useText } from '../text/text.tsx';

/** How long the result is shown, milliseconds. */
const SHOWN = 2_000;

/** Copies a text when pressed, and says whether it did. */
export function CopyButton({ text: copied }: { readonly text: string }) {
  const { text } = useText();
  const [state, setState] = useState<'idle' | 'copied' | 'failed'>('idle');
  useEffect(() => {
    if (state === 'idle') return;
    const timer = setTimeout(() => setState('idle'), SHOWN);
    return () => clearTimeout(timer);
  }, [state]);
  const said = {
    idle: '',
    copied: text.conversation.copied,
    failed: text.conversation.copyFailed,
  }[state];
  return (
    <>
      <button
        type="button"
        onClick={() => copy(copied).then((done) => setState(done ? 'copied' : 'failed'))}
      >
        {state === 'copied' ? text.conversation.copied : text.markdown.copyCode}
      </button>
      <span role="status" className="unseen">
        {said}
      </span>
    </>
  );
}

/** A click allows it without a question, where the page has the API; over plain HTTP it has not. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelection(text);
  }
}

function copySelection(text: string): boolean {
  const before = document.activeElement;
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'unseen';
  document.body.append(field);
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  if (before instanceof HTMLElement) before.focus();
  return done;
}
