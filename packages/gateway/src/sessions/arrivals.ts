/** A message between its arrival and its place in the log. */
export interface Arrival {
  /** A stop came meanwhile: it is for this message's run too. */
  stopped: boolean;
  /** Says that it is in the log, or refused, and which runs a stop of it has ended. */
  settle(cancelled: Promise<readonly string[]> | readonly string[]): void;
}

interface Tracked extends Arrival {
  readonly cancelled: Promise<readonly string[]>;
}

/**
 * The messages that are on their way to the disk, by the incarnation of their session: whoever stops a session
 * means them as well.
 */
export class Arrivals {
  readonly #sessions = new Map<string, Set<Tracked>>();

  /** From here on the message is on its way, until `land`. */
  add(incarnation: string): Arrival {
    const { promise, resolve } = Promise.withResolvers<readonly string[]>();
    const arrival: Tracked = { stopped: false, settle: resolve, cancelled: promise };
    const arrivals = this.#sessions.get(incarnation) ?? new Set();
    this.#sessions.set(incarnation, arrivals.add(arrival));
    return arrival;
  }

  /** It has reached the disk or failed to; `settle` is still to be called. */
  land(incarnation: string, arrival: Arrival): void {
    const arrivals = this.#sessions.get(incarnation);
    arrivals?.delete(arrival as Tracked);
    if (arrivals?.size === 0) this.#sessions.delete(incarnation);
  }

  /** Stops the runs of all that are on their way; resolves with those that this ended. */
  async stop(incarnation: string): Promise<string[]> {
    const all = [...(this.#sessions.get(incarnation) ?? [])];
    for (const arrival of all) arrival.stopped = true;
    return (await Promise.all(all.map(({ cancelled }) => cancelled))).flat();
  }
}
