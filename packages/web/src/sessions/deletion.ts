/**
 * Deleting with a way back: the server is told when the time to undo is over, or the page is left.
 * What a tab that died had still to delete is deleted at the next start.
 */
import { useSyncExternalStore } from 'react';
import { client } from '../app/client.ts';
import { keep, readKept } from '../app/kept.ts';
import { dismiss, notify } from '../app/notices.ts';
import { forgetSession } from '../app/open-sessions.ts';

/** How long a deletion can be undone, milliseconds. */
const UNDO_MS = 8_000;
const KEY = 'deleting';

interface Pending {
  readonly title: string;
  readonly timer: ReturnType<typeof setTimeout>;
}

const pending = new Map<string, Pending>();
/** Also those that the server is being told of. */
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
export function deleteWithUndo(id: string, title: string, undone: () => void): void {
  const timer = setTimeout(() => void carryOut(id), UNDO_MS);
  pending.set(id, { title, timer });
  hide(id, true);
  remember(id, Date.now() + UNDO_MS);
  notify({
    id: noticeOf(id),
    words: (text) => text.chats.deleted(title),
    duration: UNDO_MS,
    action: {
      words: (text) => text.undo,
      perform() {
        clearTimeout(timer);
        pending.delete(id);
        remember(id, undefined);
        hide(id, false);
        notify({ id: noticeOf(id), words: (text) => text.chats.restored(title) });
        undone();
      },
    },
  });
}

async function carryOut(id: string): Promise<void> {
  const deletion = pending.get(id);
  if (!deletion) return;
  clearTimeout(deletion.timer);
  pending.delete(id);
  dismiss(noticeOf(id));
  try {
    await client.sessions.delete(id);
    forgetSession(id);
  } catch {
    notify({
      id: noticeOf(id),
      words: (text) => text.chats.deleteFailed(deletion.title),
      tone: 'problem',
    });
  }
  remember(id, undefined);
  hide(id, false);
}

function hide(id: string, isHidden: boolean): void {
  const next = new Set(hidden);
  if (isHidden) next.add(id);
  else next.delete(id);
  hidden = next;
  for (const listener of listeners) listener();
}

/** With the time from which any tab may carry it out. */
function remember(id: string, due: number | undefined): void {
  const { [id]: _, ...others } = readKept<Record<string, number>>(KEY) ?? {};
  keep(KEY, due === undefined ? others : { ...others, [id]: due });
}

function noticeOf(id: string): string {
  return `delete ${id}`;
}

/** Carries out what is left over, and what waits when the page is left. */
export function carryOutDeletions(): void {
  for (const [id, due] of Object.entries(readKept<Record<string, number>>(KEY) ?? {})) {
    if (due > Date.now()) continue;
    hide(id, true);
    client.sessions.delete(id).then(
      () => remember(id, undefined),
      // Not there any more, or not now: it is shown again if it is there.
      () => {
        remember(id, undefined);
        hide(id, false);
      },
    );
  }
  // `keepalive` lets the request outlive the page.
  addEventListener('pagehide', () => {
    for (const id of pending.keys()) void carryOut(id);
  });
}
