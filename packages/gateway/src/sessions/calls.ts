/** What one node asks another one: a question and its answer over the bus, or none in time. */

import type { Bus, Following, Notice } from '../buses/bus.ts';
import { randomId } from '../random-id.ts';

/** A node that has not answered by then is not waited for any longer, unless more is said, milliseconds. */
const PATIENCE_MS = 3_000;

type Call =
  | { readonly kind: 'wake' }
  | {
      readonly kind: 'ask';
      readonly id: string;
      readonly from: string;
      readonly about: string;
      readonly question: Notice;
    }
  | {
      readonly kind: 'answer';
      readonly id: string;
      readonly from: string;
      readonly answer: Notice;
    };

/** What every node follows. */
const EVERYONE = 'nodes';

export class Calls {
  readonly node: string;
  readonly #bus: Bus;
  readonly #followings: readonly Following[];
  readonly #waiting = new Map<string, (answer: Notice, from: string) => void>();
  /** There may be something in the store for this node. */
  onWake: () => void = () => {};
  readonly #answers = new Map<string, (question: Notice) => Promise<Notice>>();

  constructor(node: string, bus: Bus) {
    this.node = node;
    this.#bus = bus;
    this.#followings = [topicOf(node), EVERYONE].map((topic) =>
      bus.follow(topic, (notice) => this.#take(notice as Call)),
    );
  }

  /** Resolves when this node hears what it is asked. */
  get ready(): Promise<unknown> {
    return Promise.all(this.#followings.map(({ ready }) => ready));
  }

  /** Tells a node to look into the store; it does so by itself, too, a little later. */
  wake(node: string): void {
    if (node === this.node) this.onWake();
    else void this.#tell(node, { kind: 'wake' });
  }

  /** What this node says to questions about something; where that rejects, nothing. */
  answer(about: string, answer: (question: Notice) => Promise<Notice>): void {
    this.#answers.set(about, answer);
  }

  /** `undefined`: it did not answer within `patience` milliseconds. */
  ask(
    node: string,
    about: string,
    question: Notice,
    patience = PATIENCE_MS,
  ): Promise<Notice | undefined> {
    const id = randomId();
    const { promise, resolve } = Promise.withResolvers<Notice | undefined>();
    const timer = setTimeout(() => resolve(undefined), patience);
    this.#waiting.set(id, resolve);
    void this.#tell(node, { kind: 'ask', id, from: this.node, about, question }).then((isHeard) => {
      // It is gone, or cannot be reached: nothing is to be waited for.
      if (!isHeard) resolve(undefined);
    });
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(id);
    });
  }

  /**
   * Asks all other nodes, and calls `heard` with what each of them answers, until `end` is called.
   * `isHeard` resolves with `false` where there is nobody who could.
   */
  askAll(
    about: string,
    question: Notice,
    heard: (node: string, answer: Notice) => void,
  ): { readonly isHeard: Promise<boolean>; end(): void } {
    const id = randomId();
    this.#waiting.set(id, (answer, from) => heard(from, answer));
    const call: Call = { kind: 'ask', id, from: this.node, about, question };
    return {
      isHeard: this.#bus.publish(EVERYONE, call),
      end: () => this.#waiting.delete(id),
    };
  }

  close(): void {
    for (const following of this.#followings) following.end();
  }

  #tell(node: string, call: Call): Promise<boolean> {
    return this.#bus.publish(topicOf(node), call);
  }

  #take(call: Call): void {
    switch (call.kind) {
      case 'wake':
        this.onWake();
        break;
      case 'ask':
        this.#answers
          .get(call.about)?.(call.question)
          .then((answer) =>
            this.#tell(call.from, { kind: 'answer', id: call.id, from: this.node, answer }),
          )
          // Whoever asked hears nothing, which says as much.
          .catch(() => {});
        break;
      case 'answer':
        this.#waiting.get(call.id)?.(call.answer, call.from);
        break;
    }
  }
}

function topicOf(node: string): string {
  return `node ${node}`;
}
