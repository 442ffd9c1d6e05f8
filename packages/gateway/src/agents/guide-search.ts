/** Full-text search through the documentation. */
import type MiniSearch from 'minisearch';
import { type FoundWord, Relevance } from './guide-relevance.ts';
import type { Section } from './guide-sections.ts';
import { conceptsOf, isStopWord, synonymsOf, termsOf } from './guide-words.ts';

export interface Hit {
  readonly section: Section;
  readonly score: number;
  /** 0 to 1: how much of the question the section speaks of. */
  readonly coverage: number;
}

/** A heading says what its section is about; tables list everything, code repeats every name. */
const BOOST = { heading: 5, above: 1.5, file: 1, text: 1, table: 0.6, code: 0.2 };
/** Some pages are for everyone; why something was decided, and how to take part, for fewer. */
const WEIGHT_OF_FILE: readonly (readonly [prefix: string, weight: number])[] = [
  ['README.md', 1.2],
  ['SECURITY.md', 1.2],
  ['docs/decisions/', 0.5],
  ['ARCHITECTURE.md', 0.8],
  ['CONTRIBUTING.md', 0.8],
];
/** A section that speaks of less of what is asked is no answer to it. */
const ENOUGH = 0.6;
/** How sure it is that another word was meant than the one that stands there. */
const CERTAINTY = { prefix: 0.85, synonym: 0.85, misspelt: 0.8, misspeltShort: 0.5 };
/** A short word is only a letter or two away from many others. */
const SHORT = 7;

export class DocumentSearch {
  readonly sections: readonly Section[];
  readonly #index: MiniSearch<Section>;
  readonly #relevance: Relevance;
  readonly #byTitle: ReadonlyMap<string, Section>;

  private constructor(sections: readonly Section[], index: MiniSearch<Section>) {
    this.sections = sections;
    this.#index = index;
    this.#relevance = new Relevance(sections);
    // Of two sections with one title the first one counts: pages come in the order of reading.
    this.#byTitle = new Map(sections.toReversed().map((section) => [titleKey(section), section]));
  }

  /** In the background: other work of the process has its turn in between. */
  static async build(sections: readonly Section[]): Promise<DocumentSearch> {
    const { default: MiniSearch } = await import('minisearch');
    const index = new MiniSearch<Section>({
      fields: Object.keys(BOOST),
      extractField: (section, field) => (field === 'id' ? section.id : fieldOf(section, field)),
      tokenize: termsOf,
      processTerm: (term) => (isStopWord(term) ? null : term),
    });
    await index.addAllAsync(sections, { chunkSize: 20 });
    return new DocumentSearch(sections, index);
  }

  /** The section that has the question as its title. */
  titled(question: string): Section | undefined {
    return this.#byTitle.get(key(question));
  }

  /** The sections that speak of what is asked, best first. */
  search(question: string): readonly Hit[] {
    const concepts = conceptsOf(question);
    const found = new Map<number, { score: number; words: FoundWord[] }>();
    let total = 0;
    for (const concept of concepts) {
      const { spread, matches } = this.#match(concept, concepts);
      // A word that stands everywhere says little of what is asked.
      const weight = Math.log(1 + this.sections.length / Math.max(2, spread));
      total += weight;
      for (const [id, { score, forms }] of matches) {
        const sum = found.get(id) ?? { score: 0, words: [] };
        sum.score += score;
        sum.words.push({ forms, weight });
        found.set(id, sum);
      }
    }
    const titled = this.titled(question);
    return [...found]
      .map(([id, { score, words }]) => {
        const section = this.sections[id] as Section;
        const coverage = this.#relevance.coverage(section, words, total);
        const weight = WEIGHT_OF_FILE.find(([prefix]) => section.file.startsWith(prefix))?.[1] ?? 1;
        const empty = section.blocks.length === 0 ? 0.5 : 1;
        return { section, coverage, score: score * coverage ** 2 * weight * empty };
      })
      .filter(({ coverage, section }) => coverage >= ENOUGH && section !== titled)
      .sort((a, b) => b.score - a.score || a.section.id - b.section.id);
  }

  /** By section: how well it fits one concept, and which forms of it it has. */
  #match(concept: string, concepts: readonly string[]) {
    const exact = this.#search(concept, false);
    // A misspelt word is guessed at only where nothing has the word as it stands.
    const results = exact.length > 0 ? exact : this.#search(concept, true);
    const short = concept.length < SHORT ? CERTAINTY.misspeltShort : CERTAINTY.misspelt;
    const guess = exact.length > 0 ? CERTAINTY.prefix : short;
    const matches = new Map<number, { score: number; forms: Map<string, number> }>();
    for (const { id, score, terms } of results) {
      const forms = new Map(terms.map((term) => [term, term === concept ? 1 : guess]));
      matches.set(id, { score, forms });
    }
    for (const synonym of synonymsOf(concept)) {
      // What is asked for itself as well counts there.
      const share = concepts.includes(synonym) ? 0 : 0.4;
      for (const { id, score, terms } of this.#search(synonym, false)) {
        if (!terms.includes(synonym)) continue;
        const match = matches.get(id) ?? { score: 0, forms: new Map<string, number>() };
        match.score = Math.max(match.score, share * score);
        match.forms.set(synonym, CERTAINTY.synonym);
        matches.set(id, match);
      }
    }
    return { spread: results.length || matches.size, matches };
  }

  #search(term: string, fuzzy: boolean) {
    const isWord = /^\p{L}+$/u.test(term);
    return this.#index.search(term, {
      tokenize: (text) => [text],
      boost: BOOST,
      prefix: isWord && term.length >= 4,
      fuzzy: fuzzy && isWord && term.length >= 5 ? (term.length < 8 ? 1 : 2) : false,
      weights: { fuzzy: 0.4, prefix: 0.15 },
      // People seldom mistake the first letter, and much else is only an edit away.
      filter: ({ terms }) => terms.some((found) => found[0] === term[0]),
    });
  }
}

function titleKey({ path }: Section): string {
  return key(path.at(-1) ?? '');
}

function key(text: string): string {
  return (text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []).join(' ');
}

function fieldOf(section: Section, field: string): string {
  switch (field) {
    case 'heading':
      return section.path.at(-1) ?? '';
    case 'above':
      return section.path.slice(0, -1).join(' ');
    case 'file':
      return section.file.replace(/\.md$/, '');
    default:
      return section.blocks
        .filter(({ kind }) => kind === field)
        .map((block) => block.text)
        .join('\n');
  }
}
