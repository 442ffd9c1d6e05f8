/** Waiting for the end of one run, for whoever asks with a request and not over a connection. */
import { ProtocolError, type SessionEventOf } from '@parley/protocol';
import { sessionNotFound } from '../auth/principal.ts';
import type { RunManager } from '../runs/run-manager.ts';
import type { SessionRecord, Store } from '../stores/store.ts';
import type { Hub } from './hub.ts';
import type { Subscriber } from './session.ts';

type End = SessionEventOf<'agent_response'>;

interface Question {
  /** Who asks: the principal's id. */
  readonly person: string;
  /** The session, if whoever asks may use it. */
  enter(): Promise<SessionRecord>;
  /** Puts the message on disk; `repeats` is the `seq` of the one that it repeats. */
  post(): Promise<{ runId: string; repeats?: number }>;
}

/** Rejects with the reason of `signal`; the run goes on (R4). */
export async function waitForAnswer(
  { store, hub, runs }: { readonly store: Store; readonly hub: Hub; readonly runs: RunManager },
  sessionId: string,
  signal: AbortSignal,
  question: Question,
): Promise<End> {
  const answer = Promise.withResolvers<End>();
  answer.promise.catch(() => {});
  const ends = new Map<string, End>();
  let runId: string | undefined;
  /** Where the log was before the question. */
  let before = 0;
  const subscriber: Subscriber = {
    person: question.person,
    isShown: false,
    deliver({ message }) {
      if (message.type !== 'agent_response' || !message.run_id) return;
      if (runId === undefined) ends.set(message.run_id, message as End);
      else if (message.run_id === runId) answer.resolve(message as End);
    },
    behind() {
      if (runId === undefined) return;
      const found = endInLog(store, sessionId, runId, before);
      // Where it cannot be read now, whoever says that there is more says so again.
      void found.then((end) => end && answer.resolve(end)).catch(() => {});
    },
    ended: () => answer.reject(sessionNotFound(sessionId)),
  };
  const stopWaiting = () => answer.reject(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener('abort', stopWaiting, { once: true });
  const session = hub.subscribe(await question.enter(), subscriber);
  try {
    await session.followed;
    const renew = session.renewal();
    const record = await store.getSession(sessionId);
    if (record) renew(record);
    before = record?.lastSeq ?? 0;
    const posted = await question.post();
    runId = posted.runId;
    const told = ends.get(runId);
    ends.clear();
    const settled = runs.settled(sessionId, runId);
    // A run that this process gives up has no end here, and nobody else to say so.
    void settled?.then((end) => {
      if (end === 'released') answer.reject(givenUp());
    });
    if (told) return told;
    const isRepeated = posted.repeats !== undefined;
    // Asked before the log is read: an end that comes between is in the log.
    const goesOn = Boolean(settled) || (store.isShared && (await isUnfinished(store, runId)));
    const end =
      isRepeated || !goesOn
        ? await endInLog(store, sessionId, runId, posted.repeats ?? before)
        : undefined;
    if (!end && !goesOn) throw isRepeated ? notKept() : givenUp();
    return end ?? (await answer.promise);
  } finally {
    signal.removeEventListener('abort', stopWaiting);
    hub.unsubscribe(sessionId, subscriber);
  }
}

function givenUp(): ProtocolError {
  return new ProtocolError(
    'INTERRUPTED',
    'The server stops; the answer goes on when it is back. Ask again with the same message_id to get it.',
  );
}

function notKept(): ProtocolError {
  return new ProtocolError(
    'RUN_NOT_FOUND',
    'This message was answered, and the answer is no longer kept. Ask with a new message_id.',
  );
}

/** Whether another node has it. */
async function isUnfinished(store: Store, runId: string): Promise<boolean> {
  return (await store.unfinishedRuns()).some((run) => run.runId === runId);
}

/** The end of a run, if it is in the log behind `after`. */
async function endInLog(
  store: Store,
  sessionId: string,
  runId: string,
  after: number,
): Promise<End | undefined> {
  for (let from: number | undefined = after; from !== undefined; ) {
    const page = await store.readSession(sessionId, { after: from, limit: 100 });
    for (const event of page?.events ?? []) {
      if (event.type === 'agent_response' && event.run_id === runId) return event;
    }
    from = page?.events.at(-1)?.seq;
  }
  return undefined;
}
