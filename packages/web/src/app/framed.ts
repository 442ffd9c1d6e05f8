/** A store that changes with every chunk, read at most once a frame. */
import { useCallback, useSyncExternalStore } from 'react';

interface Store<Snapshot> {
  snapshot(): Snapshot;
  subscribe(listener: () => void): () => void;
}

/** Frames are not drawn in a hidden tab; its title and its announcements still go on. */
const HIDDEN_MS = 250;

export function useFramed<Snapshot>(store: Store<Snapshot>): Snapshot {
  const subscribe = useCallback(
    (listener: () => void) => {
      let cancel: (() => void) | undefined;
      const fire = (): void => {
        cancel = undefined;
        listener();
      };
      const plan = (): void => {
        if (document.hidden) {
          const timer = setTimeout(fire, HIDDEN_MS);
          cancel = () => clearTimeout(timer);
        } else {
          const frame = requestAnimationFrame(fire);
          cancel = () => cancelAnimationFrame(frame);
        }
      };
      // A frame that was asked for before the tab was hidden comes when it is shown again.
      const planAnew = (): void => {
        if (!cancel) return;
        cancel();
        plan();
      };
      const unsubscribe = store.subscribe(() => {
        if (!cancel) plan();
      });
      document.addEventListener('visibilitychange', planAnew);
      return () => {
        unsubscribe();
        document.removeEventListener('visibilitychange', planAnew);
        cancel?.();
      };
    },
    [store],
  );
  const snapshot = useCallback(() => store.snapshot(), [store]);
  return useSyncExternalStore(subscribe, snapshot);
}
