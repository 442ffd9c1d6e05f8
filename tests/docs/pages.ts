import { readdir, readFile } from 'node:fs/promises';
import { ROOT } from './program.ts';

export interface Page {
  /** Relative to the repository, with `/`. */
  readonly file: string;
  readonly text: string;
}

/** Every page of the documentation. */
export async function readPages(): Promise<Page[]> {
  const below = await readdir(`${ROOT}/docs`, { recursive: true });
  const files = [
    ...['README.md', 'PROTOCOL.md', 'ARCHITECTURE.md', 'SECURITY.md'],
    ...below.filter((file) => file.endsWith('.md')).map((file) => `docs/${file}`),
  ];
  return Promise.all(
    files.sort().map(async (file) => ({ file, text: await readFile(`${ROOT}/${file}`, 'utf8') })),
  );
}

/** The fenced code blocks of a language. */
export function blocksIn({ text }: Page, language: string): string[] {
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'));
  return [...blocks].map(([, code = '']) => code);
}

/** What a heading is linked as. */
export function anchorsIn({ text }: Page): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
      .replaceAll(' ', '-'),
  );
}
