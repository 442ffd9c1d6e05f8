/** How far each session has been read in this browser, for all its tabs. */

import type { SessionSummary } from '@parley/client';
import { useSyncExternalStore } from 'react';
import { keep, onKeptChange, readKept } from '../app/kept.ts';

const KEY = 'read';
/** Sessions remembered; those read longest ago are forgotten first. */
const REMEMBERED = 1_000;

interface Marks {
  /** Milliseconds: what happened before this browser first came here is no news. */
  readonly since: number;
  /** The last `seq` that was seen, the session read last at the end. */
  readonly seqs: readonly (readonly [id: string, seq: number])[];
}

let marks = load();
let seqs = new Map(marks.seqs);

function load(): Marks {
  const kept = readKept<Partial<Marks>>(KEY);
  if (typeof kept?.since === 'number' && Array.isArray(kept.seqs)) return kept as Marks;
  const fresh = { since: Date.now(), seqs: [] };
  keep(KEY, fresh);
  return fresh;
}

function subscribe(listener: () => void): () => void {
  return onKeptChange(KEY, () => {
    marks = load();
    seqs = new Map(marks.seqs);
    listener();
  });
}

/** Says of a session whether something in it has not been seen yet. */
export function useIsUnread(): (session: SessionSummary) => boolean {
  const { since } = useSyncExternalStore(subscribe, () => marks);
  return ({ id, lastSeq, lastActivity }) => {
    const seen = seqs.get(id);
    return seen === undefined ? lastSeq > 0 && lastActivity > since : lastSeq > seen;
  };
}

/** Everything up to `seq` has been seen. */
export function markRead(id: string, seq: number): void {
  if (seq <= (seqs.get(id) ?? -1)) return;
  const others = marks.seqs.filter(([other]) => other !== id).slice(1 - REMEMBERED);
  keep(KEY, { since: marks.since, seqs: [...others, [id, seq]] });
}
