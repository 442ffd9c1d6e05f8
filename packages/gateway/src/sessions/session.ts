import type { Delivery } from '../buses/bus.ts';
import type { SessionRecord } from '../stores/store.ts';

/** Someone on this node who follows a session: a connection, or a request that waits for an answer. */
export interface Subscriber {
  /** The principal's id. */
  readonly person: string;
  /** Whether the others see that they are here. */
  readonly isShown: boolean;
  deliver(delivery: Delivery): void;
  /** The session is no more; the subscription has been removed. */
  ended(status: 'deleted' | 'expired'): void;
}

/** What this node remembers of a session while someone on it follows the session. */
export class Session {
  #record: SessionRecord;
  #changes = 0;
  readonly subscribers = new Set<Subscriber>();
  /** The highest `seq` published while followed; 0 before the first. */
  lastSeq = 0;
  presenceTimer: NodeJS.Timeout | undefined;

  constructor(record: SessionRecord) {
    this.#record = record;
  }

  /** As it was when it was last read or changed; its counts and times may be behind the log. */
  get record(): SessionRecord {
    return this.#record;
  }

  /** Takes a change that is on disk: of the title, the agent, or who may do what in it. */
  change(record: SessionRecord): void {
    this.#changes += 1;
    this.#record = record;
  }

  /**
   * To be called before the record is read, and the result with what was read: what this was made
   * with may have been read before a change, and what is read now may be older than the next one.
   */
  renewal(): (record: SessionRecord) => void {
    const seen = this.#changes;
    return (record) => {
      if (this.#changes === seen) this.#record = record;
    };
  }

  /** Who is here, each once, at most 100, and how many connections there are in all. */
  presence(): { participants: { id: string; connections: number }[]; connections: number } {
    const counts = new Map<string, number>();
    let connections = 0;
    for (const { person, isShown } of this.subscribers) {
      if (!isShown) continue;
      connections += 1;
      counts.set(person, (counts.get(person) ?? 0) + 1);
    }
    const participants = [...counts]
      .slice(0, 100)
      .map(([id, count]) => ({ id, connections: count }));
    return { participants, connections };
  }
}
