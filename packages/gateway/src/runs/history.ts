import { Branch, type SessionEvent, type SessionEventOf } from '@parley/protocol';
import type { ChatTurn } from '../agents/agent.ts';
import type { Store } from '../stores/store.ts';

/** Turns that an agent is given at the most. */
const MAX_TURNS = 200;
/** Events that are read for them at the most. */
const MAX_EVENTS = 5_000;
const PAGE = 500;

/** The conversation before a message, as the people in it see it once they see that message. */
export async function readHistory(
  store: Store,
  question: SessionEventOf<'chat_message'>,
): Promise<readonly ChatTurn[]> {
  const events: SessionEvent[] = [];
  // From the end of the log: what was asked before this message may have been answered after it.
  let before = Number.MAX_SAFE_INTEGER;
  while (events.length < MAX_EVENTS) {
    const page = await store.readSession(question.session_id, { before, limit: PAGE });
    if (!page || page.events.length === 0) break;
    events.unshift(...page.events.filter((event) => isBefore(event, question)));
    before = page.events[0]?.seq ?? 0;
    if (before <= page.session.firstSeq) break;
    if (countTurns(events) >= MAX_TURNS && isClosed([...events, question])) break;
  }
  return turns(events, question).slice(-MAX_TURNS);
}

/** Messages that were sent later are not known yet; answers are known by what they answer. */
function isBefore(event: SessionEvent, question: SessionEvent): boolean {
  return event.type !== 'chat_message' || event.seq < question.seq;
}

function countTurns(events: readonly SessionEvent[]): number {
  return events.filter(({ type }) => type === 'chat_message' || type === 'agent_response').length;
}

/** Whether every message that one of these replaces is among them: their branch can be told. */
function isClosed(events: readonly SessionEvent[]): boolean {
  const ids = new Set(events.map((event) => event.message_id));
  return events.every(
    (event) =>
      event.type !== 'chat_message' ||
      event.data.replaces === undefined ||
      ids.has(event.data.replaces),
  );
}

function turns(
  events: readonly SessionEvent[],
  question: SessionEventOf<'chat_message'>,
): ChatTurn[] {
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
    } else if (event.type === 'agent_response' && event.reply_to && event.data.content !== '') {
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
