/** What all nodes have said over the last minutes: asked again and again, as long as the page is there. */
import { useSyncExternalStore } from 'react';
import { loadReports, type NodeReport, Refusal } from './api.ts';

/** How often, milliseconds. */
export const POLL_MS = 2_000;
/** For how long it is remembered, milliseconds. */
const WINDOW_MS = 300_000;

/** What was said at one time. */
export interface Sample {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly reports: ReadonlyMap<string, NodeReport>;
}

export interface Observed {
  /** `refused`: who is asking is no administrator; `unknown`: it is not known who that is. */
  readonly status: 'loading' | 'live' | 'away' | 'refused' | 'unknown';
  /** Oldest first. */
  readonly samples: readonly Sample[];
}

let observed: Observed = { status: 'loading', samples: [] };
const listeners = new Set<() => void>();

export function useObserved(): Observed {
  return useSyncExternalStore(subscribe, () => observed);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Asks until the server says that this is not for who is asking. */
export async function observe(): Promise<void> {
  for (;;) {
    const asked = performance.now();
    become(await ask());
    if (observed.status === 'refused' || observed.status === 'unknown') return;
    const rest = POLL_MS - (performance.now() - asked);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, rest)));
  }
}

async function ask(): Promise<Observed> {
  const { samples } = observed;
  try {
    const reports = await loadReports();
    const at = Date.now();
    const sample = { at, reports: new Map(reports.map((report) => [report.node, report])) };
    const kept = samples.filter((one) => at - one.at <= WINDOW_MS);
    return { status: 'live', samples: [...kept, sample] };
  } catch (error) {
    const status = error instanceof Refusal ? error.status : undefined;
    if (status === 401) return { status: 'unknown', samples: [] };
    if (status === 403) return { status: 'refused', samples: [] };
    return { status: 'away', samples };
  }
}

function become(next: Observed): void {
  observed = next;
  for (const listener of listeners) listener();
}
