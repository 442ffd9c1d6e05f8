import { Branch, type SessionEvent, type SessionEventOf } from '@parley/protocol';
import type { ChatTurn } from '../agents/agent.ts';
import type { Store } from '../stores/store.ts';

/** Turns that an agent is given at the most. */
const MAX_TURNS = 200;
/** Characters in them at the most, the newest turn excepted: as many as the longest answer may have. */
const MAX_LENGTH = 1_000_000;
/** Events that are read for them at the most. */
const MAX_EVENTS = 5_000;
const PAGE = 500;

type Said = SessionEventOf<'chat_message'> | SessionEventOf<'agent_response'>;

/** The conversation before a message, as the people in it see it once they see that message. */
export async function readHistory(
  store: Store,
  question: SessionEventOf<'chat_message'>,
  incarnation: string,
): Promise<readonly ChatTurn[]> {
  const events: Said[] = [];
  let length = 0;
  let read = 0;
  // From the end of the log: what was asked before this message may have been answered after it.
  let before = Number.MAX_SAFE_INTEGER;
  while (read < MAX_EVENTS && length < MAX_LENGTH) {
    const page = await store.readSession(question.session_id, { before, limit: PAGE });
    if (page?.session.incarnation !== incarnation || page.events.length === 0) break;
    read += page.events.length;
    const said = page.events.filter((event) => isSaidBefore(event, question));
    events.unshift(...said);
    length += said.reduce((sum, { data }) => sum + data.content.length, 0);
    before = page.events[0]?.seq ?? 0;
    if (before <= page.session.firstSeq) break;
    if (events.length >= MAX_TURNS && isClosed([...events, question])) break;
  }
  return fitting(turns(events, question).slice(-MAX_TURNS));
}

/** Messages that were sent later are not known yet; answers are known by what they answer. */
function isSaidBefore(event: SessionEvent, question: SessionEvent): event is Said {
  if (event.type === 'chat_message') return event.seq < question.seq;
  return event.type === 'agent_response';
}

/** The newest turns, as many as may be given. */
function fitting(turns: readonly ChatTurn[]): readonly ChatTurn[] {
  let length = 0;
  const tooMuch = turns.findLastIndex(({ content }, place) => {
    length += content.length;
    return length > MAX_LENGTH && place < turns.length - 1;
  });
  return turns.slice(tooMuch + 1);
}

/** Whether every message that one of these replaces is among them: their branch can be told. */
function isClosed(events: readonly Said[]): boolean {
  const ids = new Set(events.map((event) => event.message_id));
  return events.every(
    (event) =>
      event.type !== 'chat_message' ||
      event.data.replaces === undefined ||
      ids.has(event.data.replaces),
  );
}

function turns(events: readonly Said[], question: SessionEventOf<'chat_message'>): ChatTurn[] {
  const branch = new Branch<{
    message_id: string;
    replaces?: string | undefined;
    content: string;
  }>();
  const answers = new Map<string, string>();
  for (const event of events) {
    if (event.type === 'chat_message') {
      const { content, replaces } = event.data;
      branch.add({ message_id: event.message_id, content, replaces });
    } else if (event.reply_to && event.data.content !== '') {
      answers.set(event.reply_to, event.data.content);
    }
  }
  const { content, replaces } = question.data;
  branch.add({ message_id: question.message_id, content, replaces });
  return branch.messages.slice(0, -1).flatMap((message): ChatTurn[] => {
    const answer = answers.get(message.message_id);
    return [
      { role: 'user', content: message.content },
      ...(answer === undefined ? [] : [{ role: 'assistant' as const, content: answer }]),
    ];
  });
}
