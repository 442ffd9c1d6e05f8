/** A message between its arrival and its run. */
export interface Arrival {
  /** By now: its run must not begin any more. */
  readonly stopped: boolean;
  /** It has come before: the run that answers it is this one. */
  repeats(runId: string): void;
  /**
   * Says that it is on its way no more: its run is here, or another node's, or it was refused. `cancelled`: the
   * runs that a stop of it has ended.
   */
  settle(cancelled?: Promise<readonly string[]>): void;
}

/**
 * The messages that are on their way to the disk, and to their runs: whoever stops a session means them as
 * well. All sessions together, because a message comes far more often than a stop.
 */
export class Arrivals {
  readonly #all: Tracked[] = [];

  /** From here on the message is on its way, until it is settled. `runId`: of the run that will answer it. */
  add(incarnation: string, runId: string): Arrival {
    return new Tracked(incarnation, runId, this.#all);
  }

  /** Of the message that this run answers, if it is on its way. */
  of(runId: string): Arrival | undefined {
    return this.#all.find((arrival) => arrival.runId === runId);
  }

  /**
   * Stops the runs of all of a session that are on their way, or this one; resolves with those that this ended.
   * `undefined`: none is.
   */
  stop(incarnation: string, runId?: string): Promise<string[]> | undefined {
    const meant = this.#all.filter(
      (arrival) =>
        arrival.incarnation === incarnation && (runId === undefined || arrival.runId === runId),
    );
    if (meant.length === 0) return undefined;
    return Promise.all(meant.map((arrival) => arrival.stop())).then((ended) => ended.flat());
  }
}

class Tracked implements Arrival {
  /** Of its session. */
  readonly incarnation: string;
  readonly #all: Tracked[];
  runId: string;
  /** Where it is among them. */
  #place: number;
  /** What those who stop it wait for. */
  #cancelled: PromiseWithResolvers<readonly string[]> | undefined;

  constructor(incarnation: string, runId: string, all: Tracked[]) {
    this.incarnation = incarnation;
    this.runId = runId;
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

  repeats(runId: string): void {
    this.runId = runId;
  }

  settle(cancelled: Promise<readonly string[]> | readonly string[] = []): void {
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
