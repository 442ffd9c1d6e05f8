/** Parley's own documentation, found on disk and cut into sections at its headings. */
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export interface Section {
  /** Its place in the whole documentation; the sections below it follow directly. */
  readonly id: number;
  /** Relative to the root, with `/`. */
  readonly file: string;
  /** The headings above it and, last, its own, as plain text. */
  readonly path: readonly string[];
  /** 1 to 6, as many as its heading has `#`. */
  readonly level: number;
  readonly blocks: readonly Block[];
}

/** What blank lines separate. A fenced code block is one, whatever it holds. */
export interface Block {
  readonly kind: 'text' | 'table' | 'code';
  readonly text: string;
}

/** In the order in which a reader would want them; `docs` holds more. */
export const PAGES = [
  'README.md',
  'PROTOCOL.md',
  'ARCHITECTURE.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
];
/** A root without it is not Parley's: an installed package may lie within any project. */
const MARK = 'PROTOCOL.md';
const MAX_FILES = 200;
const MAX_FILE_LENGTH = 500_000;

/** Two places: in the published package, and the repository's root. */
export const DOCUMENT_ROOTS: readonly string[] = ['../../documentation/', '../../../../'].map(
  (path) => fileURLToPath(new URL(path, import.meta.url)),
);

/**
 * The sections of all documents in the first of `roots` that has Parley's; none where no root has.
 * At most 200 files, and 500,000 characters of each.
 */
export async function readSections(roots: readonly string[]): Promise<readonly Section[]> {
  for (const root of roots) {
    if ((await read(root, MARK)) === undefined) continue;
    const more = await readdir(`${root}/docs`, { recursive: true }).catch(() => []);
    const files = more.map((name) => `docs/${name.replaceAll('\\', '/')}`).sort();
    const pages = [...PAGES, ...files.filter((file) => file.endsWith('.md'))].slice(0, MAX_FILES);
    const sections: Section[] = [];
    for (const file of pages) {
      const markdown = await read(root, file);
      if (markdown !== undefined) sections.push(...sectionsOf(file, markdown, sections.length));
    }
    return sections;
  }
  return [];
}

async function read(root: string, file: string): Promise<string | undefined> {
  try {
    return (await readFile(`${root}/${file}`, 'utf8')).slice(0, MAX_FILE_LENGTH);
  } catch {
    return undefined; // A page that is not there is one page less to search.
  }
}

/** `firstId` is the `id` of the first section; text before any heading has the file's name. */
function sectionsOf(file: string, markdown: string, firstId: number): readonly Section[] {
  const sections: Section[] = [];
  let path = [file];
  let level = 1;
  let lines: string[] = [];
  let fence: string | undefined;
  const close = () => {
    const blocks = blocksOf(lines);
    if (blocks.length > 0 || lines.length > 0) {
      sections.push({ id: firstId + sections.length, file, path, level, blocks });
    }
  };
  for (const line of withoutHidden(markdown).split(/\r?\n/)) {
    fence = fenceAfter(line, fence);
    const heading = fence === undefined ? /^(#{1,6})\s+(.+?)(?:\s+#+)?\s*$/.exec(line) : null;
    if (heading) {
      close();
      level = heading[1]?.length ?? 1;
      path = [...path.slice(0, level - 1), plain(heading[2] ?? '')];
      lines = [''];
    } else {
      lines.push(line);
    }
  }
  close();
  return sections;
}

/** Without front matter and comments. */
function withoutHidden(markdown: string): string {
  return markdown.replace(/^---\n[\s\S]*?\n---\n/, '').replace(/<!--[\s\S]*?-->/g, '');
}

/** The mark that closes the code block in which the line after `line` stands, if it does. */
function fenceAfter(line: string, open: string | undefined): string | undefined {
  const mark = /^\s*(`{3,}|~{3,})(.*)$/.exec(line);
  if (!mark?.[1]) return open;
  if (open === undefined) return mark[1];
  return mark[1].startsWith(open) && mark[2]?.trim() === '' ? undefined : open;
}

function blocksOf(lines: readonly string[]): readonly Block[] {
  const blocks: Block[] = [];
  let open: string[] = [];
  let fence: string | undefined;
  const close = (kind: 'prose' | 'code') => {
    const text = kind === 'code' ? open.join('\n') : presentable(open);
    if (text !== '') {
      const table = /^\s*\|/.test(text) ? 'table' : 'text';
      blocks.push({ kind: kind === 'code' ? 'code' : table, text });
    }
    open = [];
  };
  for (const line of lines) {
    const before = fence;
    fence = fenceAfter(line, fence);
    if (before === undefined && fence !== undefined) close('prose');
    if (before === undefined && fence === undefined && line.trim() === '') close('prose');
    else open.push(line);
    if (before !== undefined && fence === undefined) close('code');
  }
  close(fence === undefined ? 'prose' : 'code');
  return blocks;
}

/** Without images and lines of bare HTML; a link into the repository leads nowhere from a chat. */
function presentable(lines: readonly string[]): string {
  return lines
    .filter((line) => !/^\s*(?:<[^>]+>\s*)+$/.test(line))
    .join('\n')
    .replace(/\[!\[[^\]]*\]\([^)]*\)\]\([^)]*\)|!\[[^\]]*\]\([^)]*\)/g, '')
    .replace(/\[([^\]]+)\]\((?!https?:)[^)]*\)/g, '$1')
    .replace(/^\s*\n|\s+$/g, '');
}

function plain(heading: string): string {
  return heading
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[`*]/g, '')
    .trim();
}
