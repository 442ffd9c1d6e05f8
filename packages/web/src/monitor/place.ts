/** Where one is in the monitor, in the fragment of its address: `#connections=<node>`, `#session=<id>`. */
import { useSyncExternalStore } from 'react';

export const VIEWS = ['overview', 'connections', 'session'] as const;
export type View = (typeof VIEWS)[number];

export interface MonitorPlace {
  readonly view: View;
  /** The node, or the session; empty: none is chosen. */
  readonly id: string;
}

export function hashOf(view: View, id = ''): string {
  return `#${view}${id === '' ? '' : `=${encodeURIComponent(id)}`}`;
}

export function useMonitorPlace(): MonitorPlace {
  const hash = useSyncExternalStore(
    (listener) => {
      addEventListener('hashchange', listener);
      return () => removeEventListener('hashchange', listener);
    },
    () => location.hash,
  );
  const [name, id = ''] = hash.slice(1).split('=');
  return { view: VIEWS.find((view) => view === name) ?? 'overview', id: decode(id) };
}

/** An address can be typed by hand, so it need not be well formed. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
