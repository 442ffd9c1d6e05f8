import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { MarkdownDocument, type View } from '../../packages/web/src/markdown/document.ts';
import { markdownParser } from '../../packages/web/src/markdown/grammar.ts';
import type { Block } from '../../packages/web/src/markdown/nodes.ts';
import { anyMarkdown, cuts, longAnswer } from './markdown-text.ts';

function read(text: string): View {
  return new MarkdownDocument().update(text, false);
}

function blocksOf({ groups }: View): Block[] {
  return groups.flat().map(({ block }) => block);
}

const EVERYWHERE = Array.from({ length: 1_000 }, (_, i) => i);

/** A few places, or every one. */
const anyCuts = fc.oneof(
  fc.array(fc.nat(), { maxLength: 30, size: 'max' }),
  fc.constant(EVERYWHERE),
);

/** What the view is while this is all there is of the text. */
function shownSoFar(text: string): string {
  return JSON.stringify(blocksOf(new MarkdownDocument().update(text, true)));
}

test('a text that came in pieces ends as if it had been read at once', () => {
  fc.assert(
    fc.property(anyMarkdown, anyCuts, (text, positions) => {
      const document = new MarkdownDocument();
      for (const part of cuts(text, positions)) document.update(part, true);
      const view = document.update(text, false);
      const whole = read(text);
      expect(view.groups.flat()).toEqual(whole.groups.flat());
      expect(view.footnotes).toEqual(whole.footnotes);
    }),
    {
      numRuns: 2_000,
      // Found by it once, after many more runs.
      examples: [
        ['1. a\n\n2. b', EVERYWHERE],
        ['[^1]\n[^1]: note\nword\n[r]: /u\n\n[r]: https://r.example\n', EVERYWHERE],
        [`| a |\n|---|\n${'[a](https://a.example) '.repeat(5)}\n[^1]: note\n\n    - `, EVERYWHERE],
      ],
    },
  );
}, 120_000);

test('what is finished stays the same object, and keeps its key', () => {
  const text = longAnswer(20_000);
  const document = new MarkdownDocument();
  const early = document.update(text.slice(0, 10_000), true).groups;
  const late = document.update(text.slice(0, 10_100), true).groups;
  expect(late[0]).toBe(early[0]);
  expect(early.length).toBeGreaterThan(2);
  expect(late.flat().map(({ key }) => key)).toEqual([
    ...new Set(late.flat().map(({ key }) => key)),
  ]);
});

type Input = Parameters<typeof markdownParser.createParse>[0];

/** Counts the characters that the parser looks at. */
function countReading(): () => number {
  let count = 0;
  const { createParse } = markdownParser;
  const spy = vi
    .spyOn(markdownParser, 'createParse')
    .mockImplementation((input, fragments, ranges) => {
      const counting: Input = {
        length: input.length,
        lineChunks: true,
        read: (from, to) => input.read(from, to),
        chunk(from) {
          const text = input.chunk(from);
          const end = text.indexOf('\n');
          const line = end < 0 ? text : text.slice(0, Math.max(end, 1));
          count += line.length;
          return line;
        },
      };
      return createParse.call(markdownParser, counting, fragments, ranges);
    });
  onTestFinished(() => spy.mockRestore());
  return () => count;
}

function readingOf(text: string, chunk: number): number {
  const count = countReading();
  const document = new MarkdownDocument();
  for (let end = chunk; end < text.length; end += chunk) document.update(text.slice(0, end), true);
  document.update(text, false);
  return count();
}

test('the work of 5,000 chunks grows with the length of the answer, not with its square', () => {
  const short = longAnswer(50_000);
  const long = longAnswer(200_000);
  const shortWork = readingOf(short, 40) / short.length;
  vi.restoreAllMocks();
  const longWork = readingOf(long, 40) / long.length;
  console.log(`each character was read ${shortWork.toFixed(1)} and ${longWork.toFixed(1)} times`);
  // How often each character is read: by the blocks it is in, whatever came before.
  expect(longWork).toBeLessThan(6);
  expect(longWork / shortWork).toBeLessThan(1.3);
}, 60_000);

test('one fence of 200,000 characters is read at its end only', () => {
  const text = `\`\`\`js\n${'let some = code;\n'.repeat(12_000)}`;
  expect(readingOf(text, 40) / text.length).toBeLessThan(5);
}, 60_000);

test.each([
  ['a bold word', 'Some **bold wor', 'Some **bold wor**'],
  ['a bold word with half its end', 'Some **bold word*', 'Some **bold word**'],
  ['a mark and nothing after it', 'Some **', 'Some'],
  ['code', 'Call `do_th', 'Call `do_th`'],
  ['nested marks', '***a** b `c', '***a** b `c`*'],
  ['strikethrough', 'It is ~~gone', 'It is ~~gone~~'],
  ['a link whose words come', 'See [the docu', 'See the docu'],
  ['a link whose address comes', 'See [the docs](https://exam', 'See the docs'],
  ['a link whose words are there', 'See [the docs]', 'See the docs'],
  ['an image', 'See ![a cat](https://ex', 'See a cat'],
  ['a bare address', 'See https://exam', 'See https\\://exam'],
  ['an address in angles', 'See <https://exam', 'See'],
  ['a heading mark', 'Text\n\n##', 'Text'],
  ['an underline that may be a heading', 'Text\n--', 'Text'],
  ['a list mark', 'Text\n\n-', 'Text'],
  ['a number', 'Text\n\n12.', 'Text'],
  ['a fence that opens', 'Text\n\n``', 'Text'],
  ['the head of a table', '| a | b', '| a | b |\n|---|---|'],
  ['half the second line of a table', '| a | b |\n|--', '| a | b |\n|---|---|'],
  ['a cell', '| a |\n|---|\n| **b', '| a |\n|---|\n| **b**'],
  ['a formula', 'So \\(x + 1', 'So'],
  ['a formula of dollars', 'So $\\frac{1}{2', 'So'],
  ['a formula of lines', 'So\n\n$$\nx + 1', 'So'],
  ['a footnote', 'So[^no', 'So'],
  ['a backslash', 'So \\', 'So'],
  ['a task', '- [ ', ''],
])('%s that is half there is shown calmly', (_, half, calm) => {
  expect(shownSoFar(half)).toBe(JSON.stringify(blocksOf(read(calm))));
});

