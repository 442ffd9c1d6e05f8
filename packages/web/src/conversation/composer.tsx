import type { Session } from '@parley/client';
import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { IconButton } from '../controls/icon-button.tsx';
import { SendIcon, StopIcon } from '../controls/icons.tsx';
import { directionOf } from '../markdown/direction.ts';
import { useText } from '../text/text.tsx';
import { AgentPicker } from './agent-picker.tsx';
import { keepDraft, readDraft } from './drafts.ts';
import type { AgentChoice } from './use-agent-choice.ts';

/** A finger has no keyboard yet: taking the focus would bring one up over half of the page. */
export const HAS_KEYBOARD = matchMedia('(pointer: fine)').matches;

interface Props {
  readonly session: Session;
  /** Absent in a new chat, whose draft is kept under no id. */
  readonly sessionId: string | undefined;
  readonly agents: AgentChoice;
  readonly isRunning: boolean;
  readonly onSend: (words: string) => void;
  readonly onEditLast: () => void;
}

export function Composer({ session, sessionId, agents, isRunning, onSend, onEditLast }: Props) {
  const { text } = useText();
  const [words, setWords] = useState(() => readDraft(sessionId));
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (HAS_KEYBOARD) field.current?.focus();
  }, []);
  useGrowing(field, words);

  function write(next: string): void {
    setWords(next);
    keepDraft(sessionId, next);
  }

  function submit(): void {
    if (words.trim() === '') return;
    setWords('');
    onSend(words);
    // Until then a page that dies has the words in the draft alone.
    void session.kept().then(() => {
      if (readDraft(sessionId) === words) keepDraft(sessionId, '');
    });
  }

  function onKeyDown(event: KeyboardEvent): void {
    // While an input method composes, its keys belong to it.
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) submit();
    else if (event.key === 'Escape' && isRunning) session.stop();
    else if (event.key === 'ArrowUp' && words === '' && !event.altKey) onEditLast();
    else return;
    event.preventDefault();
  }

  return (
    <form
      className="rounded-2xl border border-edge/60 bg-raised shadow-[0_1px_6px_rgb(0_0_0/0.06)] has-[textarea:focus-visible]:border-accent has-[textarea:focus-visible]:outline-1 has-[textarea:focus-visible]:outline-accent"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
        field.current?.focus();
      }}
    >
      <textarea
        ref={field}
        data-composer
        rows={1}
        value={words}
        dir={directionOf(words)}
        aria-label={text.composer.label}
        placeholder={
          agents.current === undefined || agents.isMissing
            ? text.composer.placeholder
            : text.composer.placeholderFor(agents.current)
        }
        onChange={(event) => {
          write(event.target.value);
          session.typing(event.target.value !== '');
        }}
        onBlur={() => session.typing(false)}
        onKeyDown={onKeyDown}
        className="block max-h-[40dvh] w-full resize-none bg-transparent px-4 pt-3 pb-1 outline-none"
      />
      <div className="flex items-center gap-1 ps-1.5 pe-2 pb-2">
        <AgentPicker choice={agents} onChosen={() => field.current?.focus()} />
        <span className="flex-1" />
        {isRunning && (
          <IconButton
            label={text.conversation.stopAll}
            keys="Esc"
            className="border border-line text-ink!"
            onClick={() => {
              session.stop();
              field.current?.focus();
            }}
          >
            <StopIcon className="size-4.5" />
          </IconButton>
        )}
        <IconButton
          type="submit"
          label={text.composer.send}
          keys="Enter"
          aria-disabled={words.trim() === ''}
          className="bg-accent! text-on-accent! hover:opacity-90 aria-disabled:bg-sunken! aria-disabled:text-muted!"
        >
          <SendIcon />
        </IconButton>
      </div>
    </form>
  );
}

/** To where one writes, from anywhere in the page. */
export function focusComposer(): void {
  document.querySelector<HTMLElement>('[data-composer]')?.focus();
}

/** As high as what is written, up to the limit that its style sets. */
function useGrowing(field: { readonly current: HTMLTextAreaElement | null }, words: string): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows what is written
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = 'auto';
    element.style.height = `${element.scrollHeight}px`;
  }, [field, words]);
}
