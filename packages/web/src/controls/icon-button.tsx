import { Tooltip } from 'radix-ui';
import type { ComponentProps, ReactNode } from 'react';

interface Props extends ComponentProps<'button'> {
  /** Its name, read out and shown in the tooltip. */
  readonly label: string;
  /** How it is reached by the keyboard, for the tooltip. */
  readonly keys?: string;
  readonly children: ReactNode;
}

/** A button that shows only an icon. */
export function IconButton({ label, keys, className = '', children, ...rest }: Props) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>
        <button
          type="button"
          aria-label={label}
          className={`inline-grid size-9 shrink-0 place-items-center rounded-lg text-muted hover:bg-hover hover:text-ink disabled:opacity-40 ${className}`}
          {...rest}
        >
          {children}
        </button>
      </Tooltip.Trigger>
      <Tooltip.Portal>
        {/* Outside every landmark, so not to be come across: it is read as name and description of the button. */}
        <Tooltip.Content
          aria-hidden="true"
          sideOffset={6}
          collisionPadding={8}
          className="pointer-events-none z-50 flex items-center gap-2 rounded-md bg-ink px-2 py-1 text-xs text-canvas shadow-float"
        >
          {label}
          {keys !== undefined && <kbd className="font-sans opacity-70">{keys}</kbd>}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
