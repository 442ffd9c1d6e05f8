/** One line across a page, of how something is. */
import type { ReactNode } from 'react';

const TONES = {
  well: 'bg-tint text-accent',
  warning: 'bg-warning-tint text-warning',
  problem: 'bg-danger-tint text-danger',
};

interface StripProps {
  readonly tone: keyof typeof TONES;
  readonly icon: ReactNode;
  readonly children: ReactNode;
}

export function Strip({ tone, icon, children }: StripProps) {
  return (
    <div
      className={`mx-auto flex min-h-10 max-w-reading items-center gap-2.5 rounded-xl px-3.5 py-1.5 text-sm ${TONES[tone]}`}
    >
      {icon}
      {children}
    </div>
  );
}
