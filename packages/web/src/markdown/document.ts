/** An answer that grows, read once: what is complete stays as it is, and only its end is read again. */
import type { SyntaxNode, Tree } from '@lezer/common';
import { TreeFragment } from '@lezer/common';
import { calmEnd } from './calm.ts';
import { continues } from './continues.ts';
import { type Conversion, convertBlock, convertBlocks, findBlocks, Memo } from './convert.ts';
import { Definitions } from './definitions.ts';
import { FootnoteList, type Footnotes } from './footnotes.ts';
import { markdownParser } from './grammar.ts';
import type { Block } from './nodes.ts';
import { OpenFence } from './open-fence.ts';

/** A block directly in the answer. The same text gives the same object, as long as it is shown. */
export interface ShownBlock {
  /** Where it begins in the answer. */
  readonly key: number;
  readonly block: Block;
}

/** What is shown of an answer. Whatever has not changed since the last one is the same object. */
export interface View {
  /** The blocks in order, in groups, so that what is finished is passed over quickly. */
  readonly groups: readonly (readonly ShownBlock[])[];
  readonly footnotes: Footnotes;
}

/** Blocks in a group. */
const GROUP_SIZE = 32;

/** What comes after is shown as it is, UTF-16 code units. */
const MAX_TEXT = 1_000_000;

/** A settled block that refers to what is not defined yet. */
interface Settled {
  /** Its place among the blocks; -1 where it shows nothing there. */
  readonly index: number;
  readonly source: string;
  readonly key: number;
  /** The footnotes in it. */
  readonly labels: readonly string[];
}

interface Settling {
  readonly tree: Tree;
  readonly tail: string;
  readonly from: number;
  readonly to: number;
}

/** @example new MarkdownDocument().update('# Hello', false).groups */
export class MarkdownDocument {
  #text = '';
  #streaming = true;
  #view: View | undefined;
  /** The groups of what is settled. */
  #groups: ShownBlock[][] = [];
  #count = 0;
  /** Where what is not settled begins. */
  #base = 0;
  #tree: Tree | undefined;
  #treeText = '';
  #fence: OpenFence | undefined;
  #definitions = new Definitions();
  #footnotes = new FootnoteList();
  #memo = new Memo();
  /** By the label that is waited for. */
  #waiting = new Map<string, Settled[]>();

