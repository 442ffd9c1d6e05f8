/** Short notices at the edge of the page, with at most one thing to do about each. */
import { useSyncExternalStore } from 'react';
import type { Text } from '../text/text.tsx';

/** How long one is shown, milliseconds; those with something to do stay longer. */
const SHOWN_MS = 5_000;

export interface Notice {
  readonly id: string;
  readonly words: (text: Text) => string;
  readonly tone?: 'plain' | 'problem';
  readonly action?: { readonly words: (text: Text) => string; readonly perform: () => void };
  /** Milliseconds; `Infinity`: until it is dismissed. */
  readonly duration?: number;
}

let notices: readonly Notice[] = [];
const timers = new Map<string, ReturnType<typeof setTimeout>>();
const listeners = new Set<() => void>();

/** Shows it; one with the same id takes the place of the earlier one. */
export function notify(notice: Notice): void {
  set([...notices.filter(({ id }) => id !== notice.id), notice]);
  const duration = notice.duration ?? SHOWN_MS;
  clearTimeout(timers.get(notice.id));
  if (duration !== Infinity) {
    timers.set(
      notice.id,
      setTimeout(() => dismiss(notice.id), duration),
    );
  }
}

export function dismiss(id: string): void {
  clearTimeout(timers.get(id));
  timers.delete(id);
  if (notices.some((notice) => notice.id === id)) set(notices.filter((one) => one.id !== id));
}

export function useNotices(): readonly Notice[] {
  return useSyncExternalStore(subscribe, () => notices);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function set(next: readonly Notice[]): void {
  notices = next;
  for (const listener of listeners) listener();
}
