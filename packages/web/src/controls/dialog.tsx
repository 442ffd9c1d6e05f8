/** A dialog in the middle, or a drawer at the start edge, over the shaded page. */
import { Dialog as Radix } from 'radix-ui';
import { type ReactNode, useRef } from 'react';
import { useText } from '../text/text.tsx';
import { IconButton } from './icon-button.tsx';
import { CloseIcon } from './icons.tsx';

/**
 * The focus goes to the dialog itself (on its first button it would bring up that button's tooltip), and
 * back to where it was: what opens a dialog here is not inside it, where Radix would look for it.
 */
function useFocusBack() {
  const before = useRef<Element>(null);
  return {
    onOpenAutoFocus(event: Event): void {
      event.preventDefault();
      before.current = document.activeElement;
      (event.currentTarget as HTMLElement).focus();
    },
    onCloseAutoFocus(event: Event): void {
      event.preventDefault();
      if (before.current instanceof HTMLElement) before.current.focus();
    },
  };
}

interface Props {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
  readonly title: string;
  readonly children: ReactNode;
}

export function Dialog({ open, onOpenChange, title, children }: Props) {
  const { text } = useText();
  const focus = useFocusBack();
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <div className="fixed inset-0 z-40 grid place-items-center bg-shade p-4">
          <Radix.Content
            aria-describedby={undefined}
            {...focus}
            className="flex max-h-full w-full max-w-lg flex-col overflow-hidden rounded-2xl border border-line bg-raised shadow-float outline-none motion-safe:animate-appear"
          >
            <div className="flex items-center justify-between ps-5 pe-3 pt-3 pb-1">
              <Radix.Title className="text-base font-semibold">{title}</Radix.Title>
              <Radix.Close asChild>
                <IconButton label={text.close}>
                  <CloseIcon />
                </IconButton>
              </Radix.Close>
            </div>
            <div className="overflow-y-auto px-5 pb-5">{children}</div>
          </Radix.Content>
        </div>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** What is at the side of a wide screen, over the page of a narrow one. */
export function Drawer({ open, onOpenChange, title, children }: Props) {
  const focus = useFocusBack();
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <div className="fixed inset-0 z-40 bg-shade">
          <Radix.Content
            aria-describedby={undefined}
            {...focus}
            className="h-full w-[min(20rem,85vw)] bg-surface shadow-float outline-none"
          >
            <Radix.Title className="sr-only">{title}</Radix.Title>
            {children}
          </Radix.Content>
        </div>
      </Radix.Portal>
    </Radix.Root>
  );
}
