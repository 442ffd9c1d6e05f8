/** The footnotes of an answer, numbered in the order in which they are first referred to. */
import type { Block } from './nodes.ts';

interface Footnote {
  readonly label: string;
  readonly number: number;
  readonly blocks: readonly Block[];
}

/** In order; the same object as long as nothing has changed. */
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
      if (blocks) footnotes.push({ label, number: footnotes.length + 1, blocks });
    }
    const isSame =
      footnotes.length === this.#current.length &&
      footnotes.every(
        ({ label, blocks }, i) =>
          label === this.#current[i]?.label && blocks === this.#current[i]?.blocks,
      );
    if (!isSame) this.#current = footnotes;
    return this.#current;
  }
}
