import { useSyncExternalStore } from 'react';

/** From this width on the list of chats stands beside the conversation. */
const wide = matchMedia('(min-width: 52rem)');

export function useIsWide(): boolean {
  return useSyncExternalStore(
    (listener) => {
      wide.addEventListener('change', listener);
      return () => wide.removeEventListener('change', listener);
    },
    () => wide.matches,
  );
}
