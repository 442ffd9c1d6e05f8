import type { RateLimiterAbstract } from 'rate-limiter-flexible';

/** What one node tells the others: what JSON can say. */
export type Notice = Readonly<Record<string, unknown>>;

/**
 * Carries what happens on one node to the others. It is quick, and may lose what it carries: what must
 * not be lost is in the store, and is read from there by whoever finds that something is missing.
 */
export interface Bus {
  /** Whether there may be other nodes at all. */
  readonly reachesOthers: boolean;
  /**
   * Takes it to every other node that follows the topic, in the order in which this node publishes;
   * this node itself does not receive it. Never rejects; `false`: for sure no other node has received it.
   */
  publish(topic: string, notice: Notice): Promise<boolean>;
  /** Calls `receive`, which must not throw, with what other nodes publish in the topic. */
  follow(topic: string, receive: (notice: Notice) => void): Following;
  /**
   * Calls `callback`, which must not throw, where something that others have published may have been lost:
   * as soon as what they publish from then on is received.
   */
  onLoss(callback: () => void): void;
  /**
   * Keeps a text that grows, for nodes that come late: `piece` follows what is kept under the key. Another
   * head begins another text. Never throws.
   */
  grow(key: string, head: Notice, piece: string): void;
  /** What is kept; `undefined`: nothing, or it cannot be had now. */
  kept(key: string): Promise<KeptText | undefined>;
  /** The text of this head that this node has made grow is not needed any more; another one is kept. */
  drop(key: string, head: Notice): void;
  /**
   * Counts for all nodes together: so many points of each key within so many seconds. Where the bus is not
   * there, each node counts for itself.
   */
  limiter(name: string, points: number, seconds: number): RateLimiterAbstract;
  /** @throws {BusError} where nodes do not reach each other. */
  check(): Promise<void>;
  close(): Promise<void>;
}

export interface KeptText {
  readonly head: Notice;
  readonly text: string;
}

export interface Following {
  /**
   * Resolves when everything that is published from then on is received, or when that cannot be had now;
   * `undefined`: nothing is published by anybody else.
   */
  readonly ready: Promise<void> | undefined;
  end(): void;
}

/** The bus is not there. */
export class BusError extends Error {
  override readonly name = 'BusError';
}
