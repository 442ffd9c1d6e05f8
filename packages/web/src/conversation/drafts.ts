/**
 * What was begun to be written, kept until it is sent. What was written in a tab is that tab's: what
 * another one writes or sends in the same chat does not touch it. A new tab goes on with what was
 * written last.
 */
import { keep, keepInTab, keysKeptInTab, readKept, readKeptInTab } from '../app/kept.ts';

/** Of a session, or of the new chat, which has no id that lasts. */
function keyOf(sessionId: string | undefined): string {
  return `draft.${sessionId ?? 'new'}`;
}

export function readDraft(sessionId: string | undefined): string {
  return read(keyOf(sessionId));
}

export function keepDraft(sessionId: string | undefined, words: string): void {
  write(keyOf(sessionId), words);
}

/** Of a message that is being edited; `undefined`: it is as it was. */
export function readEdit(messageId: string): string | undefined {
  return read(`edit.${messageId}`) || undefined;
}

export function keepEdit(messageId: string, words: string): void {
  write(`edit.${messageId}`, words);
}

function read(key: string): string {
  const kept = readKeptInTab(key) ?? readKept<unknown>(key);
  return typeof kept === 'string' ? kept : '';
}

/**
 * What is of this tab alone is for the next one, should this one be closed. It is handed over while
 * the tab lives: what a page writes as it goes reaches the others too late, or never.
 */
function handOver(): void {
  for (const key of keysKeptInTab()) {
    if (readKept(key) === undefined) keep(key, readKeptInTab(key));
  }
}
handOver();
addEventListener('storage', ({ newValue }) => {
  // What another tab has written takes nothing away; it writes with every key.
  if (newValue === null) handOver();
});

function write(key: string, words: string): void {
  const isOfThisTab = readKept(key) === read(key);
  if (words !== '') keep(key, words);
  else if (isOfThisTab) keep(key, undefined);
  keepInTab(key, words === '' ? undefined : words);
}
