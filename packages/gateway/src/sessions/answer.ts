/** Waiting for the end of one run, for whoever asks with a request and not over a connection. */
import { ProtocolError } from '@parley/protocol';
import { sessionNotFound } from '../auth/principal.ts';
import type { RunManager } from '../runs/run-manager.ts';
import type { SessionRecord, Store } from '../stores/store.ts';
import { type End, Ends } from './ends.ts';
import type { Hub } from './hub.ts';

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
  const { promise: stopped, reject: stop } = Promise.withResolvers<never>();
  stopped.catch(() => {});
  const stopWaiting = () => stop(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener('abort', stopWaiting, { once: true });
  const ends = new Ends({ store, hub }, await question.enter(), question.person);
  try {
    await ends.session.followed;
    const record = await store.getSession(sessionId);
    const { incarnation } = ends.session.record;
    if (record?.incarnation !== incarnation) throw sessionNotFound(sessionId);
    hub.learn(record);
    const { runId, repeats } = await question.post();
    ends.want([runId]);
    const settled = runs.settled(incarnation, runId);
    // A run that this process gives up has no end here, and nobody else to say so.
    void settled?.then((end) => {
      if (end === 'released') stop(givenUp());
    });
    if (!ends.isOver && (!settled || repeats !== undefined)) {
      const unended = await ends.readOn(repeats ?? record.lastSeq);
      const goesOn = settled || (store.isShared && unended.some((run) => run.runId === runId));
      if (!ends.isOver && !goesOn) throw repeats === undefined ? givenUp() : notKept();
    }
    await Promise.race([ends.over, stopped]);
    const end = ends.found.get(runId);
    if (!end) throw sessionNotFound(sessionId);
    return end;
  } finally {
    signal.removeEventListener('abort', stopWaiting);
    ends.close();
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