  /**
   * The view of a text. Costs what has been added, and the last block, if the text begins with the last
   * one; a text that does not is read from its beginning. While `streaming`, what is half there at the
   * end is shown calmly. Afterwards the result is the same, however the text came.
   */
  update(text: string, streaming: boolean): View {
    if (this.#view && text === this.#text && streaming === this.#streaming) return this.#view;
    if (!continues(text, this.#text) || !this.#streaming) this.#reset();
    this.#text = text;
    this.#streaming = streaming;
    const formatted = text.slice(0, MAX_TEXT);
    const live = this.#readTail(formatted, streaming && text.length <= MAX_TEXT);
    const groups = this.#group(live);
    if (text.length > MAX_TEXT) {
      groups.push([{ key: MAX_TEXT, block: { type: 'plain', text: text.slice(MAX_TEXT) } }]);
    }
    this.#view = { groups, footnotes: this.#footnotes.current() };
    return this.#view;
  }

  /** A block keeps its group from the time when it is first shown. */
  #group(live: readonly ShownBlock[]): (readonly ShownBlock[])[] {
    const groups: (readonly ShownBlock[])[] = [...this.#groups];
    const last = groups.at(-1);
    const started = last && last.length < GROUP_SIZE ? last : [];
    if (started.length > 0) groups.pop();
    const rest = [...started, ...live];
    for (let at = 0; at < rest.length; at += GROUP_SIZE) {
      groups.push(rest.slice(at, at + GROUP_SIZE));
    }
    return groups;
  }

  #reset(): void {
    this.#groups = [];
    this.#count = 0;
    this.#base = 0;
    this.#tree = undefined;
    this.#treeText = '';
    this.#fence = undefined;
    this.#definitions = new Definitions();
    this.#footnotes = new FootnoteList();
    this.#memo = new Memo();
    this.#waiting = new Map();
  }

  #readTail(text: string, streaming: boolean): ShownBlock[] {
    const tail = text.slice(this.#base);
    if (streaming && this.#fence) {
      const block = this.#fence.read(tail);
      if (block) return [{ key: this.#base + this.#fence.from, block }];
    }
    this.#fence = undefined;
    const tree = this.#parse(tail);
    const boundary = this.#settle(tree, tail, streaming);
    if (!streaming) return this.#convertLive(tree, tail, boundary, -1);
    const mending = calmEnd(tail, tree);
    if (!mending || mending.at < boundary) {
      const live = this.#convertLive(tree, tail, boundary, tail.length);
      return this.#move(boundary, tree, tail, live);
    }
    const mended = tail.slice(0, mending.at) + mending.text;
    const mendedTree = markdownParser.parse(mended, common(tree, tail.length, mending.at, mended));
    const live = this.#convertLive(mendedTree, mended, boundary, mending.at);
    return this.#move(boundary, tree, tail, live);
  }

  /** Reads the tail, taking over what is as it was. */
  #parse(tail: string): Tree {
    const length = this.#treeText.length;
    const fragments = this.#tree ? common(this.#tree, length, length, tail) : [];
    this.#tree = markdownParser.parse(tail, fragments);
    this.#treeText = tail;
    return this.#tree;
  }

  /** Takes the blocks that cannot change any more out of the tail; returns where they end in it. */
  #settle(tree: Tree, tail: string, streaming: boolean): number {
    const to = streaming ? settledEnd(tree, tail) : tail.length;
    if (to === 0) return 0;
    const settling = { tree, tail, from: 0, to };
    this.#define(settling);
    if (!streaming) {
      this.#collectFootnotes(settling, new Set());
      return 0;
    }
    for (let node = tree.topNode.firstChild; node && node.from < to; node = node.nextSibling) {
      this.#settleBlock(node, tree, tail);
    }
    return to;
  }

  #settleBlock(node: SyntaxNode, tree: Tree, tail: string): void {
    const conversion = this.#conversion(tail, -1);
    const block = convertBlock(node, conversion);
    const { from, to } = node;
    const labels = this.#collectFootnotes({ tree, tail, from, to }, conversion.missing);
    const index = block ? this.#count : -1;
    const key = this.#base + from;
    for (const label of conversion.missing) {
      const settled = { index, source: tail.slice(lineStart(tail, from), to), key, labels };
      const waiting = this.#waiting.get(label);
      if (waiting) waiting.push(settled);
      else this.#waiting.set(label, [settled]);
    }
    if (!block) return;
    this.#footnotes.refer(conversion.footnotes);
    const last = this.#groups.at(-1);
    if (last && last.length < GROUP_SIZE) {
      this.#groups[this.#groups.length - 1] = [...last, { key, block }];
    } else this.#groups.push([{ key, block }]);
    this.#count += 1;
  }

  /** Definitions are known everywhere: blocks that waited for them are read again. */
  #define({ tree, tail, from, to }: Settling): void {
    const affected = new Map<number, Settled>();
    for (const node of findBlocks(tree, 'LinkReference', from, to)) {
      const label = node.getChild('LinkLabel');
      const url = node.getChild('URL');
      if (!label || !url) continue;
      const name = tail.slice(label.from + 1, label.to - 1);
      const key = this.#definitions.add(name, tail.slice(url.from, url.to));
      if (key === undefined) continue;
      this.#memo = new Memo();
      for (const settled of this.#waiting.get(key) ?? []) affected.set(settled.key, settled);
      this.#waiting.delete(key);
    }
    for (const settled of affected.values()) this.#readAgain(settled);
  }

  #readAgain({ index, source, key, labels }: Settled): void {
    const tree = markdownParser.parse(source);
    const node = tree.topNode.firstChild;
    const block = node && convertBlock(node, this.#conversion(source, -1));
    if (block && index >= 0) {
      const group = Math.floor(index / GROUP_SIZE);
      const shown = { key, block };
      this.#groups[group] = (this.#groups[group] ?? []).with(index % GROUP_SIZE, shown);
    }
    this.#footnotes.forget(labels);
    const whole = { tree, tail: source, from: 0, to: source.length };
    this.#collectFootnotes(whole, new Set());
  }

  /** Returns the labels of the footnotes that had not been defined before. */
  #collectFootnotes({ tree, tail, from, to }: Settling, missing: Set<string>): string[] {
    const labels: string[] = [];
    for (const node of findBlocks(tree, 'FootnoteDefinition', from, to)) {
      const mark = node.getChild('FootnoteLabel');
      if (!mark) continue;
      const label = tail.slice(mark.from + 2, mark.to - 2);
      const conversion = { ...this.#conversion(tail, -1), missing };
      if (this.#footnotes.define(label, convertBlocks(node, conversion))) labels.push(label);
    }
    return labels;
  }

  #convertLive(tree: Tree, source: string, from: number, openEnd: number): ShownBlock[] {
    const conversion = this.#conversion(source, openEnd);
    const live: ShownBlock[] = [];
    for (let node = tree.topNode.childAfter(from); node; node = node.nextSibling) {
      const block = convertBlock(node, conversion);
      if (block) live.push({ key: this.#base + node.from, block });
    }
    this.#footnotes.referLive(conversion.footnotes);
    return live;
  }

  #conversion(source: string, openEnd: number): Conversion {
    return {
      source,
      definitions: this.#definitions,
      missing: new Set(),
      footnotes: [],
      openEnd,
      memo: this.#memo,
    };
  }

  /** What is settled is left behind. */
  #move(boundary: number, tree: Tree, tail: string, live: ShownBlock[]): ShownBlock[] {
    this.#fence = OpenFence.at(tree, tail, boundary);
    if (boundary > 0) {
      this.#base += boundary;
      this.#tree = undefined;
      this.#treeText = '';
    }
    return live;
  }
}

/** What two texts have in common up to `at`. */
function common(tree: Tree, length: number, at: number, text: string): readonly TreeFragment[] {
  const from = Math.min(at, openFootnote(tree));
  return TreeFragment.applyChanges(TreeFragment.addTree(tree), [
    { fromA: from, toA: length, fromB: from, toB: text.length },
  ]);
}

/**
 * Where a footnote begins that is the last block. Indented lines may go on with it after any number of
 * blank ones; the parser knows that of its own lists, and would take ours over as finished.
 */
function openFootnote(tree: Tree): number {
  for (let node = tree.topNode.lastChild; node; node = node.lastChild) {
    if (node.name === 'FootnoteDefinition') return node.from;
  }
  return tree.length;
}

/**
 * Where the last block begins whose first line is complete and which stands after a blank line, or after a
 * block that ends with its own line. Nothing that comes later can change what is before it, save for
 * definitions.
 */
function settledEnd(tree: Tree, tail: string): number {
  const lastLine = tail.lastIndexOf('\n') + 1;
  for (let node = tree.topNode.lastChild; node; node = node.prevSibling) {
    const start = lineStart(tail, node.from);
    if (start === 0 || start >= lastLine) continue;
    const before = tail.slice(Math.max(0, start - 200), start);
    if (/\n[ \t]*\r?\n$/.test(before)) return start;
    const previous = node.prevSibling?.name ?? '';
    if (/^(?:ATXHeading\d|HorizontalRule|MathBlock)$/.test(previous)) return start;
  }
  return 0;
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf('\n', at - 1) + 1;
}
