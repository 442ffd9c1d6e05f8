/** A message between its arrival and its run. */
export interface Arrival {
  /** A stop came meanwhile: it is for this message's run too. */
  stopped: boolean;
  /**
   * Says that it is on its way no more, and which runs a stop of it has ended: its run is here, or another
   * node's, or it was refused.
   */
  settle(cancelled: Promise<readonly string[]> | readonly string[]): void;
}

interface Tracked extends Arrival {
  readonly cancelled: Promise<readonly string[]>;
}

/**
 * The messages that are on their way to the disk, and to their runs, by the incarnation of their session:
 * whoever stops a session means them as well.
 */
export class Arrivals {
  readonly #sessions = new Map<string, Set<Tracked>>();

  /** From here on the message is on its way, until it is settled. */
  add(incarnation: string): Arrival {
    const { promise, resolve } = Promise.withResolvers<readonly string[]>();
    const arrivals = this.#sessions.get(incarnation) ?? new Set();
    const settle: Arrival['settle'] = (cancelled) => {
      arrivals.delete(arrival);
      if (arrivals.size === 0) this.#sessions.delete(incarnation);
      resolve(cancelled);
    };
    const arrival: Tracked = { stopped: false, settle, cancelled: promise };
    this.#sessions.set(incarnation, arrivals.add(arrival));
    return arrival;
  }

  /** Stops the runs of all that are on their way; resolves with those that this ended. */
  async stop(incarnation: string): Promise<string[]> {
    const all = [...(this.#sessions.get(incarnation) ?? [])];
    for (const arrival of all) arrival.stopped = true;
    return (await Promise.all(all.map(({ cancelled }) => cancelled))).flat();
  }
}
