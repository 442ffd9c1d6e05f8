/** Markdown that nobody thinks of, and Markdown as agents write it. */
import fc from 'fast-check';

const PIECES = [
  ...['word', 'a b c', ' ', '  ', '    ', '\n', '\n\n', '\n\n\n', '\t', '\r\n', '\\', '\n    x\n'],
  ...['*', '**', '***', '_', '__', '~~', '`', '``', '```', '\n```js\n', '\n~~~\n', '\n````\n'],
  ...['[', ']', '(', ')', '![', '](', '[a](https://a.example)', '[b][r]', '[r]', '[^1]', '[x]'],
  ...['\n[r]: https://r.example\n', '\n\n[b]: <https://b.example> "t"\n', '\n[^1]: note\n', ': '],
  ...['\n- ', '\n* ', '\n1. ', '\n7) ', '\n  - ', '\n    - ', '\n- [ ] ', '\n- [x] ', '\n+ ', '- '],
  ...['\n# ', '\n### ', '\n---\n', '\n===\n', '\n***\n', '\n> ', '\n>> ', '>', '> > ', '#', '\n>'],
  ...['\n| a | b |\n|---|:-:|\n', '| c | d |\n', '|', '\n|a|b\n-|-\n', '\\|', '---', '|-|'],
  ...['$', '$$', '\n$$\n', '$x^2$', '\\(', '\\)', '\n\\[\n', '\\]\n', '+ b', '$5', '= c'],
  ...['https://c.example/p', 'www.d.example', 'e@f.example', '<https://g.example>', '<', '&amp;'],
  ...[
    '<b>',
    '</b>',
    '<br>',
    '<!-- c -->',
    '<script>',
    '&#42;',
    '&',
    '.',
    ',',
    '!',
    'é',
    '漢字',
    '🙂',
  ],
];

/** Lines that begin, go on with, end or are mistaken for blocks. */
const LINES = [
  ...['', '', '', 'text', '  text', '    text', '\ttext', '1', '-', '#', '=', '>', '|', '+'],
  ...[
    '1. a',
    '2. b',
    '3) c',
    '- a',
    '- b',
    '* c',
    '  - d',
    '   1. e',
    '-',
    '1.',
    '- [x] f',
    '- > g',
  ],
  ...[
    '> a',
    '> - b',
    '> 1. c',
    '>',
    '> ```',
    '> | a |',
    '> [q]: /q',
    '# h',
    '#h',
    '---',
    '===',
    '***',
  ],
  ...['```', '```js', '~~~', '    ```', ' ```', '$$', '\\[', '\\]', '  $$', 'x $$'],
  ...['| a | b |', '|---|---|', '| c |', '[r]: https://r.example', '[r]:', '  "title"', '[r] [q]'],
  ...['[^1]: note', '    more', 'see[^1]', '**bold', 'end**', '<div>', '<!--', '-->', 'a\\'],
];

export const anyMarkdown = fc.oneof(
  fc
    .array(fc.constantFrom(...PIECES), { maxLength: 60, size: 'max' })
    .map((pieces) => pieces.join('')),
  fc
    .array(fc.constantFrom(...LINES), { maxLength: 25, size: 'max' })
    .map((lines) => lines.join('\n')),
);

/** Cuts a text at up to `maxCuts` places. */
export function cuts(text: string, positions: readonly number[]): string[] {
  const at = [...new Set(positions.map((position) => position % (text.length + 1)))];
  at.sort((a, b) => a - b);
  return [...at.map((end) => text.slice(0, end)), text];
}

/** An answer of about `length` UTF-16 code units with some of everything. */
export function longAnswer(length: number): string {
  let text = '';
  for (let section = 1; text.length < length; section += 1) {
    text += `## Section ${section}

Agents write **bold**, *emphasised* and \`code\` words, [links](https://example.org/${section}) and $x_${section}$.
A second line costs $5 and $10, and goes on for a while so that the paragraph has some length.

- one point with a [reference][r${section}]
- another one
  1. with steps
  2. in it

| name | value |
|---|---:|
| section | ${section} |
| square | ${section * section} |

\`\`\`ts
export function square${section}(value: number): number {
  return value * ${section};
}
\`\`\`

> A quotation, with a footnote[^${section}].

[r${section}]: https://reference.example/${section}

[^${section}]: Note ${section}.

`;
  }
  return text.slice(0, length);
}
