/**
 * What a word is, when two are the same, and which part of a text a hit shows. An index is given its
 * texts in this form, so that a text is found by the same words whether it is indexed or not.
 */
import { STORE_LIMITS } from './store.ts';

const WORD = /[\p{L}\p{N}\p{M}\p{Co}]+/gu;
const ASCII = /^[\x20-\x7e\s]*$/;
const SNIPPET_LENGTH = 200;
/** How much of a snippet may stand before the match. */
const LEAD = 60;

/** The words of a search, folded; the last one is a prefix. */
export type Query = readonly string[];

export function parseQuery(text: string): Query {
  const words: string[] = [];
  for (const [word] of text.matchAll(WORD)) {
    const folded = fold(word);
    if (folded !== '') words.push(folded);
    if (words.length === STORE_LIMITS.words) break;
  }
  return words;
}

/** Whether `content` has every word of the query. */
export function matches(content: string, query: Query): boolean {
  const words = wordsOf(content);
  const prefix = query.at(-1);
  if (prefix === undefined) return false;
  return (
    query.slice(0, -1).every((word) => words.has(word)) &&
    words.values().some((word) => word.startsWith(prefix))
  );
}

/** The text around the first match, at most 200 UTF-16 code units, no character cut in two. */
export function makeSnippet(content: string, query: Query): string {
  if (content.length <= SNIPPET_LENGTH) return content;
  const latest = content.length - SNIPPET_LENGTH;
  let start = Math.min(Math.max(0, firstMatch(content, query) - LEAD), latest);
  let end = start + SNIPPET_LENGTH;
  const before = start > 0 ? '…' : '';
  const after = end < content.length ? '…' : '';
  start += before.length;
  end -= after.length;
  if (isLowSurrogate(content, start)) start += 1;
  if (isLowSurrogate(content, end)) end -= 1;
  return before + content.slice(start, end) + after;
}

function firstMatch(content: string, query: Query): number {
  const prefix = query.at(-1) ?? '';
  const whole = new Set(query.slice(0, -1));
  for (const match of content.matchAll(WORD)) {
    const word = fold(match[0]);
    if (whole.has(word) || word.startsWith(prefix)) return match.index;
  }
  return 0;
}

/** The text for an index: its words folded, or as it is where any tokenizer sees the same words. */
export function toIndexable(content: string): string {
  if (ASCII.test(content)) return content;
  return Array.from(content.matchAll(WORD), ([word]) => fold(word)).join(' ');
}

/** The folded words of a text, each once. */
export function wordsOf(content: string): Set<string> {
  const words = new Set<string>();
  for (const [word] of content.matchAll(WORD)) {
    const folded = fold(word);
    if (folded !== '') words.add(folded);
  }
  return words;
}

/** Without case and diacritics. Letter by letter, so that the `Σ` at the end of a word is a `σ`, too. */
function fold(word: string): string {
  if (ASCII.test(word)) return word.toLowerCase();
  return word
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .normalize('NFC')
    .replace(/\p{Lu}/gu, (letter) => letter.toLowerCase())
    .replaceAll('ς', 'σ');
}

function isLowSurrogate(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  return unit >= 0xdc00 && unit <= 0xdfff;
}
