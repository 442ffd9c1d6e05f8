/** A message between its arrival and its place in the log. */
export interface Arrival {
  readonly messageId: string;
  /** A stop came meanwhile: it is for this message's run too. */
  stopped: boolean;
  /** Says that it is in the log, or refused, and which runs a stop of it has ended. */
  settle(cancelled: Promise<readonly string[]> | readonly string[]): void;
}

interface Tracked extends Arrival {
  readonly cancelled: Promise<readonly string[]>;
}

/**
 * The messages that are on their way to the disk, by session. They count among those that wait, and
 * whoever stops a session means them as well.
 */
export class Arrivals {
  /** By session, then by message: one that is sent twice at once is under way twice. */
  readonly #sessions = new Map<string, Map<string, Set<Tracked>>>();

  /** From here on the message is on its way, until `land`. */
  add(sessionId: string, messageId: string): Arrival {
    const { promise, resolve } = Promise.withResolvers<readonly string[]>();
    const arrival: Tracked = { messageId, stopped: false, settle: resolve, cancelled: promise };
    const messages = this.#sessions.get(sessionId) ?? new Map<string, Set<Tracked>>();
    this.#sessions.set(sessionId, messages);
    messages.set(messageId, (messages.get(messageId) ?? new Set()).add(arrival));
    return arrival;
  }

  /** It has reached the disk or failed to; `settle` is still to be called. */
  land(sessionId: string, arrival: Arrival): void {
    const messages = this.#sessions.get(sessionId);
    const same = messages?.get(arrival.messageId);
    same?.delete(arrival as Tracked);
    if (same?.size === 0) messages?.delete(arrival.messageId);
    if (messages?.size === 0) this.#sessions.delete(sessionId);
  }

  has(sessionId: string, messageId: string): boolean {
    return this.#sessions.get(sessionId)?.has(messageId) ?? false;
  }

  /** How many different messages are on their way. */
  count(sessionId: string): number {
    return this.#sessions.get(sessionId)?.size ?? 0;
  }

  /** Stops the runs of all that are on their way; resolves with those that this ended. */
  async stop(sessionId: string): Promise<string[]> {
    const all = [...(this.#sessions.get(sessionId)?.values() ?? [])].flatMap((same) => [...same]);
    for (const arrival of all) arrival.stopped = true;
    return (await Promise.all(all.map(({ cancelled }) => cancelled))).flat();
  }
}
