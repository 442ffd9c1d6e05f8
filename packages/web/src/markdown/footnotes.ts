/** The footnotes of an answer, numbered in the order in which they are first referred to. */
import type { Block } from './nodes.ts';

export interface Footnote {
  readonly label: string;
  readonly number: number;
  readonly blocks: readonly Block[];
}

/** In order; the same object as long as nothing has changed, and so each of them. */
export type Footnotes = readonly Footnote[];

/** More are not shown. */
const MAX_FOOTNOTES = 1_000;

const NONE: Footnotes = [];

export class FootnoteList {
  readonly #definitions = new Map<string, readonly Block[]>();
  /** Labels in the order of their first reference. */
  readonly #order = new Set<string>();
  #live: readonly string[] = [];
  #current = NONE;

  /** The first definition counts. Returns whether this is it. */
  define(label: string, blocks: readonly Block[]): boolean {
    if (this.#definitions.has(label) || this.#definitions.size >= MAX_FOOTNOTES) return false;
    this.#definitions.set(label, blocks);
    return true;
  }

  /** They will be defined again, because what they refer to is there now. */
  forget(labels: readonly string[]): void {
    for (const label of labels) this.#definitions.delete(label);
  }

  refer(labels: readonly string[]): void {
    for (const label of labels) this.#order.add(label);
  }

  /** References in what may still change. */
  referLive(labels: readonly string[]): void {
    this.#live = labels;
  }

  current(): Footnotes {
    if (this.#definitions.size === 0) return NONE;
    const labels = new Set([...this.#order, ...this.#live]);
    const footnotes: Footnote[] = [];
    for (const label of labels) {
      const blocks = this.#definitions.get(label);
      if (!blocks) continue;
      const before = this.#current[footnotes.length];
      const isAsBefore = before?.label === label && before.blocks === blocks;
      footnotes.push(isAsBefore ? before : { label, number: footnotes.length + 1, blocks });
    }
    const isSame =
      footnotes.length === this.#current.length &&
      footnotes.every((footnote, i) => footnote === this.#current[i]);
    if (!isSame) this.#current = footnotes;
    return this.#current;
  }
}

/**
 * The numbers of footnotes, told to each reference by itself: React would search all of a long answer for
 * those that read them from a context, with every footnote that comes.
 */
export class FootnoteNumbers {
  #numbers: ReadonlyMap<string, number> = new Map();
  #streaming = true;
  readonly #listeners = new Set<() => void>();

  /** `awaited` while the answer may still define it. */
  of(label: string): number | 'awaited' | undefined {
    return this.#numbers.get(label) ?? (this.#streaming ? 'awaited' : undefined);
  }

  set(footnotes: Footnotes, streaming: boolean): void {
    this.#streaming = streaming;
    this.#numbers = new Map(footnotes.map(({ label, number }) => [label, number]));
    for (const listener of this.#listeners) listener();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}