test('a price stays a price while it comes', () => {
  expect(shownSoFar('It costs $5 and $10')).toContain('It costs $5 and $10');
});

test('the language of a fence is not shown before it is there', () => {
  expect(shownSoFar('```pyth')).toContain('"language":""');
  expect(shownSoFar('```python\n')).toContain('"language":"python"');
  expect(shownSoFar('```python\nx\n``')).toContain('"text":"x"');
});

test('a definition counts in all blocks, before and after it, and the first one counts', () => {
  const text =
    'See [one][a].\n\n[a]: https://first.example\n\nAnd [a].\n\n[A]: https://second.example\n';
  const links = JSON.stringify(blocksOf(read(text)));
  expect(links.match(/https:\/\/first\.example/g)?.length).toBe(2);
  expect(links).not.toContain('second');
});

test('a link whose definition is still to come is shown as its words, and becomes one', () => {
  const document = new MarkdownDocument();
  const before = document.update('See [one][a].\n\nMore.\n\nText\n', true);
  expect(JSON.stringify(blocksOf(before))).toContain('See [one][a].');
  const after = document.update(
    'See [one][a].\n\nMore.\n\nText\n\n[a]: https://a.example\n\nEnd\n',
    true,
  );
  expect(JSON.stringify(blocksOf(after)[0])).toContain('"url":"https://a.example/"');
  // Only the block that waited for it is another one.
  expect(blocksOf(after)[1]).toBe(blocksOf(before)[1]);
});

test('footnotes are numbered by their first reference, wherever they are defined', () => {
  const { footnotes } = read('A[^b] and B[^a] and C[^none].\n\n[^a]: Second.\n[^b]: First.\n');
  expect(footnotes.map(({ label, number }) => [label, number])).toEqual([
    ['b', 1],
    ['a', 2],
  ]);
});

test.each([
  ['costs $5 and $10', 0],
  ['US$5 or 6$ in total', 0],
  ['from $HOME to $PATH', 0],
  ['$5 for you, and 6$ for me', 0],
  ['`$a$` and \\$b\\$', 0],
  ['so $x$ is $x^2 + 1$', 2],
  ['so \\(x\\) and \\[y\\] and $$z$$', 3],
  ['> $$\n> a\n> + b\n> $$', 1],
  ['- item\n\n  $$\n  a\n  = b\n  $$', 1],
])('mathematics in %j: %i', (text, count) => {
  expect(JSON.stringify(blocksOf(read(text))).match(/"type":"math"/g)?.length ?? 0).toBe(count);
});

test.each([
  ['quotations', '>'.repeat(10_000)],
  ['quotations in many lines', `${'>'.repeat(200)}a\n`.repeat(500)],
  ['lists', '- '.repeat(10_000)],
  ['lists in many lines', Array.from({ length: 300 }, (_, i) => `${'  '.repeat(i)}- x`).join('\n')],
  ['brackets', '['.repeat(100_000)],
  ['closed brackets', '['.repeat(20_000) + ']'.repeat(20_000)],
  ['links', '[a]('.repeat(25_000)],
  ['images', '![a]('.repeat(25_000)],
  ['emphasis', '*a **b '.repeat(20_000)],
  ['stars', `${'*'.repeat(30_000)}a${'*'.repeat(30_000)}`],
  ['backticks', Array.from({ length: 400 }, (_, i) => '`'.repeat(i)).join('a')],
  [
    'a table',
    `|${'a|'.repeat(300)}\n|${'-|'.repeat(300)}\n${`|${'b|'.repeat(300)}\n`.repeat(333)}`,
  ],
  ['formulas', '\\('.repeat(30_000)],
  ['dollars', '$a'.repeat(30_000)],
  ['angles', '<'.repeat(60_000)],
  ['definitions', Array.from({ length: 5_000 }, (_, i) => `[${i}]: /u`).join('\n')],
  ['footnotes', Array.from({ length: 3_000 }, (_, i) => `[^${i}]: x[^${i + 1}]`).join('\n')],
  ['one line', 'word '.repeat(40_000)],
])('%s without end are read in time, at once and while they come', (_, text) => {
  const began = performance.now();
  read(text);
  const document = new MarkdownDocument();
  for (let end = 4_000; end < text.length; end += 4_000) document.update(text.slice(0, end), true);
  document.update(text, false);
  // The browser's tests hold single steps to 200 ms; this finds what is quadratic.
  expect(performance.now() - began).toBeLessThan(10_000);
});

test('an address among the words of a link is not where it leads', () => {
  const [block] = blocksOf(read('[https://bank.example](https://evil.example)'));
  expect(JSON.stringify(block)).toContain('"url":"https://evil.example/"');
  expect(JSON.stringify(block)).not.toContain('"url":"https://bank.example/"');
});
