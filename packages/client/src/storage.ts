/** Where the outbox keeps what is not sent yet, so that it outlives the page. */
import type { Problem } from './items.ts';

interface Kept {
  /** Of a message its `message_id`, of a session its id. */
  readonly id: string;
  readonly sessionId: string;
  /** When it was made, milliseconds since the epoch. */
  readonly timestamp: number;
}

/** A message that the server has not accepted yet. */
export interface OutboxMessage extends Kept {
  readonly kind: 'message';
  readonly text: string;
  readonly agent?: string;
  readonly replaces?: string;
  readonly traceparent?: string;
  /** Refused for good: it is shown as failed, and not sent again. */
  readonly problem?: Problem;
}

/** A session that the server has yet to make, before the messages in it. */
export interface OutboxSession extends Kept {
  readonly kind: 'session';
  readonly title?: string;
  readonly agent?: string;
}

/** Plain values, which JSON and the structured clone algorithm keep as they are. */
export type OutboxEntry = OutboxMessage | OutboxSession;

/**
 * What an outbox needs of a place to keep its entries in. Several clients may share one, as the tabs
 * of a browser do. A call that rejects, or takes too long, is told as a `warning` of the client,
 * which goes on with what it has in memory.
 *
 * A storage belongs to one server and one person: whoever opens it next sends what is in it.
 */
export interface OutboxStorage {
  /** All entries, in the order in which they were added, by whomever. */
  load(): Promise<readonly OutboxEntry[]>;
  /** Adds an entry at the end. */
  add(entry: OutboxEntry): Promise<void>;
  /**
   * Puts an entry in the place of the one with its id. Where that is not there any more it MUST do
   * nothing: somebody else has settled it.
   */
  replace(entry: OutboxEntry): Promise<void>;
  /**
   * Removes an entry; one that is not there is no error. `isTakenBack`: a person has given it up,
   * it is not the server that has answered.
   */
  remove(id: string, isTakenBack?: boolean): Promise<void>;
  /**
   * Calls `listener` after others have changed something, until the returned function is called.
   * `takenBack` is the id of what they have taken back: without it what waited here and is there no
   * more goes on being shown, since the server may have it and is about to say so.
   */
  subscribe?(listener: (takenBack?: string) => void): () => void;
}

/**
 * Keeps entries as long as the process runs. The default where there is no IndexedDB; elsewhere the
 * choice of whoever wants nothing to be kept.
 *
 * @example
 * const client = createClient({ url, storage: memoryStorage() });
 */
export function memoryStorage(): OutboxStorage {
  const entries = new Map<string, OutboxEntry>();
  return {
    load: async () => [...entries.values()],
    async add(entry) {
      entries.set(entry.id, entry);
    },
    async replace(entry) {
      if (entries.has(entry.id)) entries.set(entry.id, entry);
    },
    async remove(id) {
      entries.delete(id);
    },
  };
}
