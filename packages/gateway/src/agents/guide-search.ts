/** Full-text search through the documentation. */
import type MiniSearch from 'minisearch';
import type { Section } from './guide-sections.ts';

export interface Hit {
  readonly section: Section;
  readonly score: number;
  /** 0 to 1: how much of the question the section speaks of. */
  readonly coverage: number;
}

/** Questions are read up to here: the rest of a very long one costs time and adds nothing. */
const MAX_QUESTION_LENGTH = 1_000;
const MAX_CONCEPTS = 24;

/** A heading says what its section is about; tables list everything, code repeats every name. */
const BOOST = { heading: 5, above: 1.5, file: 1, text: 1, table: 0.6, code: 0.2 };
/** Why something was decided, and how to take part, interest fewer than how it is used. */
const WEIGHT_OF_FILE: readonly (readonly [prefix: string, weight: number])[] = [
  ['docs/decisions/', 0.6],
  ['CONTRIBUTING.md', 0.8],
];

const STOP_WORDS = new Set(
  (
    'a about after all also am an and any are as at be because been but by can could did do ' +
    'does doing done else ever explain find for from get give go going got had happen happens ' +
    'has have having hello help hey hi how i if in into is it its just kind know let like ll ' +
    'look make many may me mean means might more most much must my need no not of ok okay on ' +
    'one or other our out own parley please possible re s say see shall should show so some ' +
    'something such sure t tell than thank thanks that the their them then there these they ' +
    'thing things this to too understand up us use used user users uses using ve very want ' +
    'was way we well were what when where whether which while who whose why will with won ' +
    'work working works would you your'
  ).split(' '),
);

/** People's words for the same matter; of less weight than the word that was asked for. */
const SYNONYMS = new Map(
  [
    'stop cancel abort interrupt',
    'auth authentication login password credential token',
    'install setup start quickstart',
    'deploy deployment production docker hosting',
    'scale cluster node horizontal grow',
    'resume reconnect offline disconnect lost',
    'limit rate throttle bound quota',
    'size big large long maximum byte',
    'error failure problem troubleshoot',
    'model llm openai ollama gpt',
    'metric monitoring prometheus observability',
    'store database persistence sqlite postgres storage',
    'delete remove retention erase',
    'config configuration setting option environment',
    'secure security safe attack',
    'stream chunk delta',
    'browser web frontend ui',
    'contribute contributing development',
    'fast performance latency throughput benchmark speed',
  ].flatMap((line) => {
    const group = line.split(' ').map(stem);
    return group.map((word) => [word, group.filter((other) => other !== word)] as const);
  }),
);

export class DocumentSearch {
  readonly sections: readonly Section[];
  readonly #index: MiniSearch<Section>;

  private constructor(sections: readonly Section[], index: MiniSearch<Section>) {
    this.sections = sections;
    this.#index = index;
  }

  /** In the background: other work of the process has its turn in between. */
  static async build(sections: readonly Section[]): Promise<DocumentSearch> {
    const { default: MiniSearch } = await import('minisearch');
    const index = new MiniSearch<Section>({
      fields: Object.keys(BOOST),
      extractField: (section, field) => (field === 'id' ? section.id : fieldOf(section, field)),
      tokenize: termsOf,
      processTerm: (term) => (STOP_WORDS.has(term) ? null : term),
    });
    await index.addAllAsync(sections, { chunkSize: 20 });
    return new DocumentSearch(sections, index);
  }

