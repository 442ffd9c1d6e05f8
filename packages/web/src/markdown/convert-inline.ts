/** What is within a paragraph, heading or cell. */
import type { SyntaxNode } from '@lezer/common';
import type { Conversion } from './convert.ts';
import { normalise } from './definitions.ts';
import { decodeEntity, unescaped } from './entities.ts';
import type { Inline } from './nodes.ts';
import { plainText } from './nodes.ts';
import { type SafeUrl, safeUrl } from './safe-url.ts';
import { shownText } from './shown-text.ts';

/** Marks that have done their work. */
const MARKS = new Set([
  'EmphasisMark',
  'StrikethroughMark',
  'HeaderMark',
  'CodeMark',
  'LinkMark',
  'QuoteMark',
  'TaskMarker',
  'LinkTitle',
]);

export function convertInline(node: SyntaxNode, conversion: Conversion): Inline[] {
  return trimmed(convertRange(node, node.from, node.to, conversion));
}

function convertRange(
  parent: SyntaxNode,
  from: number,
  to: number,
  conversion: Conversion,
): Inline[] {
  const { source } = conversion;
  const nodes: Inline[] = [];
  let text = '';
  let at = from;
  const flush = () => {
    // Lines begin without their indentation; what ends them counts as a space.
    const shown = shownText(text.replace(/[ \t]*\r?\n[ \t]*/g, '\n'));
    if (shown !== '') append(nodes, { type: 'text', text: shown });
    text = '';
  };
  for (let child = parent.childAfter(from); child && child.from < to; child = child.nextSibling) {
    if (child.from < at) continue;
    text += source.slice(at, child.from);
    at = child.to;
    if (MARKS.has(child.name)) continue;
    if (child.name === 'Escape') text += source.slice(child.from + 1, child.to);
    else if (child.name === 'Entity') text += decodeEntity(source.slice(child.from, child.to));
    else {
      const converted = convert(child, conversion);
      if (typeof converted === 'string') text += converted;
      else {
        flush();
        for (const node of converted) append(nodes, node);
      }
    }
  }
  text += source.slice(at, to);
  flush();
  return nodes;
}

/** Text beside text is one text. */
function append(nodes: Inline[], node: Inline): void {
  const last = nodes.at(-1);
  if (node.type === 'text' && last?.type === 'text') {
    nodes[nodes.length - 1] = { type: 'text', text: last.text + node.text };
  } else nodes.push(node);
}

/** A string is text that belongs to what stands around it. */
function convert(node: SyntaxNode, conversion: Conversion): readonly Inline[] | string {
  const { source } = conversion;
  const raw = source.slice(node.from, node.to);
  switch (node.name) {
    case 'Emphasis':
    case 'StrongEmphasis':
    case 'Strikethrough': {
      const type = EMPHASES[node.name];
      return [{ type, children: convertRange(node, node.from, node.to, conversion) }];
    }
    case 'InlineCode':
      return [{ type: 'code', text: shownText(codeText(node, source)) }];
    case 'HardBreak':
      return [{ type: 'break' }];
    case 'InlineMath':
    case 'DisplayMath':
      return [math(node.name === 'DisplayMath', raw)];
    case 'Link':
    case 'Image':
      return linkOrImage(node, conversion);
    case 'Autolink':
    case 'URL':
      return bareAddress(node, conversion);
    case 'FootnoteReference': {
      const label = raw.slice(2, -1);
      conversion.footnotes.push(label);
      return [{ type: 'footnote', label }];
    }
    default:
      return raw;
  }
}

const EMPHASES = {
  Emphasis: 'emphasis',
  StrongEmphasis: 'strong',
  Strikethrough: 'strikethrough',
} as const;

function math(display: boolean, raw: string): Inline {
  const marks = raw.startsWith('$') && !display ? 1 : 2;
  return { type: 'math', source: raw.slice(marks, -marks).trim(), display };
}

function codeText(node: SyntaxNode, source: string): string {
  const marks = node.getChildren('CodeMark');
  let text = '';
  let at = marks[0]?.to ?? node.from;
  for (const { from, to } of node.getChildren('QuoteMark')) {
    text += source.slice(at, from);
    at = to;
  }
  text += source.slice(at, marks.at(-1)?.from ?? node.to);
  text = text.replace(/\r?\n[ \t]*/g, ' ');
  // In a table the bar of a code span has to be escaped.
  if (node.parent?.name === 'TableCell') text = text.replaceAll('\\|', '|');
  return /^ .*[^ ].* $|^ [^ ] $/.test(text) ? text.slice(1, -1) : text;
}

