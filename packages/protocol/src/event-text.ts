/**
 * Events as text, as `encode` writes them. Logs have them so, and most who read a log pass them on: what has to be
 * known of one stands between its type, which comes first, and its `data`, which come last, and is found without
 * parsing. The first mark is the one that is meant: no id has it in it, since quotes in a string have backslashes, and
 * what tools were given, which may be anything, comes behind.
 */
import type { EventType } from './messages.ts';

const TYPE = '{"type":"';
const MESSAGE_ID = ',"message_id":"';
const RUN_ID = ',"run_id":"';
const SEQ = ',"seq":';
const NAME_OF_DATA = ',"data":';
const DATA = `${NAME_OF_DATA}{`;

/** These say in their `data` whose words they are; the others are of tools. */
const SAID: ReadonlySet<string> = new Set<EventType>(['chat_message', 'agent_response']);

/** The type of the event with this text. */
export function typeOf(text: string): EventType {
  return text.slice(TYPE.length, text.indexOf('"', TYPE.length)) as EventType;
}

/** The `seq` of the event with this text. */
export function seqOf(text: string): number {
  // Up to the comma behind it.
  return Number.parseInt(text.slice(text.indexOf(SEQ) + SEQ.length), 10);
}

/** The `run_id` of the event with this text, if it has one. */
export function runIdOf(text: string): string | undefined {
  const start = text.indexOf(RUN_ID);
  // A tool's arguments may have a field of this name.
  if (start < 0 || start > dataOf(text)) return undefined;
  const quote = start + RUN_ID.length - 1;
  let end = quote + 1;
  while (text[end] !== '"' && end < text.length) end += text[end] === '\\' ? 2 : 1;
  return JSON.parse(text.slice(quote, end + 1));
}

/** Characters of the `data` of the event with this text, as JSON. */
export function dataLengthOf(text: string): number {
  return text.length - '}'.length - dataOf(text);
}

/** The text of the entry that stands for the event with this text, see `toHistoryEntry`. */
export function toHistoryText(text: string): string {
  const type = typeOf(text);
  const data = dataOf(text);
  const fields = text.slice(data + '{'.length, -'}}'.length);
  // Whose session it is is said by what the entry stands in.
  const envelope = text.slice(text.indexOf(MESSAGE_ID), data - NAME_OF_DATA.length);
  const role = SAID.has(type) ? '' : ',"role":"tool"';
  return `{${fields},"type":"${type}"${role}${envelope}}`;
}

/**
 * Where the `data` of the event with this text begin.
 *
 * @throws {Error} where it has none: then it is damaged, and is not to go on.
 */
function dataOf(text: string): number {
  const start = text.indexOf(DATA);
  if (start < 0) throw new Error(`This is not the text of an event: ${text.slice(0, 200)}`);
  return start + NAME_OF_DATA.length;
}
