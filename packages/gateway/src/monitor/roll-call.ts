/** Which nodes there are: those that answer when all are asked, and those that have stopped to. */
import type { Notice } from '../buses/bus.ts';
import type { Calls } from '../sessions/calls.ts';
import type { HeardReport, NodeReport } from './report.ts';

/** A node that has not answered by then is silent, milliseconds. */
const ANSWER_MS = 1_000;
/** So long is waited for nodes that were never heard of, milliseconds. */
const STRANGERS_MS = 100;
/** A node that is silent for longer is not coming back, milliseconds: one that starts has another id. */
const FORGET_MS = 300_000;
const REPORT = 'report';
const LEAVE = 'leave';

interface Heard {
  report: NodeReport;
  /** When it reported last, milliseconds since the epoch. */
  readonly at: number;
  /** It did not answer when it was asked last. */
  isSilent: boolean;
}

export class RollCall {
  readonly #calls: Calls;
  readonly #own: () => Promise<NodeReport>;
  /** What the others have said last, of those that are remembered. */
  readonly #others = new Map<string, Heard>();
  #asking: Promise<readonly HeardReport[]> | undefined;

  constructor(calls: Calls, own: () => Promise<NodeReport>) {
    this.#calls = calls;
    this.#own = own;
    calls.answer(REPORT, async (report) => {
      this.#hear(report);
      return { ...(await own()) };
    });
    calls.answer(LEAVE, async ({ node }) => {
      const heard = this.#others.get(String(node));
      // No answer to who asks at this moment: it may be gone before it hears of that.
      if (heard) heard.report = { ...heard.report, state: 'draining' };
      return {};
    });
  }

  /** Tells all others that this node drains, so that it is not looked for when it is gone. */
  leave(): void {
    this.#calls.askAll(LEAVE, { node: this.#calls.node }, () => {}).end();
  }

  /**
   * The reports of all nodes, this one's first. They hear of this one by it. Who asks while others do has the
   * same answer.
   */
  ask(): Promise<readonly HeardReport[]> {
    this.#asking ??= this.#askAll().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /**
   * Asks all nodes; resolves when `heard` returns `true`, when everyone has answered who did so before, or
   * after `ANSWER_MS`.
   */
  async until(
    about: string,
    question: Notice,
    heard: (answer: Notice, node: string) => boolean,
  ): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const known = [...this.#others].filter(([, { isSilent }]) => !isSilent);
    const missing = new Set(known.map(([node]) => node));
    let mayBeMore = true;
    const asked = this.#calls.askAll(about, question, (node, answer) => {
      missing.delete(node);
      if (heard(answer, node) || (missing.size === 0 && !mayBeMore)) resolve();
    });
    const strangers = setTimeout(() => {
      mayBeMore = false;
      if (missing.size === 0) resolve();
    }, STRANGERS_MS).unref();
    const impatience = setTimeout(resolve, ANSWER_MS).unref();
    void asked.isHeard.then((isHeard) => isHeard || resolve());
    await promise;
    asked.end();
    clearTimeout(strangers);
    clearTimeout(impatience);
  }

  #hear(said: Notice): void {
    const report = said as unknown as NodeReport;
    this.#others.set(report.node, { report, at: Date.now(), isSilent: false });
  }

  async #askAll(): Promise<readonly HeardReport[]> {
    const from = Date.now();
    const own = await this.#own();
    await this.until(REPORT, { ...own }, (answer) => {
      this.#hear(answer);
      return false;
    });
    for (const [node, heard] of this.#others) {
      heard.isSilent = heard.at < from;
      // It has said that it would go, or is gone for good.
      const isGone = heard.report.state === 'draining' || from - heard.at > FORGET_MS;
      if (heard.isSilent && isGone) this.#others.delete(node);
    }
    const others = Array.from(
      this.#others.values(),
      ({ report, at, isSilent }): HeardReport => ({
        ...report,
        state: isSilent ? 'silent' : report.state,
        heardAt: at,
      }),
    );
    return [{ ...own, heardAt: from }, ...others];
  }
}
