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
  readonly #all: Tracked[] = [];

  /** From here on the message is on its way, until it is settled. */
  add(incarnation: string): Arrival {
    return new Tracked(incarnation, this.#all);
  }

  /** Stops the runs of all of a session that are on their way; resolves with those that this ended. */
  async stop(incarnation: string): Promise<string[]> {
    const meant = this.#all.filter((arrival) => arrival.incarnation === incarnation);
    return (await Promise.all(meant.map((arrival) => arrival.stop()))).flat();
  }
}

class Tracked implements Arrival {
  /** Of its session. */
  readonly incarnation: string;
  readonly #all: Tracked[];
  /** Where it is among them. */
  #place: number;
  /** What those who stop it wait for. */
  #cancelled: PromiseWithResolvers<readonly string[]> | undefined;

  constructor(incarnation: string, all: Tracked[]) {
    this.incarnation = incarnation;
    this.#all = all;
    this.#place = all.push(this) - 1;
  }

  get stopped(): boolean {
    return this.#cancelled !== undefined;
  }

  stop(): Promise<readonly string[]> {
    this.#cancelled ??= Promise.withResolvers();
    return this.#cancelled.promise;
  }

  settle(cancelled: Promise<readonly string[]> | readonly string[]): void {
    this.#leave();
    this.#cancelled?.resolve(cancelled);
  }

  /** The last one takes its place. */
  #leave(): void {
    if (this.#all[this.#place] !== this) return;
    const last = this.#all.pop() as Tracked;
    if (last === this) return;
    last.#place = this.#place;
    this.#all[this.#place] = last;
  }
}
