/** What an earlier process left unfinished, and which answers nobody is shown any more. */
import { Branch, type SessionEventOf } from '@parley/protocol';
import type { RunRecord, SessionIdentity, Store } from '../stores/store.ts';

/** An unfinished run that is this process's now. */
export interface Claim {
  readonly record: RunRecord;
  /** The message that it answers, where it is still kept. */
  readonly question: SessionEventOf<'chat_message'> | undefined;
}

export async function withQuestion(store: Store, record: RunRecord): Promise<Claim> {
  const { sessionId: id, incarnation, replyTo } = record;
  const question = await store.getEvent({ id, incarnation }, replyTo);
  return { record, question: question?.type === 'chat_message' ? question : undefined };
}

/**
 * The ids of the messages of a session that a later one in its log has superseded. Not those that its transcript does
 * not show: one that is posted while the log is read is not shown by that, and nobody has superseded it.
 */
export async function supersededQuestions(
  store: Store,
  session: SessionIdentity,
): Promise<ReadonlySet<string>> {
  const branch = new Branch<{ message_id: string; replaces?: string | undefined }>();
  const questions = await store.questions(session);
  return new Set(questions.flatMap((one) => branch.add(one)).map(({ message_id }) => message_id));
}

/**
 * The ids of claimed runs whose question was replaced: the process died after the new message was on
 * disk and before it had stopped the answer to the old one, or both came to another node.
 */
export async function findSuperseded(
  store: Store,
  claims: readonly Claim[],
): Promise<ReadonlySet<string>> {
  const superseded = new Set<string>();
  const sessions = Map.groupBy(claims, ({ record }) => record.incarnation);
  for (const [incarnation, own] of sessions) {
    // The run of a message that replaces waits for those before it, so it is among them.
    if (!own.some(({ question }) => question?.data.replaces !== undefined)) continue;
    const id = own[0]?.record.sessionId ?? '';
    const replaced = await supersededQuestions(store, { id, incarnation });
    for (const { record, question } of own) {
      if (question && replaced.has(question.message_id)) superseded.add(record.runId);
    }
  }
  return superseded;
}
