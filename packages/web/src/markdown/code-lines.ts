/** Code in groups of lines, of which only the last one changes while code is added. */
import { continues } from './continues.ts';
import type { Highlighted, TokenLine } from './highlight.ts';

/** Lines in a group. */
const GROUP_SIZE = 50;

/** The same object as long as nothing in it changes. */
export interface LineGroup {
  readonly index: number;
  /** With the line breaks. */
  readonly text: string;
  /** One entry for each line, if all of them are highlighted. */
  readonly tokens: readonly TokenLine[] | undefined;
}

export class CodeLines {
  #code = '';
  #groups: LineGroup[] = [];
  /** Where the last group begins. */
  #lastFrom = 0;

  /** The groups of a code. Costs what was added, if the code begins with the last one. */
  update(code: string, highlighted: Highlighted | undefined): readonly LineGroup[] {
    if (!continues(code, this.#code)) {
      this.#groups = [];
      this.#lastFrom = 0;
    }
    this.#code = code;
    this.#groups = this.#groups.slice(0, -1);
    let from = this.#lastFrom;
    while (from < code.length) {
      const end = endOfGroup(code, from);
      const text = code.slice(from, end);
      this.#groups.push({ index: this.#groups.length, text, tokens: undefined });
      this.#lastFrom = from;
      from = end;
    }
    const lines = highlighted && continues(code, highlighted.code) ? highlighted.lines : [];
    const isWhole = highlighted?.code === code;
    return this.#groups.map((group, index) => this.#withTokens(group, index, lines, isWhole));
  }

  #withTokens(
    group: LineGroup,
    index: number,
    lines: readonly TokenLine[],
    isWhole: boolean,
  ): LineGroup {
    const from = index * GROUP_SIZE;
    const hasEnd = group.text.endsWith('\n');
    const count = group.text.split('\n').length - (hasEnd ? 1 : 0);
    const tokens = lines.slice(from, from + count);
    // Lines that came after the last highlighting stay plain until the next one.
    const complete = tokens.length === count && (hasEnd || isWhole) ? tokens : undefined;
    if (isSame(complete, group.tokens)) return group;
    const replaced = { ...group, tokens: complete };
    this.#groups[index] = replaced;
    return replaced;
  }
}

function endOfGroup(code: string, from: number): number {
  let end = from;
  for (let count = 0; count < GROUP_SIZE; count += 1) {
    const lineEnd = code.indexOf('\n', end);
    if (lineEnd < 0) return code.length;
    end = lineEnd + 1;
  }
  return end;
}

function isSame(a: readonly TokenLine[] | undefined, b: readonly TokenLine[] | undefined): boolean {
  if (!a || !b) return a === b;
  return a.length === b.length && a.every((line, i) => line === b[i]);
}
