import type { Store } from '../../packages/gateway/src/stores/store.ts';
import { StoreError } from '../../packages/gateway/src/stores/store.ts';

type Method = Exclude<keyof Store, 'close' | 'isShared'>;

/** Holds calls of a store back, or lets them fail, as a test says. */
export interface Gate {
  readonly store: Store;
  /** From now on calls of these methods wait. */
  hold(...methods: Method[]): void;
  /** What waits goes on, in order, and nothing is held any more. */
  release(): void;
  /** Calls of these methods reject, and nothing is written. */
  breakDown(error: Error, ...methods: Method[]): void;
  repair(): void;
  /** Resolves when so many calls are being held. */
  held(count: number): Promise<void>;
}

export function gated(inner: Store): Gate {
  const holding = new Set<Method>();
  const broken = new Map<Method, Error>();
  let waiting: (() => void)[] = [];
  const watchers = new Set<() => void>();
  /** Calls keep their order, also when those before them were held. */
  const call = async (method: Method, args: unknown[]): Promise<unknown> => {
    const error = broken.get(method);
    if (error) throw error;
    if (holding.has(method)) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        for (const watcher of watchers) watcher();
      });
    }
    return (inner[method] as (...args: unknown[]) => Promise<unknown>)(...args);
  };
  const store = new Proxy(inner, {
    get(target, name: keyof Store) {
      if (name === 'close') return () => target.close();
      if (name === 'isShared') return target.isShared;
      return (...args: unknown[]) => call(name, args);
    },
  });
  return {
    store,
    hold: (...methods) => {
      for (const method of methods) holding.add(method);
    },
    release: () => {
      holding.clear();
      const ready = waiting;
      waiting = [];
      for (const go of ready) go();
    },
    breakDown: (error, ...methods) => {
      for (const method of methods) broken.set(method, error);
    },
    repair: () => broken.clear(),
    held: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (waiting.length < count) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
      }),
  };
}

export const diskFull = () => new StoreError('The disk is full.');
