/**
 * A little Markdown, made into DOM nodes. What an agent writes is hostile: no markup of its own, no
 * image and no script can come out of here, whatever goes in.
 */
import { element } from './element.ts';

/** A longer paragraph is shown as it is, so that no text can keep the page busy, UTF-16 code units. */
const MAX_INLINE = 20_000;

const INLINE =
  /\\([\\`*_[\]<>#|-])|(`+)(?!`)(.+?)(?<!`)\2(?!`)|\*\*(?=\S)(.+?)(?<=\S)\*\*|(?<!\w)([*_])(?=\S)(.+?)(?<=\S)\5(?!\w)|!?\[([^\]]*)\]\(([^)\s]*)[^)]*\)|<?(https?:\/\/[^\s<>]*[^\s<>.,;:!?'")\]])>?/s;

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*(\S*)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const RULE = /^ {0,3}([-*_])(\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

/** The blocks of a text, as nodes. Text that is cut anywhere, as one that streams is, will do. */
export function markdown(text: string): Node[] {
  return blocks(text.split('\n'), 0);
}

function blocks(lines: readonly string[], depth: number): Node[] {
  const nodes: Node[] = [];
  let at = 0;
  const take = (while_: (line: string) => boolean): string[] => {
    const from = at;
    while (at < lines.length && while_(lines[at] ?? '')) at += 1;
    return lines.slice(from, at);
  };
  while (at < lines.length) {
    const line = lines[at] ?? '';
    const fence = FENCE.exec(line);
    const heading = HEADING.exec(line);
    if (line.trim() === '') {
      at += 1;
    } else if (fence) {
      at += 1;
      const end = fence[1] ?? '';
      const code = take((each) => !each.trim().startsWith(end));
      at += 1;
      nodes.push(element('pre', { tabIndex: 0 }, element('code', {}, code.join('\n'))));
    } else if (heading) {
      at += 1;
      // The page has the first two levels.
      const level = Math.min((heading[1] ?? '').length + 2, 6) as 3 | 4 | 5 | 6;
      nodes.push(element(`h${level}`, {}, ...inline(heading[2] ?? '')));
    } else if (RULE.test(line)) {
      at += 1;
      nodes.push(element('hr'));
    } else if (QUOTE.test(line) && depth < 4) {
      const quoted = take((each) => QUOTE.test(each)).map((each) => each.replace(QUOTE, ''));
      nodes.push(element('blockquote', {}, ...blocks(quoted, depth + 1)));
    } else if (ITEM.test(line) && depth < 4) {
      nodes.push(list(take(isOfList), depth));
    } else if (line.includes('|') && TABLE_RULE.test(lines[at + 1] ?? '')) {
      nodes.push(table(take((each) => each.includes('|'))));
    } else {
      const first = at;
      const words = take((each) => each.trim() !== '' && (at === first || !startsBlock(each)));
      nodes.push(element('p', {}, ...inline(words.join('\n'))));
    }
  }
  return nodes;
}

function startsBlock(line: string): boolean {
  return [FENCE, HEADING, ITEM, RULE, QUOTE].some((start) => start.test(line));
}

function isOfList(line: string): boolean {
  return ITEM.test(line) || /^\s{2,}\S/.test(line);
}

function list(lines: readonly string[], depth: number): HTMLElement {
  const [, indent = '', marker = '-'] = ITEM.exec(lines[0] ?? '') ?? [];
  const ordered = /^\d/.test(marker);
  const node = ordered ? element('ol', { start: Number.parseInt(marker, 10) }) : element('ul');
  let item: string[] = [];
  const flush = () => {
    const [first = '', ...rest] = item;
    const nested = rest.map((line) => line.slice(Math.min(indent.length + 2, line.search(/\S|$/))));
    if (item.length > 0) {
      node.append(element('li', {}, ...inline(first), ...blocks(nested, depth + 1)));
    }
  };
  for (const line of lines) {
    const start = ITEM.exec(line);
    if (start && (start[1] ?? '').length <= indent.length) {
      flush();
      item = [start[3] ?? ''];
    } else {
      item.push(line);
    }
  }
  flush();
  return node;
}

function table(rows: readonly string[]): HTMLElement {
  const cells = (row: string, tag: 'th' | 'td') =>
    row
      .trim()
      .replace(/^\||\|$/g, '')
      .split('|')
      .map((cell) => element(tag, {}, ...inline(cell.trim())));
  const [head = '', , ...body] = rows;
  const made = element(
    'table',
    {},
    element('thead', {}, element('tr', {}, ...cells(head, 'th'))),
    element('tbody', {}, ...body.map((row) => element('tr', {}, ...cells(row, 'td')))),
  );
  return element('div', { className: 'wide', tabIndex: 0 }, made);
}

function inline(text: string, depth = 0): (Node | string)[] {
  if (text.length > MAX_INLINE || depth > 4) return [text];
  const nodes: (Node | string)[] = [];
  let rest = text;
  for (let match = INLINE.exec(rest); match; match = INLINE.exec(rest)) {
    const [all, escaped, , code, bold, , italic, label, target, bare] = match;
    nodes.push(rest.slice(0, match.index));
    if (escaped !== undefined) nodes.push(escaped);
    else if (code !== undefined) nodes.push(element('code', {}, code));
    else if (bold !== undefined) nodes.push(element('strong', {}, ...inline(bold, depth + 1)));
    else if (italic !== undefined) nodes.push(element('em', {}, ...inline(italic, depth + 1)));
    else if (bare !== undefined) nodes.push(link(bare, [bare]));
    else nodes.push(link(target ?? '', inline(label ?? '', depth + 1)));
    rest = rest.slice(match.index + all.length);
  }
  nodes.push(rest);
  return nodes;
}

/** Only addresses of the web and of mail are followed; of any other the words are shown. */
function link(target: string, words: (Node | string)[]): Node {
  const url = URL.parse(target);
  if (!url || !['http:', 'https:', 'mailto:'].includes(url.protocol)) {
    return element('span', {}, ...words);
  }
  const rel = 'noopener noreferrer nofollow';
  return element('a', { href: url.href, rel, target: '_blank' }, ...words);
}
