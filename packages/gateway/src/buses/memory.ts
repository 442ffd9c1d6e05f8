/// <reference path="./rate-limiter-memory.d.ts" />
import type { RateLimiterAbstract } from 'rate-limiter-flexible';
// This one alone: with it, the package would load those of thirty databases at every start.
import RateLimiterMemory from 'rate-limiter-flexible/lib/RateLimiterMemory.js';
import type { Bus, Following, KeptText, Notice } from './bus.ts';

const ALONE: Following = { ready: undefined, end() {} };

/** Nodes of one process, which reach each other without a network: as a rule there is one. */
export class MemoryExchange {
  readonly #nodes = new Set<MemoryBus>();
  readonly #texts = new Map<string, KeptText>();
  readonly #limiters = new Map<string, RateLimiterAbstract>();

  node(): MemoryBus {
    const node = new MemoryBus(this.#nodes, this.#texts, this.#limiters);
    this.#nodes.add(node);
    return node;
  }
}

export class MemoryBus implements Bus {
  readonly #nodes: Set<MemoryBus>;
  readonly #texts: Map<string, KeptText>;
  readonly #limiters: Map<string, RateLimiterAbstract>;
  readonly #receivers = new Map<string, Set<(notice: Notice) => void>>();

  constructor(
    nodes: Set<MemoryBus> = new Set(),
    texts: Map<string, KeptText> = new Map(),
    limiters: Map<string, RateLimiterAbstract> = new Map(),
  ) {
    this.#nodes = nodes;
    this.#texts = texts;
    this.#limiters = limiters;
  }

  get reachesOthers(): boolean {
    return this.#nodes.size > 1;
  }

  async publish(topic: string, notice: Notice): Promise<boolean> {
    let isReceived = false;
    for (const node of this.#nodes) {
      if (node === this) continue;
      // As over a network: nobody shares an object with another node.
      for (const receive of node.#receivers.get(topic) ?? []) {
        receive(structuredClone(notice));
        isReceived = true;
      }
    }
    return isReceived;
  }

  follow(topic: string, receive: (notice: Notice) => void): Following {
    // Of a process with one node each session would keep what nobody speaks to.
    if (this.#nodes.size === 0) return ALONE;
    const receivers = this.#receivers.get(topic) ?? new Set();
    this.#receivers.set(topic, receivers.add(receive));
    return {
      ready: Promise.resolve(),
      end: () => {
        receivers.delete(receive);
        if (receivers.size === 0) this.#receivers.delete(topic);
      },
    };
  }

  /** Nothing is. */
  onLoss(): void {}

  grow(key: string, head: Notice, piece: string): void {
    const before = this.#texts.get(key);
    const isSame = before && JSON.stringify(before.head) === JSON.stringify(head);
    this.#texts.set(key, { head, text: isSame ? before.text + piece : piece });
  }

  async kept(key: string): Promise<KeptText | undefined> {
    return this.#texts.get(key);
  }

  drop(key: string, head: Notice): void {
    const isSame = JSON.stringify(this.#texts.get(key)?.head) === JSON.stringify(head);
    if (isSame) this.#texts.delete(key);
  }

  limiter(name: string, points: number, duration: number): RateLimiterAbstract {
    const known = this.#limiters.get(name) ?? new RateLimiterMemory({ points, duration });
    this.#limiters.set(name, known);
    return known;
  }

  async check(): Promise<void> {}

  async close(): Promise<void> {
    this.#nodes.delete(this);
    this.#receivers.clear();
  }
}
