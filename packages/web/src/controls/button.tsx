import type { ComponentProps } from 'react';

const LOOKS = {
  plain: 'border border-line bg-raised hover:bg-hover text-ink',
  quiet: 'hover:bg-hover text-ink',
  accent: 'bg-accent text-on-accent hover:opacity-90',
  danger: 'bg-danger text-canvas hover:opacity-90',
};

interface Props extends ComponentProps<'button'> {
  readonly look?: keyof typeof LOOKS;
}

export function Button({ look = 'plain', className = '', ...rest }: Props) {
  return (
    <button
      type="button"
      className={`inline-flex min-h-8 items-center justify-center gap-1.5 rounded-lg px-3 text-sm font-medium disabled:opacity-50 ${LOOKS[look]} ${className}`}
      {...rest}
    />
  );
}
