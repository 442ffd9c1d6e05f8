/** What one client saw and did, in order: all that the checker goes by. */
import type { ClientMessageInput, HistoryEntry, ServerMessage } from '@parley/protocol';

/** `epoch` counts the lives of the server: it grows by one with each restart. */
export type Entry =
  | { readonly way: 'open'; readonly epoch: number }
  | { readonly way: 'out'; readonly epoch: number; readonly message: ClientMessageInput }
  | { readonly way: 'in'; readonly epoch: number; readonly message: ServerMessage };

export interface Recording {
  readonly client: string;
  readonly session: string;
  readonly entries: readonly Entry[];
}

/** A promise that was broken, in words that name who saw what. */
export interface Violation {
  readonly rule: string;
  readonly session: string;
  readonly text: string;
}

export function describe({ rule, session, text }: Violation): string {
  return `[${rule}] ${session}: ${text}`;
}

const ENVELOPE = ['message_id', 'timestamp', 'seq', 'reply_to', 'run_id', 'attempt'] as const;

/** An event as it came over the wire, in the flat form in which logs are read. */
export function flatten(message: ServerMessage): HistoryEntry {
  const flat: Record<string, unknown> = { type: message.type, ...message.data };
  for (const field of ENVELOPE) if (message[field] !== undefined) flat[field] = message[field];
  return flat as HistoryEntry;
}

/** Equal for equal events, whichever way they came: live, replayed, in `history` or over HTTP. */
export function canonical(entry: HistoryEntry): string {
  // Over the wire tools have no role: it is `history` that gives every entry one.
  const fields = Object.entries(entry).filter(([key, value]) => key !== 'role' || value !== 'tool');
  return JSON.stringify(Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1))), sortKeys);
}

/** A few words for a message in a report. */
export function brief(text: string): string {
  return text.length > 240 ? `${text.slice(0, 239)}…` : text;
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
