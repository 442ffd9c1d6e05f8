/** Several nodes in one process, and what can come between them. */
import type { Bus, Notice } from '../../packages/gateway/src/buses/bus.ts';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import { StoreError } from '../../packages/gateway/src/stores/store.ts';

/** As a database that several processes use at once. */
export class SharedStore extends MemoryStore {
  override readonly isShared = true;
  readonly #silent = new Set<string>();

  /** From now on a node reaches the store no more to say that it lives; returns what heals that. */
  silence(node: string): () => void {
    this.#silent.add(node);
    return () => this.#silent.delete(node);
  }

  override async keepAlive(node: string, ms: number): Promise<void> {
    if (this.#silent.has(node)) throw new StoreError('The store is not reached.');
    await super.keepAlive(node, ms);
  }
}

/** A bus that loses what the test says. */
export function lossy(bus: Bus, loses: (notice: Notice) => boolean): Bus {
  return {
    reachesOthers: true,
    publish: (topic, notice) => {
      if (!loses(notice)) bus.publish(topic, notice);
    },
    follow: (topic, receive) => bus.follow(topic, receive),
    grow: (key, head, piece) => bus.grow(key, head, piece),
    kept: (key) => bus.kept(key),
    drop: (key) => bus.drop(key),
    limiter: (name, points, seconds) => bus.limiter(name, points, seconds),
    check: () => bus.check(),
    close: () => bus.close(),
  };
}
