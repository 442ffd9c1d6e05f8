/** Where a question is edited, to be asked again. What is written is kept until it is asked or given up. */
import type { MessageItem } from '@parley/client';
import { useRef, useState } from 'react';
import { Button } from '../controls/button.tsx';
import { WarningIcon } from '../controls/icons.tsx';
import { directionOf } from '../markdown/direction.ts';
import { useText } from '../text/text.tsx';
import { keepEdit, readEdit } from './drafts.ts';

interface EditorProps {
  readonly item: MessageItem;
  /** Others have asked since: what they asked is superseded as well. */
  readonly hasNewer: boolean;
  /** With what to ask; `undefined`: it stays as it was. */
  readonly onEnd: (words: string | undefined) => void;
}

export function Editor({ item, hasNewer, onEnd }: EditorProps) {
  const { text } = useText();
  const [words, setWords] = useState(() => readEdit(item.id) ?? item.text);
  const isFirst = useRef(true);
  const button = useRef<HTMLButtonElement>(null);
  function write(next: string): void {
    setWords(next);
    keepEdit(item.id, next);
  }
  function end(next?: string): void {
    keepEdit(item.id, '');
    onEnd(next);
  }
  function submit(): void {
    if (words.trim() !== '') end(words);
  }
  return (
    <form
      className="w-full rounded-2xl border border-accent bg-raised"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <textarea
        ref={(field) => {
          if (!field || !isFirst.current) return;
          isFirst.current = false;
          field.focus();
          field.setSelectionRange(field.value.length, field.value.length);
        }}
        aria-label={text.conversation.editing}
        value={words}
        dir={directionOf(words)}
        rows={Math.min(12, words.split('\n').length + 1)}
        onChange={(event) => write(event.target.value)}
        onKeyDown={(event) => {
          if (event.nativeEvent.isComposing) return;
          if (event.key === 'Escape') end();
          // Who was writing has not read yet that there is something newer.
          else if (event.key === 'Enter' && !event.shiftKey && hasNewer) button.current?.focus();
          else if (event.key === 'Enter' && !event.shiftKey) submit();
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
        className="block w-full resize-none bg-transparent px-4 pt-3 outline-none"
      />
      {hasNewer && (
        <p role="alert" className="flex items-start gap-1.5 px-4 pb-2 text-sm text-warning">
          <WarningIcon className="mt-0.5 size-4.5" /> {text.conversation.newerMessages}
        </p>
      )}
      <div className="flex justify-end gap-2 px-3 pb-3">
        <Button look="quiet" onClick={() => end()}>
          {text.cancel}
        </Button>
        <Button ref={button} look="accent" type="submit" disabled={words.trim() === ''}>
          {text.conversation.askAgain}
        </Button>
      </div>
    </form>
  );
}
