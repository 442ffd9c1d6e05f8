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
  const subscriber: Subscriber = {
    person: question.person,
    isShown: false,
    deliver({ message }) {
      if (message.type !== 'agent_response' || !message.run_id) return;
      if (runId === undefined) ends.set(message.run_id, message as End);
      else if (message.run_id === runId) answer.resolve(message as End);
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
    const posted = await question.post();
    runId = posted.runId;
    const told = ends.get(runId);
    ends.clear();
    const settled = runs.settled(sessionId, runId);
    // A run that this process gives up has no end here, and nobody else to say so.
    void settled?.then((end) => {
      if (end === 'released') answer.reject(givenUp());
    });
    const end = told ?? (await earlierEnd(store, sessionId, posted));
    if (!end && !settled) throw posted.repeats === undefined ? givenUp() : notKept();
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

/** The end of the run that a repeated message started the first time, if it has ended. */
async function earlierEnd(
  store: Store,
  sessionId: string,
  posted: { runId: string; repeats?: number },
): Promise<End | undefined> {
  let after = posted.repeats;
  while (after !== undefined) {
    const page = await store.readSession(sessionId, { after, limit: 100 });
    for (const event of page?.events ?? []) {
      if (event.type === 'agent_response' && event.run_id === posted.runId) return event;
    }
    after = page?.events.at(-1)?.seq;
  }
  return undefined;
}
