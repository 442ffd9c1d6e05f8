/** Stopping runs that other nodes have: they are told by the store, and their ends are waited for. */
import { ProtocolError } from '@parley/protocol';
import { type SessionRecord, STORE_LIMITS, type Store } from '../stores/store.ts';
import type { Hub } from './hub.ts';
import type { Subscriber } from './session.ts';

/** A node that is gone is found to be so, and its runs are ended by another one, in less, milliseconds. */
const PATIENCE_MS = 15_000;

/**
 * Resolves when each end is in the log, with the ids of the runs that this cancelled; `undefined`: there
 * was nothing to stop.
 *
 * @throws {ProtocolError} `INTERRUPTED` where no node has ended them in time.
 */
export async function stopElsewhere(
  { store, hub }: { readonly store: Store; readonly hub: Hub },
  record: SessionRecord,
  runId?: string,
): Promise<string[] | undefined> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const ends = new Map<string, string>();
  // Before it is known what is to be stopped, ends of other runs may come.
  let waiting: ReadonlySet<string> | undefined;
  let from = record.lastSeq;
  const check = () => {
    if (waiting && [...waiting].every((id) => ends.has(id))) resolve();
  };
  const subscriber: Subscriber = {
    person: record.owner,
    isShown: false,
    deliver({ message }) {
      if (message.type !== 'agent_response' || message.run_id === undefined) return;
      ends.set(message.run_id, message.data.status);
      check();
    },
    behind() {
      void readOn().catch(() => {});
    },
    ended: () => resolve(),
  };
  async function readOn(): Promise<void> {
    for (let isMore = true; isMore; ) {
      const page = await store.readSession(record.id, { after: from, limit: STORE_LIMITS.page });
      const events = page?.events ?? [];
      session.sawEnds(events);
      for (const event of events) {
        from = event.seq;
        if (event.type === 'agent_response' && event.run_id !== undefined) {
          ends.set(event.run_id, event.data.status);
        }
      }
      check();
      isMore = page !== undefined && events.length > 0 && from < page.session.lastSeq;
    }
  }
  const session = hub.subscribe(record, subscriber);
  let timer: NodeJS.Timeout | undefined;
  try {
    await session.followed;
    const stopped = await store.stopRuns(record.id, runId);
    if (stopped.length === 0) return undefined;
    waiting = new Set(stopped.map((run) => run.runId));
    for (const node of new Set(stopped.map((run) => run.node))) hub.calls.wake(node);
    check();
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(notStopped()), PATIENCE_MS);
    });
    await Promise.race([over, late]);
    return [...waiting].filter((id) => ends.get(id) === 'cancelled');
  } finally {
    clearTimeout(timer);
    hub.unsubscribe(record.id, subscriber);
  }
}

function notStopped(): ProtocolError {
  return new ProtocolError(
    'INTERRUPTED',
    'The node that writes this answer does not answer itself. It is stopped as soon as another one has taken it over.',
  );
}
