/** What one has written where it cannot be sent any more: readable, and to be taken elsewhere. */
import { useState } from 'react';
import { navigate } from '../app/router.ts';
import { Button } from '../controls/button.tsx';
import { CopyButton } from '../controls/copy-button.tsx';
import { useText } from '../text/text.tsx';
import { keepDraft, readDraft } from './drafts.ts';

interface Props {
  readonly words: string;
  /** They are kept no longer. */
  readonly onTaken: () => void;
}

export function KeptWords({ words, onTaken }: Props) {
  const { text } = useText();
  const [isTaken, setTaken] = useState(false);
  if (isTaken || words.trim() === '') return null;
  function take(): void {
    onTaken();
    setTaken(true);
  }
  function useInNewChat(): void {
    const there = readDraft(undefined);
    keepDraft(undefined, there === '' ? words : `${there}\n\n${words}`);
    take();
    navigate('/');
  }
  return (
    <section
      aria-label={text.keptWords.label}
      className="mb-1 rounded-2xl border border-edge/60 bg-raised px-4 pt-3 pb-2"
    >
      <h2 className="text-xs font-medium text-muted">{text.keptWords.label}</h2>
      <p
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
        tabIndex={0}
        dir="auto"
        className="max-h-[30dvh] overflow-y-auto whitespace-pre-wrap wrap-anywhere"
      >
        {words}
      </p>
      <div className="mt-1 flex flex-wrap items-center justify-end gap-2">
        <CopyButton words={words} />
        <Button look="quiet" onClick={take}>
          {text.conversation.discard}
        </Button>
        <Button onClick={useInNewChat}>{text.keptWords.inNewChat}</Button>
      </div>
    </section>
  );
}
