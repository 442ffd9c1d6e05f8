/** A fence that is still open. Its lines are only looked at for the one that closes it. */
import type { Tree } from '@lezer/common';
import type { Block } from './nodes.ts';

export class OpenFence {
  /** Where it begins in the tail. */
  readonly from: number;
  readonly #textFrom: number;
  readonly #closer: RegExp;
  readonly #halfCloser: RegExp;
  readonly #language: string;
  #read: number;

  private constructor(from: number, textFrom: number, mark: string, language: string) {
    const char = mark[0] as string;
    this.from = from;
    this.#textFrom = textFrom;
    this.#closer = new RegExp(`^ {0,3}${char}{${mark.length},}[ \\t]*\\r?$`);
    this.#halfCloser = new RegExp(`^ {0,3}${char}*$`);
    this.#language = language;
    this.#read = textFrom;
  }

  /** If the tail is, from `boundary` on, one fence at the margin that is not closed. */
  static at(tree: Tree, tail: string, boundary: number): OpenFence | undefined {
    const node = tree.topNode.lastChild;
    if (node?.name !== 'FencedCode' || node.from !== boundary) return undefined;
    if (node.getChildren('CodeMark').length > 1) return undefined;
    const mark = node.firstChild;
    const textFrom = tail.indexOf('\n', node.from) + 1;
    if (!mark || textFrom === 0) return undefined;
    const info = tail.slice(mark.to, textFrom).trim();
    // The tree's own reading is kept where the first line needs more than a look.
    if (/[&\\]/.test(info)) return undefined;
    const language = (info.split(/[\s{,:]/, 1)[0] ?? '').toLowerCase().slice(0, 40);
    return new OpenFence(0, textFrom - boundary, tail.slice(mark.from, mark.to), language);
  }

  /** The code so far; `undefined` when the fence has been closed. */
  read(tail: string): Block | undefined {
    for (;;) {
      const end = tail.indexOf('\n', this.#read);
      if (end < 0) break;
      if (this.#closer.test(tail.slice(this.#read, Math.min(end, this.#read + 200))))
        return undefined;
      this.#read = end + 1;
    }
    const isHalf = this.#halfCloser.test(tail.slice(this.#read, this.#read + 200));
    const end = isHalf ? Math.max(this.#textFrom, this.#read - 1) : tail.length;
    const text = tail.slice(this.#textFrom, end);
    return { type: 'code', language: this.#language, text, closed: false };
  }
}
