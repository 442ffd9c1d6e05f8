/** The worker that highlights. Grammars are loaded as they are needed. */
import { createLowlight } from 'lowlight';
import { GRAMMARS } from './grammars.ts';
import type { TokenLine } from './highlight.ts';
import type { LanguageName } from './languages.ts';

export interface HighlightRequest {
  readonly id: number;
  readonly language: LanguageName;
  readonly code: string;
}

/** That all is loaded for the next answer, and then the answer. */
export type HighlightMessage = 'begun' | HighlightAnswer;

interface HighlightAnswer {
  readonly id: number;
  /** `undefined` where it failed. */
  readonly lines: readonly TokenLine[] | undefined;
}

/** With more the page would take long to draw them. */
const MAX_TOKENS = 8_000;

const lowlight = createLowlight();

self.addEventListener('message', ({ data }: MessageEvent<HighlightRequest>) => {
  highlight(data.language, data.code).then(
    (lines) => self.postMessage({ id: data.id, lines } satisfies HighlightAnswer),
    () => self.postMessage({ id: data.id, lines: undefined } satisfies HighlightAnswer),
  );
});

async function highlight(language: LanguageName, code: string): Promise<TokenLine[] | undefined> {
  if (!lowlight.registered(language)) {
    lowlight.register(language, (await GRAMMARS[language]()).default);
  }
  self.postMessage('begun' satisfies HighlightMessage);
  const lines: string[][] = [[]];
  let count = 0;
  const walk = (node: HighlightNode, kind: string): void => {
    if (node.type === 'text') {
      for (const [index, piece] of (node.value ?? '').split('\n').entries()) {
        if (index > 0) lines.push([]);
        if (piece !== '') lines.at(-1)?.push(kind, piece);
        count += 1;
      }
      return;
    }
    const own = node.properties?.className?.join(' ') ?? kind;
    for (const child of node.children ?? []) walk(child, own);
  };
  walk(lowlight.highlight(language, code) as HighlightNode, '');
  if (code.endsWith('\n')) lines.pop();
  return count > MAX_TOKENS ? undefined : lines;
}

/** What lowlight makes, as far as it is read here. */
interface HighlightNode {
  readonly type: string;
  readonly value?: string;
  readonly properties?: { readonly className?: readonly string[] };
  readonly children?: readonly HighlightNode[];
}
