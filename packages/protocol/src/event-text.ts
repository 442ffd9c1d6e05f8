/**
 * Events as text, as `encode` writes them. Logs have them so, and most who read a log pass them on: what has to be
 * known of one stands between its type, which comes first, and its `data`, which come last, and is found without
 * parsing. A mark is not found inside of a string, where its quotes have backslashes.
 */
import type { EventType } from './messages.ts';

const TYPE = '{"type":"';
const MESSAGE_ID = ',"message_id":"';
const RUN_ID = ',"run_id":"';
const SEQ = ',"seq":';
const DATA = ',"data":{';

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
  if (start < 0 || start > text.indexOf(DATA)) return undefined;
  const quote = start + RUN_ID.length - 1;
  let end = quote + 1;
  while (text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
  return JSON.parse(text.slice(quote, end + 1));
}

/** The text of the entry that stands for the event with this text, see `toHistoryEntry`. */
export function toHistoryText(text: string): string {
  const type = typeOf(text);
  const data = text.indexOf(DATA);
  const fields = text.slice(data + DATA.length, -'}}'.length);
  // Whose session it is is said by what the entry stands in.
  const envelope = text.slice(text.indexOf(MESSAGE_ID), data);
  const role = SAID.has(type) ? '' : ',"role":"tool"';
  return `{${fields},"type":"${type}"${role}${envelope}}`;
}
