/** Events and words on their way to the database and back. */
import { type EventType, encodeData, encodeEvent } from '@parley/protocol';
import { type Query, wordsOf } from '../search-text.ts';
import type { AppendMessage, NewEvent } from '../store.ts';

/** Characters of a word that the index tells apart: at most 1,500 of the 2,046 bytes that it takes. */
const WORD_LENGTH = 500;
/** Bytes of all words of a text: a TSVECTOR takes 1 MiB. */
const WORDS_BYTES = 1_000_000;

export interface EventRow {
  readonly seq: number;
  readonly type: EventType;
  readonly message_id: string;
  readonly timestamp: string;
  readonly reply_to: string | null;
  readonly run_id: string | null;
  readonly attempt: number | null;
  readonly data: string;
}

/** What PostgreSQL takes as text: no NUL, and no half of a surrogate pair. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

export function toCall(event: NewEvent) {
  const data = encodeData(event);
  return {
    session: event.session_id,
    type: event.type,
    message_id: event.message_id,
    timestamp: event.timestamp,
    last_activity: Date.parse(event.timestamp),
    reply_to: event.reply_to,
    run_id: event.run_id,
    attempt: event.attempt,
    data,
    size: data.length,
    words:
      event.type === 'chat_message' || event.type === 'agent_response'
        ? indexable(event.data.content)
        : undefined,
  };
}

/** Whose runs are counted, how many there may be, and whether they may write anywhere. */
export function toCounted({ event, most, asAdmin }: AppendMessage) {
  return {
    sender: storable(event.data.sender),
    most_of_session: most.ofSession,
    most_of_sender: most.ofSender,
    as_admin: asAdmin,
  };
}

/** `undefined`: more than the index takes. */
export function indexable(content: string): string[] | undefined {
  const words = new Set(Array.from(wordsOf(content), cut));
  let bytes = 0;
  for (const word of words) bytes += Buffer.byteLength(word);
  return bytes > WORDS_BYTES ? undefined : [...words];
}

/** The words consist of letters, digits and marks only, so none can end its quotes. */
export function toTsquery(query: Query): string {
  return `${query.map((word) => `'${cut(word)}'`).join(' & ')}:*`;
}

function cut(word: string): string {
  return word.slice(0, WORD_LENGTH).toWellFormed();
}

/** The event as the wire has it. */
export function toText(sessionId: string, row: EventRow): string {
  const { type, message_id, timestamp, seq, reply_to, run_id, attempt, data } = row;
  const event = {
    type,
    session_id: sessionId,
    message_id,
    timestamp,
    seq,
    ...(reply_to !== null && { reply_to }),
    ...(run_id !== null && { run_id }),
    ...(attempt !== null && { attempt }),
  };
  return encodeEvent(event, data);
}
