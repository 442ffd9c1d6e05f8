/**
 * Deleting with a way back, in step between the tabs: each shows that it can be undone, and any may
 * undo it. The server is told when the time is over, or when the tab that deleted it is left; what no
 * tab was there to tell it, it is told at the next start.
 */
import { RequestError } from '@parley/client';
import { useSyncExternalStore } from 'react';
import { client } from '../app/client.ts';
import { keep, onKeptChange, readKept } from '../app/kept.ts';
import { dismiss, notify } from '../app/notices.ts';
import { forgetSession } from '../app/open-sessions.ts';
import { currentPlace, navigate, pathOf } from '../app/router.ts';

/** How long a deletion can be undone, milliseconds. */
const UNDO_MS = 8_000;
/** The tab that deleted it has so long to tell the server before another one does, milliseconds. */
const OTHERS_MS = 3_000;
/** Characters of a title in a notice. */
const TITLE_LENGTH = 60;
const KEY = 'deletions';

interface Deletion {
  readonly title: string;
  /** When it cannot be undone any more, milliseconds since the epoch. */
  readonly due: number;
  /** It was undone, or the server did not do it, as it may not for others than the owner; else it is under way. */
  readonly back?: 'undone' | 'failed' | 'forbidden';
}

/** All that the tabs know of: one that is done is not among them any more. */
type Deletions = Readonly<Record<string, Deletion>>;

/** Those that this tab shows as deleted, and when it looks after them again. */
const followed = new Map<string, { due: number; timer: ReturnType<typeof setTimeout> }>();
/** Deleted in this tab, each with whether its chat was the open one. */
const own = new Map<string, { readonly wasOpen: boolean }>();
/** Those and what is deleted for good: the list hears of that a little later. */
let hidden: ReadonlySet<string> = new Set();
const listeners = new Set<() => void>();

/** The sessions that are not shown any more. */
export function useHiddenSessions(): ReadonlySet<string> {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => hidden,
  );
}

/** What can be seen of these is not what is being deleted. */
export function isHidden(id: string): boolean {
  return hidden.has(id);
}

/** Takes the session out of sight, and deletes it unless that is undone in time. */
export function deleteWithUndo(id: string, title: string): void {
  const wasOpen = currentPlace().sessionId === id;
  own.set(id, { wasOpen });
  const cut = title.slice(0, TITLE_LENGTH).replace(/[\ud800-\udbff]$/, '');
  const shown = cut.length < title.length ? `${cut}…` : title;
  remember(id, { title: shown, due: Date.now() + UNDO_MS });
  if (wasOpen) navigate('/');
}

/** Takes over what is being deleted, by other tabs and by those that were left. */
export function followDeletions(): void {
  onKeptChange(KEY, synchronize);
  synchronize();
  // `keepalive` lets the request outlive the page.
  addEventListener('pagehide', () => {
    for (const [id, deletion] of Object.entries(kept())) {
      if (!own.has(id) || deletion.back) continue;
      remember(id, { ...deletion, due: Date.now() });
      void carryOut(id);
    }
  });
}

function kept(): Deletions {
  return readKept<Deletions>(KEY) ?? {};
}

function synchronize(): void {
  const deletions = kept();
  for (const [id, deletion] of Object.entries(deletions)) {
    if (deletion.back) release(id, deletion);
    else follow(id, deletion);
  }
  for (const id of followed.keys()) if (!deletions[id]) end(id);
}

function follow(id: string, { title, due }: Deletion): void {
  const before = followed.get(id);
  if (before?.due === due) return;
  clearTimeout(before?.timer);
  const left = due - Date.now();
  const delay = Math.max(0, left) + (own.has(id) ? 0 : OTHERS_MS);
  followed.set(id, { due, timer: setTimeout(() => void carryOut(id), delay) });
  hide(id, true);
  notify({
    id: noticeOf(id),
    words: (text) => text.chats.deleted(title),
    ...(left > 0
      ? { duration: left, action: { words: (text) => text.undo, perform: () => undo(id) } }
      : {}),
  });
}

function undo(id: string): void {
  const deletion = kept()[id];
  // It may have been carried out in the same moment.
  if (!deletion) return;
  const wasOpen = own.get(id)?.wasOpen;
  remember(id, { ...deletion, back: 'undone' });
  if (wasOpen) navigate(pathOf(id));
}

async function carryOut(id: string): Promise<void> {
  const deletion = kept()[id];
  if (!deletion || deletion.back) return;
  clearTimeout(followed.get(id)?.timer);
  dismiss(noticeOf(id));
  try {
    await client.sessions.delete(id);
    forgetSession(id);
    remember(id, undefined);
  } catch (error) {
    const isRefused = error instanceof RequestError && error.code === 'FORBIDDEN';
    remember(id, { ...deletion, back: isRefused ? 'forbidden' : 'failed' });
  }
}

/** It is there again, and every tab says so. */
function release(id: string, { title, back }: Deletion): void {
  if (!followed.has(id)) return;
  clearTimeout(followed.get(id)?.timer);
  followed.delete(id);
  own.delete(id);
  hide(id, false);
  notify({
    id: noticeOf(id),
    words({ chats }) {
      if (back === 'undone') return chats.restored(title);
      return back === 'forbidden' ? chats.deleteForbidden(title) : chats.deleteFailed(title);
    },
    tone: back === 'undone' ? 'plain' : 'problem',
  });
}

/** It is no more. */
function end(id: string): void {
  clearTimeout(followed.get(id)?.timer);
  followed.delete(id);
  own.delete(id);
}

function hide(id: string, isHidden: boolean): void {
  const next = new Set(hidden);
  if (isHidden) next.add(id);
  else next.delete(id);
  hidden = next;
  for (const listener of listeners) listener();
}

/** `undefined`: it is done. With it go those that are back, once every tab has seen it. */
function remember(id: string, deletion: Deletion | undefined): void {
  const others = Object.entries(kept()).filter(
    ([other, { back, due }]) => other !== id && !(back && due + UNDO_MS < Date.now()),
  );
  keep(KEY, Object.fromEntries(deletion ? [...others, [id, deletion]] : others));
}

function noticeOf(id: string): string {
  return `delete ${id}`;
}
