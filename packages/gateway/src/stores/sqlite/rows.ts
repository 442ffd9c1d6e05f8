/** What the event loop and the worker threads send each other: flat, because copying objects is dear. */
import { type AppendMessage, NO_MEMBERS, type SessionRecord } from '../store.ts';

/** A call of a method of a worker, and its arguments. */
export type Call = readonly [method: string, ...args: unknown[]];

/** What a worker says to one call. */
export type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly failure: Failure };

/** What a worker says to the calls that it took together, and how long that took it. */
export interface Answered {
  readonly answers: readonly Answer[];
  readonly seconds: number;
}

/** An error on its way between threads, which do not keep an error's class and fields. */
export interface Failure {
  readonly message: string;
  /** SQLite's extended result code, where SQLite failed. */
  readonly code: string | undefined;
}

/** An event without session and `seq`, with its `data` as JSON. */
export type EventRow = readonly [
  type: string,
  messageId: string,
  timestamp: string,
  replyTo: string | null,
  runId: string | null,
  attempt: number | null,
  data: string,
];

/** The sender of a message, how many runs there may be (see `MostRuns`), and whether they may write anywhere. */
export type Counted = readonly [
  sender: string,
  ofSession: number,
  ofSender: number,
  asAdmin: boolean,
];

/** What is due to be taken away, as it was when it was found. */
export interface Removal {
  readonly expired: readonly Pick<
    SessionRecord,
    'id' | 'incarnation' | 'lastSeq' | 'lastActivity'
  >[];
  readonly trimmed: readonly { readonly id: string; readonly through: number }[];
}

/** A `SessionRecord` as it is read: its members as JSON. */
export type SessionRow = Omit<SessionRecord, 'members'> & { readonly members: string };

export function fromSessionRow(row: SessionRow): SessionRecord {
  return { ...row, members: row.members === '{}' ? NO_MEMBERS : JSON.parse(row.members) };
}

export function toCounted({ event, most, asAdmin }: AppendMessage): Counted {
  return [event.data.sender, most.ofSession, most.ofSender, asAdmin];
}
