/** What was begun to be written, kept for each session until it is sent. */
import { keep, readKept } from '../app/kept.ts';

/** Of a session, or of the new chat, which has no id that lasts. */
function keyOf(sessionId: string | undefined): string {
  return `draft.${sessionId ?? 'new'}`;
}

export function readDraft(sessionId: string | undefined): string {
  const kept = readKept<unknown>(keyOf(sessionId));
  return typeof kept === 'string' ? kept : '';
}

export function keepDraft(sessionId: string | undefined, words: string): void {
  keep(keyOf(sessionId), words === '' ? undefined : words);
}
