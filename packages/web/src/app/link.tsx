import type { ComponentProps } from 'react';
import { navigate } from './router.ts';

interface Props extends Omit<ComponentProps<'a'>, 'href' | 'onClick'> {
  readonly to: string;
  /** After it was followed within the page. */
  readonly onFollow?: () => void;
}

/** A link within the page; with a modifier it opens where the browser opens links. */
export function Link({ to, onFollow, ...rest }: Props) {
  return (
    <a
      href={to}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        navigate(to);
        onFollow?.();
      }}
      {...rest}
    />
  );
}
