/** Whether a section really speaks of what is asked, or only happens to have a word of it. */
import type { Section } from './guide-sections.ts';
import { termsOf } from './guide-words.ts';

/** A word of a question, as it was found in a section. */
export interface FoundWord {
  /** What the section has of it, each with how sure it is that this was meant, 0 to 1. */
  readonly forms: ReadonlyMap<string, number>;
  /** How much the word tells of what is asked. */
  readonly weight: number;
}

/** Where the words of a section stand. */
interface Places {
  readonly heading: ReadonlySet<string>;
  readonly above: ReadonlySet<string>;
  readonly code: ReadonlySet<string>;
  readonly tables: ReadonlySet<string>;
  /** Of each paragraph, and of each entry of a list. */
  readonly passages: readonly ReadonlySet<string>[];
  /** Of short entries of lists: each is about what it names, much as a heading is. */
  readonly entries: ReadonlySet<string>;
}

/** What it says of a section that a word stands in such a place, 0 to 1. */
const STRENGTH = { heading: 1, above: 0.8, entry: 1, name: 0.9, near: 0.8, prose: 0.55, code: 0.4 };
/** `session_join`, `maxPayload`: a name wherever it stands. */
const IDENTIFIER = /_|\p{Ll}\p{Lu}/u;
/** Characters. */
const MAX_ENTRY_LENGTH = 200;

export class Relevance {
  readonly #places: readonly Places[];
  /** Words that stand in running text as any other word does, so that one of them tells little. */
  readonly #common: ReadonlySet<string>;
  readonly #identifiers: ReadonlySet<string>;

  constructor(sections: readonly Section[]) {
    this.#places = sections.map(placesOf);
    this.#common = new Set(sections.flatMap(commonTerms));
    this.#identifiers = new Set(sections.flatMap(identifiersOf));
  }

  /** 0 to 1: how much of `words` the section speaks of, where all of them together weigh `total`. */
  coverage({ id }: Section, words: readonly FoundWord[], total: number): number {
    const places = this.#places[id];
    if (!places || total === 0) return 0;
    let sum = 0;
    for (const word of words) {
      const others = words.filter((other) => other !== word);
      const strengths = [...word.forms].map(
        ([term, certainty]) => certainty * this.#strength(places, term, others),
      );
      sum += word.weight * Math.max(0, ...strengths);
    }
    return sum / total;
  }

  #strength(places: Places, term: string, others: readonly FoundWord[]): number {
    if (places.heading.has(term)) return STRENGTH.heading;
    if (places.entries.has(term)) return STRENGTH.entry;
    const passages = places.passages.filter((passage) => passage.has(term));
    const isInText = passages.length > 0 || places.tables.has(term);
    if (isInText && !this.#common.has(term)) return STRENGTH.name;
    if (places.code.has(term) && this.#identifiers.has(term)) return STRENGTH.name;
    if (places.above.has(term)) return STRENGTH.above;
    const near = others.some((other) =>
      passages.some((passage) => other.forms.keys().some((form) => passage.has(form))),
    );
    if (near) return STRENGTH.near;
    return isInText ? STRENGTH.prose : places.code.has(term) ? STRENGTH.code : 0;
  }
}

function placesOf({ file, path, blocks }: Section): Places {
  const of = (kind: string) =>
    blocks.filter((block) => block.kind === kind).map(({ text }) => text);
  const passages = of('text').flatMap((text) => text.split(/\n(?=\s*(?:[-*]|\d+\.) )/));
  const entries = passages.filter(
    (text) => /^\s*[-*] /.test(text) && text.length <= MAX_ENTRY_LENGTH,
  );
  return {
    heading: new Set(termsOf(path.at(-1) ?? '')),
    above: new Set(termsOf([file.replace(/\.md$/, ''), ...path.slice(0, -1)].join(' '))),
    code: new Set(termsOf(of('code').join('\n'))),
    tables: new Set(termsOf(of('table').join('\n'))),
    passages: passages.map((text) => new Set(termsOf(text))),
    entries: new Set(termsOf(entries.join('\n'))),
  };
}

/** The words that are written small and are no code: what is left are names of all kinds. */
function commonTerms({ blocks }: Section): readonly string[] {
  const prose = blocks
    .filter(({ kind }) => kind !== 'code')
    .map(({ text }) => text.replace(/`[^`]*`/g, ' '))
    .join('\n');
  return termsOf([...prose.matchAll(/(?<![\p{L}\p{N}_.-])\p{Ll}+(?![\p{L}\p{N}_])/gu)].join(' '));
}

function identifiersOf({ blocks }: Section): readonly string[] {
  const words = blocks.flatMap(({ text }) => text.match(/[\p{L}\p{N}_]+/gu) ?? []);
  return words.filter((word) => IDENTIFIER.test(word)).map((word) => word.toLowerCase());
}
