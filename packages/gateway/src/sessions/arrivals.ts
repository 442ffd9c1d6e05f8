/** A message between its arrival and its run. */
export interface Arrival {
  /** A stop came meanwhile: it is for this message's run too. */
  readonly stopped: boolean;
  /**
   * Says that it is on its way no more, and which runs a stop of it has ended: its run is here, or another
   * node's, or it was refused.
   */
  settle(cancelled: Promise<readonly string[]> | readonly string[]): void;
}

/**
 * The messages that are on their way to the disk, and to their runs: whoever stops a session means them as
 * well. All sessions together, because a message comes far more often than a stop.
 */
export class Arrivals {
  readonly #all = new Set<Tracked>();

  /** From here on the message is on its way, until it is settled. */
  add(incarnation: string): Arrival {
    const arrival = new Tracked(incarnation, this.#all);
    this.#all.add(arrival);
    return arrival;
  }

  /** Stops the runs of all of a session that are on their way; resolves with those that this ended. */
  async stop(incarnation: string): Promise<string[]> {
    const meant = [...this.#all].filter((arrival) => arrival.incarnation === incarnation);
    return (await Promise.all(meant.map((arrival) => arrival.stop()))).flat();
  }
}

class Tracked implements Arrival {
  /** Of its session. */
  readonly incarnation: string;
  readonly #all: Set<Tracked>;
  /** What those who stop it wait for. */
  #cancelled: PromiseWithResolvers<readonly string[]> | undefined;

  constructor(incarnation: string, all: Set<Tracked>) {
    this.incarnation = incarnation;
    this.#all = all;
  }

  get stopped(): boolean {
    return this.#cancelled !== undefined;
  }

  stop(): Promise<readonly string[]> {
    this.#cancelled ??= Promise.withResolvers();
    return this.#cancelled.promise;
  }

  settle(cancelled: Promise<readonly string[]> | readonly string[]): void {
    this.#all.delete(this);
    this.#cancelled?.resolve(cancelled);
  }
}