function linkOrImage(node: SyntaxNode, conversion: Conversion): readonly Inline[] {
  const { source } = conversion;
  const marks = node.getChildren('LinkMark');
  const begin = marks[0]?.to ?? node.from;
  const end = marks[1]?.from ?? node.to;
  const inner = convertRange(node, begin, end, conversion);
  // A bare address among the words is not where the link leads.
  const url = node.getChildren('URL').find(({ from }) => from >= end);
  const label = node.getChild('LinkLabel');
  let target: string | undefined;
  if (url) target = unescaped(withoutAngles(source.slice(url.from, url.to)));
  else if (marks.length <= 2) {
    const written = label ? source.slice(label.from + 1, label.to - 1) : '';
    const name = written.trim() === '' ? source.slice(begin, end) : written;
    const found = conversion.definitions.find(name);
    if (found === undefined) {
      conversion.missing.add(normalise(name));
      return asWritten(node, begin, end, inner, conversion);
    }
    target = unescaped(withoutAngles(found));
  } else target = '';
  const checked = safeUrl(target);
  if (node.name === 'Image') {
    return [{ type: 'image', url: checked, alt: plainText(inner).slice(0, 300) }];
  }
  const children = inner.flatMap(withoutLinks);
  return checked ? link(checked, children) : children;
}

/** A link within a link is possible in the tree, and in no page. */
function withoutLinks(node: Inline): readonly Inline[] {
  switch (node.type) {
    case 'link':
      return node.children.flatMap(withoutLinks);
    case 'emphasis':
    case 'strong':
    case 'strikethrough':
      return [{ ...node, children: node.children.flatMap(withoutLinks) }];
    case 'image':
      return [{ ...node, url: undefined }];
    case 'footnote':
      return [];
    default:
      return [node];
  }
}

/** `[text]` that refers to nothing is text with brackets. */
function asWritten(
  node: SyntaxNode,
  begin: number,
  end: number,
  inner: readonly Inline[],
  { source }: Conversion,
): readonly Inline[] {
  return [
    { type: 'text', text: shownText(source.slice(node.from, begin)) },
    ...inner,
    { type: 'text', text: shownText(source.slice(end, node.to)) },
  ];
}

function link(url: SafeUrl, children: readonly Inline[]): readonly Inline[] {
  return [{ type: 'link', url, children }];
}

function bareAddress(node: SyntaxNode, conversion: Conversion): readonly Inline[] | string {
  const { source, openEnd } = conversion;
  const { from, to } = (node.name === 'Autolink' && node.getChild('URL')) || node;
  const raw = source.slice(from, to);
  // More of it may be on its way: half an address would lead elsewhere.
  if (node.name === 'URL' && mayGoOn(source, node.to, openEnd)) return raw;
  let target = raw;
  if (node.name === 'URL' && raw.startsWith('www.')) target = `https://${raw}`;
  else if (!/^[a-z][a-z\d+.-]*:/i.test(raw)) target = `mailto:${raw}`;
  const url = safeUrl(target);
  if (!url) return source.slice(node.from, node.to);
  return link(url, [{ type: 'text', text: shownText(raw) }]);
}

/** Whether nothing that ends an address comes between here and the end of what there is so far. */
function mayGoOn(source: string, to: number, openEnd: number): boolean {
  return openEnd >= 0 && openEnd - to < 2_000 && !/[\s<]/.test(source.slice(to, openEnd));
}

function withoutAngles(target: string): string {
  return target.startsWith('<') && target.endsWith('>') ? target.slice(1, -1) : target;
}

/** Without the space at both ends, which is there where marks were. */
function trimmed(nodes: readonly Inline[]): Inline[] {
  const all = [...nodes];
  const first = all[0];
  if (first?.type === 'text') all[0] = { type: 'text', text: first.text.trimStart() };
  const last = all.at(-1);
  if (last?.type === 'text') all[all.length - 1] = { type: 'text', text: last.text.trimEnd() };
  return all.filter((node) => node.type !== 'text' || node.text !== '');
}
