/**
 * What a log means to its readers. The server's agents and every client follow the same rules, so
 * they stand here once. No schema is imported at run time.
 */
import type { HistoryEntry, SessionEvent } from './messages.ts';

const ENVELOPE = [
  'message_id',
  'timestamp',
  'seq',
  'reply_to',
  'run_id',
  'attempt',
] as const satisfies readonly (keyof SessionEvent)[];

/** The flat form of an event, as it stands in `history`. */
export function toHistoryEntry(event: SessionEvent): HistoryEntry {
  const { type, message_id, timestamp, seq, reply_to, run_id, attempt, data } = event;
  // Field by field: all of an object but some of it is ten times as slow, and a page has a hundred.
  const role = 'role' in data ? data.role : 'tool';
  const entry = { ...data, type, role, message_id, timestamp, seq } as HistoryEntry;
  if (reply_to !== undefined) entry.reply_to = reply_to;
  if (run_id !== undefined) entry.run_id = run_id;
  if (attempt !== undefined) entry.attempt = attempt;
  return entry;
}

/** The event that a history entry of the session stands for: the inverse of `toHistoryEntry`. */
export function fromHistoryEntry(sessionId: string, entry: HistoryEntry): SessionEvent {
  const data: Record<string, unknown> = { ...entry };
  const envelope: Record<string, unknown> = { type: entry.type, session_id: sessionId };
  delete data.type;
  for (const field of ENVELOPE) {
    if (data[field] !== undefined) envelope[field] = data[field];
    delete data[field];
  }
  if (data.role === 'tool') delete data.role;
  return { ...envelope, data } as unknown as SessionEvent;
}

/** What `Branch` has to know of a message. */
interface Question {
  message_id: string;
  replaces?: string | undefined;
}

/**
 * The messages of people that a transcript shows, in order, given the log in order.
 *
 * A message that `replaces` an earlier one takes its place, and everything after that place is
 * superseded with it. Replacing a message that was itself replaced means the one that stands there
 * now; replacing one that is not shown at all (superseded with an earlier one, or no longer kept)
 * appends. Answers, tool calls and approvals are shown with the message they reply to, or not at all.
 */
export class Branch<Message extends Question> {
  readonly messages: Message[] = [];
  /** A replaced id → the id that replaced it. */
  readonly #replacedBy = new Map<string, string>();

  /** Takes the next message of the log and returns those that it superseded. */
  add(message: Message): Message[] {
    if (message.replaces === undefined) {
      this.messages.push(message);
      return [];
    }
    const place = this.#place(message.replaces);
    const superseded = place === -1 ? [] : this.messages.splice(place);
    this.#replacedBy.set(message.replaces, message.message_id);
    const first = superseded[0];
    if (first && first.message_id !== message.replaces) {
      this.#replacedBy.set(first.message_id, message.message_id);
    }
    this.messages.push(message);
    return superseded;
  }

  #place(id: string): number {
    const seen = new Set<string>();
    let current: string | undefined = id;
    while (current !== undefined && !seen.has(current)) {
      const wanted: string = current;
      const place = this.messages.findIndex((message) => message.message_id === wanted);
      if (place !== -1) return place;
      seen.add(wanted);
      current = this.#replacedBy.get(wanted);
    }
    return -1;
  }
}
