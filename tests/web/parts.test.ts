import type { Step } from '@parley/client';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AnswerParts } from '../../packages/web/src/conversation/parts.ts';

const call = (id: string, offset: number): Step => ({
  kind: 'tool',
  id,
  name: 'search',
  arguments: {},
  offset,
});

/** `‸` marks where a call stands; in the result they are shown as `[a]`, `[b]` … */
function cut(marked: string): string[] {
  const steps: Step[] = [];
  const pieces = marked.split('‸');
  let text = '';
  for (const [index, piece] of pieces.entries()) {
    text += piece;
    if (index + 1 < pieces.length) {
      steps.push(call(String.fromCharCode(97 + index), text.length));
    }
  }
  return shown(new AnswerParts(), text, steps);
}

function shown(parts: AnswerParts, text: string, steps: readonly Step[]): string[] {
  return parts
    .update(text, steps)
    .map((part) =>
      part.kind === 'text' ? part.text.trim() : `[${part.steps.map(({ id }) => id).join(' ')}]`,
    );
}

describe('where a call stands in an answer', () => {
  test.each([
    ['before the text', '‸Found it.', ['[a]', 'Found it.']],
    ['after the text', 'Let me look.‸', ['Let me look.', '[a]']],
    ['in the middle of it', 'Let me look.‸Found it.', ['Let me look.', '[a]', 'Found it.']],
    ['in a sentence', 'Let me ‸ look.', ['Let me', '[a]', 'look.']],
    ['several at one place', 'One.‸‸\n\n‸Two.', ['One.', '[a b c]', 'Two.']],
    ['between paragraphs', 'One.\n\n‸Two.‸\n\nThree.', ['One.', '[a]', 'Two.', '[b]', 'Three.']],
    ['between list and text', '- one\n- two\n\n‸Text', ['- one\n- two', '[a]', 'Text']],
    ['after a heading', '# One\n‸Two', ['# One', '[a]', 'Two']],
    ['after code', '```js\na\n```\n‸Text', ['```js\na\n```', '[a]', 'Text']],
    ['no text at all', '‸‸', ['[a b]']],
  ])('%s', (_, marked, expected) => {
    expect(cut(marked)).toEqual(expected);
  });

  test.each([
    ['code', '```js\na‸\n\nb\n```\nText', ['```js\na\n\nb\n```', '[a]', 'Text']],
    ['code without a language', '```‸\na\n```\nText', ['```\na\n```', '[a]', 'Text']],
    [
      'code with a fence in it',
      '````\n```‸\n```\n````\nText',
      ['````\n```\n```\n````', '[a]', 'Text'],
    ],
    ['code with tildes', '~~~\n```‸\n~~~\nText', ['~~~\n```\n~~~', '[a]', 'Text']],
    [
      'code in a list',
      '- one\n  ```\n  a‸\n  ```\n\nText',
      ['- one\n  ```\n  a\n  ```', '[a]', 'Text'],
    ],
    ['code that stays open', '```\na‸\n\nb', ['```\na\n\nb', '[a]']],
    [
      'a table',
      '| a |\n|---|\n| 1‸ |\n| 2 |\n\nText',
      ['| a |\n|---|\n| 1 |\n| 2 |', '[a]', 'Text'],
    ],
    ['the head of one', '| a ‸|\n|---|\n| 1 |\n\nText', ['| a |\n|---|\n| 1 |', '[a]', 'Text']],
    ['a head without bars', 'a ‸| b\n--|--\n1 | 2\n\nText', ['a | b\n--|--\n1 | 2', '[a]', 'Text']],
    ['a formula', '$$\na‸\n+ b\n$$\nText', ['$$\na\n+ b\n$$', '[a]', 'Text']],
    ['one in brackets', '\\[\na‸\n\\]\nText', ['\\[\na\n\\]', '[a]', 'Text']],
    ['one on a line', '$$ a‸ + b $$\nText', ['$$ a + b $$', '[a]', 'Text']],
    ['one in a sentence', 'So $a ‸+ b$ is so.', ['So $a + b$', '[a]', 'is so.']],
    ['bold words', 'So **it ‸is** so.', ['So **it is**', '[a]', 'so.']],
    [
      'a link',
      'See [the ‸page](https://x.org) now.',
      ['See [the page](https://x.org)', '[a]', 'now.'],
    ],
    ['a list', '1. one‸\n2. two\n\nText', ['1. one\n2. two', '[a]', 'Text']],
    ['a quotation', '> one‸\n> two\n\nText', ['> one\n> two', '[a]', 'Text']],
    ['a heading', '# One‸ two\nText', ['# One two', '[a]', 'Text']],
  ])('not in %s, but after it', (_, marked, expected) => {
    expect(cut(marked)).toEqual(expected);
  });

  test('a mark that nothing ends tears nothing', () => {
    expect(cut('2 * 3‸ and `so')).toEqual(['2 * 3', '[a]', 'and `so']);
  });
});

const piece = fc.oneof(
  fc.constantFrom('\n', '\n\n', '```\n', '```js\n', '| a | b |\n', '|---|---|\n', '$$\n', '$$'),
  fc.constantFrom(
    '**',
    '`',
    '$x$',
    '- one\n',
    '1. two\n',
    '> quote\n',
    '# Head\n',
    '    ',
    '[a](b)',
  ),
  fc.constantFrom('word ', 'words. ', '\\[\n', '\\]\n', '~~~\n'),
);

test('[R7] an answer that grew is cut like one that came whole, and no word is lost', () => {
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 30 }),
      fc.array(fc.nat(100), { maxLength: 4 }),
      (pieces, places) => {
        const whole = pieces.join('');
        const offsets = places
          .map((place) => Math.floor((place * whole.length) / 100))
          .sort((a, b) => a - b);
        const steps = offsets.map((offset, index) => call(`${index}`, offset));
        const growing = new AnswerParts();
        let text = '';
        for (const part of ['', ...pieces]) {
          text += part;
          growing.update(
            text,
            steps.filter(({ offset }) => offset <= text.length),
          );
        }
        const parts = growing.update(whole, steps);
        expect(parts).toEqual(new AnswerParts().update(whole, steps));
        const written = parts.map((part) => (part.kind === 'text' ? part.text : '')).join('');
        expect(written.replace(/\s/g, '')).toBe(whole.replace(/\s/g, ''));
        const ids = parts.flatMap((part) => (part.kind === 'steps' ? part.steps : []));
        expect(ids).toEqual(steps);
      },
    ),
    { numRuns: 2_000 },
  );
});
