/** What an earlier process left unfinished, and which of it nobody waits for any more. */
import type { SessionEventOf } from '@parley/protocol';
import type { RunRecord, Store } from '../stores/store.ts';

/** An unfinished run that is this process's now. */
export interface Claim {
  readonly record: RunRecord;
  readonly attempt: number;
  /** The message that it answers, where it is still kept. */
  readonly question: SessionEventOf<'chat_message'> | undefined;
}

/** `undefined`: another process was faster. */
export async function claim(store: Store, record: RunRecord): Promise<Claim | undefined> {
  const attempt = await store.claimRun(record.runId, record.attempt);
  if (attempt === undefined) return undefined;
  const question = await store.getEvent(record.sessionId, record.replyTo);
  return {
    record,
    attempt,
    question: question?.type === 'chat_message' ? question : undefined,
  };
}

/**
 * The ids of runs whose question was replaced: the process died after the new message was on disk and
 * before it had stopped the answer to the old one. The run of the new message waits for theirs, so it
 * is unfinished as well, and among the claims.
 */
export async function findSuperseded(
  store: Store,
  claims: readonly Claim[],
): Promise<ReadonlySet<string>> {
  const superseded = new Set<string>();
  for (const { question: newer } of claims) {
    if (newer?.data.replaces === undefined) continue;
    const replaced = await store.getEvent(newer.session_id, newer.data.replaces);
    if (!replaced) continue;
    for (const { record, question } of claims) {
      if (record.sessionId !== newer.session_id || !question) continue;
      if (question.seq >= replaced.seq && question.seq < newer.seq) superseded.add(record.runId);
    }
  }
  return superseded;
}
