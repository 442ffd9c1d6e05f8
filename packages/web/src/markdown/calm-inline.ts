/** What is open at the end of a paragraph, heading or cell, closed or held back. */
import type { Mending } from './calm.ts';

/** A formula that has no end after so many characters is none, UTF-16 code units. */
const MAX_HELD_BACK = 1_000;

interface Opener {
  readonly mark: string;
  readonly at: number;
  count: number;
}

/** For the text from `from` to its end. `undefined` where nothing is open. */
export function completeInline(text: string, from: number): Mending | undefined {
  const openers: Opener[] = [];
  let at = from;
  while (at < text.length) {
    const char = text[at] as string;
    const rest = text.length - at;
    switch (char) {
      case '\\':
        if (rest === 1) return close(text, at, openers);
        if (isOpenMath(text, at, text[at + 1] === '(' ? '\\)' : '\\]')) {
          return close(text, at, openers);
        }
        at += 2;
        break;
      case '`': {
        const run = runLength(text, at);
        const end = findRun(text, at + run, run);
        if (end < 0) {
          if (rest === run) return close(text, at, openers);
          // What follows is code up to where the text ends now; a half mark at its end is left out.
          const code = text.slice(0).replace(/`+$/, '');
          return close(code, code.length, openers, '`'.repeat(run));
        }
        at = end;
        break;
      }
      case '$': {
        const end = endOfMath(text, at);
        if (end < 0) return close(text, at, openers);
        at = end;
        break;
      }
      case '<':
        if (
          /^<(?:https?:|mailto:|h?t?t?p?s?$|b?r? ?\/?$)[^\s<>]*$/i.test(text.slice(at, at + 2_100))
        ) {
          return close(text, at, openers);
        }
        at += 1;
        break;
      case '!':
      case '[': {
        const bracket = char === '!' ? at + 1 : at;
        if (text[bracket] !== '[') {
          if (char === '!' && rest === 1) return undefined;
          at += 1;
          break;
        }
        const link = openLink(text, bracket);
        if (link === 'none') {
          at = bracket + 1;
          break;
        }
        if (typeof link === 'number') {
          at = link;
          break;
        }
        // Its words without the address that is on its way.
        const inner = completeInline(link.words, 0);
        const words = inner ? link.words.slice(0, inner.at) + inner.text : link.words;
        return close(text, at, openers, words.trimEnd());
      }
      case '*':
      case '_':
      case '~': {
        const run = runLength(text, at);
        if (rest === run) return close(text, at, openers);
        emphasis(openers, text, at, run, from);
        at += run;
        break;
      }
      default:
        at += 1;
    }
  }
  return openers.length > 0 ? close(text, text.length, openers) : undefined;
}

function close(text: string, at: number, openers: readonly Opener[], middle = ''): Mending {
  let end = at;
  if (middle === '') while (end > 0 && /[ \t]/.test(text[end - 1] as string)) end -= 1;
  let closers = '';
  for (const { mark, at: openerAt, count } of [...openers].reverse()) {
    // Nothing follows the mark yet.
    if (middle === '' && closers === '' && openerAt + count >= end) end = openerAt;
    else closers += mark.repeat(count);
  }
  return { at: end, text: middle + closers };
}

function emphasis(openers: Opener[], text: string, at: number, run: number, from: number): void {
  const mark = text[at] as string;
  if (mark === '~' && run !== 2) return;
  const before = at > from ? (text[at - 1] as string) : ' ';
  const after = text[at + run] as string;
  const isWordBefore = /[\p{L}\p{N}]/u.test(before);
  let count = run;
  if (!/\s/.test(before) && (mark !== '_' || !/[\p{L}\p{N}]/u.test(after))) {
    for (let i = openers.length - 1; i >= 0 && count > 0; i -= 1) {
      const opener = openers[i];
      if (opener?.mark !== mark) continue;
      const used = Math.min(count, opener.count);
      count -= used;
      opener.count -= used;
      // What stands between is text.
      openers.length = opener.count > 0 ? i + 1 : i;
    }
  }
  if (count > 0 && count <= 3 && !/\s/.test(after) && !isWordBefore && openers.length < 20) {
    openers.push({ mark, at: at + run - count, count });
  }
}

function runLength(text: string, at: number): number {
  let end = at;
  while (text[end] === text[at]) end += 1;
  return end - at;
}

/** Where a run of exactly `length` backticks ends; -1 where there is none. */
function findRun(text: string, from: number, length: number): number {
  let at = text.indexOf('`', from);
  while (at >= 0) {
    const run = runLength(text, at);
    if (run === length) return at + run;
    at = text.indexOf('`', at + run);
  }
  return -1;
}

function isOpenMath(text: string, at: number, closer: string): boolean {
  if (text[at + 1] !== '(' && text[at + 1] !== '[') return false;
  return text.length - at < MAX_HELD_BACK && text.indexOf(closer, at + 2) < 0;
}

/** Where to go on after a dollar; -1 where a formula is open. */
function endOfMath(text: string, at: number): number {
  const isDisplay = text[at + 1] === '$';
  const marks = isDisplay ? '$$' : '$';
  const end = text.indexOf(marks, at + marks.length);
  if (end >= 0) return isDisplay ? end + 2 : at + 1;
  const content = text.slice(at + marks.length);
  if (content.length > MAX_HELD_BACK) return at + marks.length;
  if (isDisplay) return -1;
  // A dollar may be a price; only what looks like a formula is held back.
  return /^(?=[^\s\d$])[^\n]*[\\^_{]/.test(content) ? -1 : at + 1;
}

/** What follows a `[`: where a finished link ends, the words of a half one, or no link. */
function openLink(text: string, bracket: number): number | 'none' | { readonly words: string } {
  if (text.length - bracket > 4_000) return 'none';
  let depth = 0;
  let at = bracket;
  for (; at < text.length; at += 1) {
    const char = text[at];
    if (char === '\\') at += 1;
    else if (char === '[') depth += 1;
    else if (char === ']') {
      depth -= 1;
      if (depth === 0) break;
    }
  }
  const words = text.slice(bracket + 1, at);
  if (words.startsWith('^')) return at < text.length ? at + 1 : { words: '' };
  if (at >= text.length) return { words };
  const next = text[at + 1];
  if (next === undefined) return { words };
  if (next !== '(' && next !== '[') return 'none';
  const end = next === '(' ? endOfTarget(text, at + 1) : text.indexOf(']', at + 1);
  return end < 0 ? { words } : end + 1;
}

function endOfTarget(text: string, paren: number): number {
  let depth = 0;
  for (let at = paren; at < text.length; at += 1) {
    const char = text[at];
    if (char === '\\') at += 1;
    else if (char === '(') depth += 1;
    else if (char === ')') {
      depth -= 1;
      if (depth === 0) return at;
    } else if (char === '\n' && text[at + 1] === '\n') return at;
  }
  return -1;
}
