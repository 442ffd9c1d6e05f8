import { useState } from 'react';
import { notify } from '../app/notices.ts';
import { IconButton } from '../controls/icon-button.tsx';
import { CheckIcon, CopyIcon } from '../controls/icons.tsx';
import { useText } from '../text/text.tsx';

/** How long it says that it has copied, milliseconds. */
const SHOWN_MS = 1_600;

export function CopyButton({ words }: { readonly words: string }) {
  const { text } = useText();
  const [isCopied, setCopied] = useState(false);
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(words);
      setCopied(true);
      setTimeout(() => setCopied(false), SHOWN_MS);
    } catch {
      notify({ id: 'copy', words: (say) => say.conversation.copyFailed, tone: 'problem' });
    }
  }
  return (
    <IconButton
      label={isCopied ? text.conversation.copied : text.conversation.copy}
      className="size-8!"
      onClick={() => void copy()}
    >
      {isCopied ? <CheckIcon className="size-4 text-accent" /> : <CopyIcon className="size-4" />}
    </IconButton>
  );
}