  /** The sections that speak of what is asked, best first. */
  search(question: string): readonly Hit[] {
    const concepts = conceptsOf(question);
    const found = new Map<number, { score: number; hits: number }>();
    let all = 0;
    for (const concept of concepts) {
      const matches = this.#match(concept, concepts);
      // A word that stands everywhere says little of what is asked.
      const weight = Math.log(1 + this.sections.length / Math.max(2, matches.size));
      all += weight;
      for (const [id, { score, strength }] of matches) {
        const sum = found.get(id) ?? { score: 0, hits: 0 };
        found.set(id, { score: sum.score + score, hits: sum.hits + strength * weight });
      }
    }
    // Of a few words almost half, of many at least two or so.
    const enough = concepts.length <= 3 ? 0.4 : Math.max(1.6 / concepts.length, 0.25);
    const asked = normalise(question);
    return [...found]
      .filter(([, { hits }]) => hits >= enough * all)
      .map(([id, { score, hits }]) => {
        const section = this.sections[id] as Section;
        const coverage = Math.min(1, hits / all);
        const named = normalise(section.path.at(-1) ?? '') === asked ? 3 : 1;
        const weight = WEIGHT_OF_FILE.find(([prefix]) => section.file.startsWith(prefix))?.[1] ?? 1;
        const empty = section.blocks.length === 0 ? 0.5 : 1;
        return { section, coverage, score: score * coverage * named * weight * empty };
      })
      .sort((a, b) => b.score - a.score || a.section.id - b.section.id);
  }

  /** By section: how well it speaks of one concept, and whether it really does (0 to 1). */
  #match(
    concept: string,
    concepts: readonly string[],
  ): Map<number, { score: number; strength: number }> {
    const exact = this.#search(concept, false);
    // A misspelt word is guessed at only where nothing has the word as it stands.
    const results = exact.length > 0 ? exact : this.#search(concept, true);
    const found = new Map<number, { score: number; strength: number }>();
    for (const { id, score, match, terms } of results) {
      const fields = new Set(Object.values(match).flat());
      const guess = exact.length === 0 ? 0.6 : 0.8;
      found.set(id, { score, strength: terms.includes(concept) ? weightOf(fields) : guess });
    }
    const synonyms = SYNONYMS.get(concept)?.filter((synonym) => !concepts.includes(synonym));
    for (const synonym of synonyms ?? []) {
      for (const { id, score } of this.#search(synonym, false)) {
        const before = found.get(id);
        found.set(id, {
          score: Math.max(before?.score ?? 0, 0.4 * score),
          strength: Math.max(before?.strength ?? 0, 0.6),
        });
      }
    }
    return found;
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

/** The words of a question that say what it is about, as they stand in the index. */
export function conceptsOf(question: string): readonly string[] {
  const words = question
    .slice(0, MAX_QUESTION_LENGTH)
    .replace(/\b(?:log|sign)(?:ging|ing)?[ -]in(?:to)?\b/gi, 'login')
    .split(/[^\p{L}\p{N}_]+/u)
    .filter((word) => word.length > 1 && !STOP_WORDS.has(word.toLowerCase()));
  return [...new Set(words.flatMap((word) => termsOf(word).slice(0, 1)))].slice(0, MAX_CONCEPTS);
}

/** The words of a text, in the one form in which both sides of the search have them. */
export function termsOf(text: string): string[] {
  const terms: string[] = [];
  for (const [word] of text.matchAll(/[\p{L}\p{N}](?:[\p{L}\p{N}_]*[\p{L}\p{N}])?/gu)) {
    // `session_join` and `maxPayload` are found whole and by their parts.
    const parts = word.split(/_+|(?<=\p{Ll})(?=\p{Lu})/u);
    if (parts.length > 1) terms.push(word.toLowerCase());
    for (const part of parts) {
      if (part.length > 1 || /\d/.test(part)) terms.push(stem(part.toLowerCase()));
    }
  }
  return terms;
}

/** Enough for English technical prose: `resumes`, `resuming` and `resumed` become one. */
function stem(word: string): string {
  if (word.length < 4 || !/^[a-z]+$/.test(word)) return word;
  const singular = word.replace(/ies$/, 'y').replace(/(?<![su])s$/, '');
  const base = singular
    .replace(/(?<=\w{4})(?:ing|ed)$/, '')
    .replace(/(?<=\w{6})(?:ion|ment)$/, '')
    .replace(/([bdgklmnprt])\1$/, '$1');
  return base.replace(/(?<=\w{3})e$/, '');
}

function normalise(text: string): string {
  return conceptsOf(text).join(' ');
}

/** How much it says of a section that a word stands in these parts of it. */
function weightOf(fields: ReadonlySet<string>): number {
  if (fields.has('heading')) return 1.5;
  return fields.size === 1 && fields.has('code') ? 0.5 : 1;
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
