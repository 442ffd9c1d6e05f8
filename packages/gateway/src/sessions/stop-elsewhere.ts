/** Stopping runs that other nodes have: they are told by the store, and their ends are waited for. */
import { ProtocolError } from '@parley/protocol';
import { within } from '../deadline.ts';
import type { SessionRecord, StopRuns, Store } from '../stores/store.ts';
import { Ends } from './ends.ts';
import type { Hub } from './hub.ts';

/** A node that is gone is found to be so, and its runs are ended by another one, in less, milliseconds. */
const PATIENCE_MS = 15_000;

/**
 * The store is asked before this returns: what is appended from here on is not stopped. Resolves when each
 * end is in the log, with the ids of the runs that this cancelled; `undefined`: there was nothing to stop.
 *
 * @throws {ProtocolError} `INTERRUPTED` where no node has ended them in time; what `refuse` throws where the
 * sender may not write in the session any more.
 */
export async function stopElsewhere(
  { store, hub }: { readonly store: Store; readonly hub: Hub },
  record: SessionRecord,
  stop: StopRuns,
  refuse: () => Promise<unknown>,
): Promise<string[] | undefined> {
  const ends = new Ends({ store, hub }, record, stop.sender);
  try {
    const stopping = store.stopRuns(record, stop);
    // Looked at below.
    stopping.catch(() => {});
    await ends.session.followed;
    const stopped = await stopping;
    if (!stopped) await refuse();
    if (!stopped || stopped.length === 0) return undefined;
    ends.want(stopped.map((run) => run.runId));
    // What has ended before it was heard of.
    ends.behind();
    for (const node of new Set(stopped.map((run) => run.node))) hub.calls.wake(node);
    await within(PATIENCE_MS, ends.over, notStopped);
    const isCancelled = (runId: string) => ends.found.get(runId)?.data.status === 'cancelled';
    return stopped.map((run) => run.runId).filter(isCancelled);
  } finally {
    ends.close();
  }
}

function notStopped(): ProtocolError {
  return new ProtocolError(
    'INTERRUPTED',
    'The node that writes this answer does not answer itself. It is stopped as soon as another one has taken it over.',
  );
}
