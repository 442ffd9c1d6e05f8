import type { Principal } from '../auth/principal.ts';
import type { Subscription } from '../sessions/subscription.ts';

/** The sessions that a connection is in. A list that is made anew: most are in one, of which a map would take twice as much. */
export class Subscriptions {
  #all: readonly Subscription[] = NONE;

  get size(): number {
    return this.#all.length;
  }

  get(sessionId: string): Subscription | undefined {
    return this.#all.find((subscription) => subscription.sessionId === sessionId);
  }

  has(sessionId: string): boolean {
    return this.get(sessionId) !== undefined;
  }

  ids(): string[] {
    return this.#all.map(({ sessionId }) => sessionId);
  }

  /** It takes the place of one that there is of the session. */
  add(subscription: Subscription): void {
    this.delete(subscription.sessionId);
    // `concat`, because what is spread has room for many more.
    this.#all = this.#all.concat(subscription);
  }

  delete(sessionId: string): void {
    if (this.has(sessionId)) this.#all = this.#all.filter((one) => one.sessionId !== sessionId);
  }

  /** Whose they are is known anew; leaves those that are not for them any more. */
  renew(principal: Principal): void {
    for (const subscription of this.#all) subscription.renew(principal);
  }

  /** Leaves all of them. */
  close(): void {
    const all = this.#all;
    this.#all = NONE;
    for (const subscription of all) subscription.close();
  }
}

const NONE: readonly Subscription[] = [];
