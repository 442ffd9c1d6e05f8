/** `[^label]` in a text, and `[^label]: …` for what it refers to. */
import type { MarkdownConfig } from '@lezer/markdown';

const LABEL = /^\[\^([^\]\s]{1,64})\]/;
const DEFINITION = /^\[\^([^\]\s]{1,64})\]:[ \t]*/;
const LEFT_BRACKET = 91;
const CARET = 94;

export const Footnotes: MarkdownConfig = {
  defineNodes: [
    'FootnoteReference',
    'FootnoteLabel',
    {
      name: 'FootnoteDefinition',
      block: true,
      composite(_cx, line) {
        if (line.next < 0) return true;
        if (line.indent < line.baseIndent + 4) return false;
        line.moveBaseColumn(line.baseIndent + 4);
        return true;
      },
    },
  ],
  parseBlock: [
    {
      name: 'FootnoteDefinition',
      before: 'IndentedCode',
      parse(cx, line) {
        if (line.next !== LEFT_BRACKET) return false;
        const match = DEFINITION.exec(line.text.slice(line.pos, line.pos + 200));
        if (!match || line.indent >= line.baseIndent + 4) return false;
        const from = cx.lineStart + line.pos;
        cx.startComposite('FootnoteDefinition', line.pos);
        cx.addElement(cx.elt('FootnoteLabel', from, from + (match[1]?.length ?? 0) + 4));
        line.moveBase(line.pos + match[0].length);
        return null;
      },
      endLeaf: (_cx, line) =>
        line.next === LEFT_BRACKET && DEFINITION.test(line.text.slice(line.pos, line.pos + 200)),
    },
  ],
  parseInline: [
    {
      name: 'FootnoteReference',
      before: 'Link',
      parse(cx, next, pos) {
        if (next !== LEFT_BRACKET || cx.char(pos + 1) !== CARET) return -1;
        const match = LABEL.exec(cx.slice(pos, Math.min(cx.end, pos + 70)));
        if (!match) return -1;
        return cx.addElement(cx.elt('FootnoteReference', pos, pos + match[0].length));
      },
    },
  ],
};
