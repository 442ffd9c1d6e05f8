import type { ReactNode } from 'react';
import { WarningIcon } from '../controls/icons.tsx';

/** What whoever looks must not miss; read out when it appears. */
export function Warning({ children }: { readonly children: ReactNode }) {
  return (
    <div role="alert" className="flex gap-2.5 rounded-xl bg-danger-tint p-3 text-sm text-danger">
      <WarningIcon />
      <div>{children}</div>
    </div>
  );
}
