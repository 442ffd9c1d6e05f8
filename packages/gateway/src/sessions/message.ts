/** A message of a person on its way into the log. */
import { hash } from 'node:crypto';
import { type ClientMessageOf, createMessage, encode } from '@parley/protocol';
import type { Principal } from '../auth/principal.ts';
import type { AppendMessage, SessionRecord } from '../stores/store.ts';

/** Length of a title made from a first message, UTF-16 code units. */
const DERIVED_TITLE_LENGTH = 60;
/** Lines of a message in which a title is looked for. */
const TITLE_LINES = 10;

/** What the store is to keep of a message, the run that answers it included. */
export function newMessage(
  principal: Principal,
  { id, incarnation, title }: Pick<SessionRecord, 'id' | 'incarnation' | 'title'>,
  messageId: string,
  data: ClientMessageOf<'chat_message'>['data'],
  run: AppendMessage['run'],
): Omit<AppendMessage, 'most'> {
  const { content, message_type, agent_name, replaces } = data;
  const said = { role: 'user' as const, content, message_type, sender: principal.id };
  const event = createMessage(
    'chat_message',
    agent_name === undefined && replaces === undefined
      ? said
      : {
          ...said,
          ...(agent_name === undefined ? {} : { agent_name }),
          ...(replaces === undefined ? {} : { replaces }),
        },
    { session_id: id, message_id: messageId },
  ) as AppendMessage['event'];
  return {
    event,
    incarnation,
    fingerprint: hash(
      'sha256',
      JSON.stringify([content, agent_name, replaces, principal.id]),
      'base64',
    ),
    run,
    // Where it has one it keeps that.
    title: title ?? deriveTitle(content),
    asAdmin: principal.isAdmin === true,
  };
}

/** The same for every repetition of the message: only what was kept with it goes in. */
export function acknowledgement(
  event: { session_id: string; message_id: string; seq: number; timestamp: string },
  runId: string,
): string {
  const { session_id, message_id, seq, timestamp } = event;
  return encode(
    createMessage(
      'message_ack',
      { status: 'accepted' },
      { session_id, timestamp, seq, reply_to: message_id, run_id: runId },
    ),
  );
}

/** The first line of the first message that says something, which the fence of code does not, cut at a word. */
function deriveTitle(content: string): string {
  const lines = content.trim().split(/[\r\n]+/, TITLE_LINES);
  const said = lines.find((text) => !/^\s*(?:```|~~~)/.test(text) && /[\p{L}\p{N}]/u.test(text));
  const line = (said ?? lines[0] ?? '').replace(/\s+/g, ' ').trim();
  if (line.length <= DERIVED_TITLE_LENGTH) return line;
  const cut = line.slice(0, DERIVED_TITLE_LENGTH);
  const word = cut.lastIndexOf(' ');
  return `${cut.slice(0, word > DERIVED_TITLE_LENGTH / 2 ? word : undefined).replace(/[\ud800-\udbff]$/, '')}…`;
}
