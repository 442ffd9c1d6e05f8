/** Copies a text when pressed, and says whether it did. */
import { useEffect, useState } from 'react';
import { notify } from '../app/notices.ts';
import { useText } from '../text/text.tsx';
import { IconButton } from './icon-button.tsx';
import { CheckIcon, CopyIcon } from './icons.tsx';

/** How long it says that it has copied, milliseconds. */
const SHOWN_MS = 2_000;

interface Props {
  readonly words: string;
  readonly look?: 'icon' | 'word';
}

export function CopyButton({ words, look = 'icon' }: Props) {
  const { text } = useText();
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);
  async function onClick(): Promise<void> {
    if (await copy(words)) setCopied(true);
    else notify({ id: 'copy', words: (say) => say.conversation.copyFailed, tone: 'problem' });
  }
  const label = isCopied ? text.conversation.copied : text.conversation.copy;
  return (
    <>
      {look === 'word' ? (
        <button type="button" onClick={() => void onClick()}>
          {label}
        </button>
      ) : (
        <IconButton label={label} className="size-8!" onClick={() => void onClick()}>
          {isCopied ? (
            <CheckIcon className="size-4 text-accent" />
          ) : (
            <CopyIcon className="size-4" />
          )}
        </IconButton>
      )}
      <span role="status" className="sr-only">
        {isCopied && text.conversation.copied}
      </span>
    </>
  );
}

/** A click allows it without a question, where the page has the API; over plain HTTP it has not. */
async function copy(words: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(words);
    return true;
  } catch {
    return copySelection(words);
  }
}

function copySelection(words: string): boolean {
  const before = document.activeElement;
  const field = document.createElement('textarea');
  field.value = words;
  field.className = 'sr-only';
  document.body.append(field);
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  if (before instanceof HTMLElement) before.focus();
  return done;
}
