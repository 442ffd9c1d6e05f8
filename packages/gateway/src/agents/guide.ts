/** The agent that answers out of the box: it looks Parley's documentation through, offline. */
import { type Agent, defineAgent } from './agent.ts';
import { excerptOf } from './guide-excerpt.ts';
import { DocumentSearch, type Hit } from './guide-search.ts';
import { DOCUMENT_ROOTS, readSections, type Section } from './guide-sections.ts';
import { conceptsOf } from './guide-words.ts';
import { paced } from './pace.ts';

export interface GuideOptions {
  /**
   * Directories that may hold the documentation (`README.md`, `PROTOCOL.md`, `docs/` …); the first
   * with a `PROTOCOL.md` is read. Default: what the published package brings, then the repository.
   */
  readonly roots?: readonly string[];
  /** How fast it writes; 0 is as fast as possible. Default 100. */
  readonly wordsPerSecond?: number;
}

/** What somebody new would ask: titles of sections, each shown only where there is such a section. */
const SUGGESTIONS = [
  'How do I write an agent?',
  'How do I use a language model, from OpenAI or elsewhere?',
  'How do I stop an answer?',
  'How do I change the port?',
  'Where does Parley keep its data, and in which database?',
  'What it does not do yet',
];
const GREETING =
  /^\/?(?:hi|hello|hey|hallo|help|start|good (?:morning|afternoon|evening|day))\b[\s!.,?:)]*(?:there|guide|parley)?[\s!.?]*$/i;
const WHO_ARE_YOU = /^(?:who are you|what (?:can you do|can i ask|do you do|are you))\b[\s!.?]*$/i;
const THANKS = /^(?:thanks?(?: you)?|thx|ok(?:ay)?|great|cool|bye)[\s!.]*$/i;
/** A longer message is a question, whatever it begins with. */
const MAX_GREETING_LENGTH = 60;
const MAX_SEE_ALSO = 3;
/** What speaks of less of the question may not be what was meant. */
const SURE = 0.7;

/**
 * An agent named `guide`. It answers with the section of the documentation that fits a question
 * best and says where that stands; it is no language model and says so. The documentation is read
 * at the first question.
 *
 * @example
 * const registry = new AgentRegistry([createGuideAgent()], 'guide');
 */
export function createGuideAgent(options: GuideOptions = {}): Agent {
  const { roots = DOCUMENT_ROOTS, wordsPerSecond = 100 } = options;
  let loading: Promise<DocumentSearch> | undefined;
  const load = (): Promise<DocumentSearch> => {
    loading ??= readSections(roots)
      .then((sections) => DocumentSearch.build(sections))
      .catch((cause) => {
        loading = undefined; // The next question tries again.
        throw new Error('The documentation could not be read.', { cause });
      });
    return loading;
  };
  return defineAgent({
    name: 'guide',
    description: "Answers questions about Parley from Parley's own documentation, offline.",
    role: 'guide',
    capabilities: ['streaming', 'documentation'],
    examples: ['What is Parley?', ...SUGGESTIONS.slice(0, 3)],
    onInterrupt: 'retry',
    async *run({ message }, { signal }) {
      const answer = answerTo(message, await load());
      yield* paced(answer.match(/\s*\S+\s*/g) ?? [], wordsPerSecond, signal);
    },
  });
}

function answerTo(message: string, search: DocumentSearch): string {
  const question = message.trim();
  if (search.sections.length === 0) {
    return (
      'I answer from Parley’s documentation, but it is not installed beside this server, so there ' +
      'is nothing that I could look through.'
    );
  }
  const titled = search.titled(question);
  if (!titled && question.length <= MAX_GREETING_LENGTH) {
    if (GREETING.test(question) || WHO_ARE_YOU.test(question)) return greeting(search);
    if (THANKS.test(question)) return 'You are welcome. Ask on whenever you like.';
  }
  const concepts = conceptsOf(question);
  // "What is Parley?": no word is left that would tell one section from another.
  if (!titled && concepts.length === 0 && /\p{L}{2}/u.test(question)) return introduction(search);
  const hits = search.search(question);
  const best = titled ? { section: titled, score: hits[0]?.score ?? 1, coverage: 1 } : hits[0];
  return best ? found(best, hits, search, concepts) : notFound(search);
}

function greeting(search: DocumentSearch): string {
  return [
    'Hello! I am the guide to Parley. I look your question up in Parley’s documentation and show ' +
      'you the section that answers it. I am a search, not a language model.',
    invitation(search),
  ].join('\n\n');
}

function notFound(search: DocumentSearch): string {
  return [
    'I found nothing about that in Parley’s documentation, and that is all I know.',
    invitation(search),
  ].join('\n\n');
}

/** What the first page begins with. */
function introduction(search: DocumentSearch): string {
  const section = search.sections.find(({ blocks }) => blocks.some(({ text }) => text !== ''));
  const [first] = section?.blocks ?? [];
  if (!section || !first) return greeting(search);
  return [first.text, `Source: ${placeOf(section)}`, invitation(search)].join('\n\n');
}

function found(
  best: Hit,
  hits: readonly Hit[],
  search: DocumentSearch,
  concepts: readonly string[],
): string {
  const { section, coverage } = best;
  const { markdown, shown, shortened } = excerptOf(section, search.sections, concepts);
  const lead =
    coverage < SURE
      ? 'I am not sure that this is what you mean. The closest that I found: '
      : 'From Parley’s documentation: ';
  const parts = [
    `${lead}**${section.path.at(-1)}**`,
    markdown || 'This section has no text of its own.',
    `Source: ${placeOf(section)}${shortened ? ' (shortened)' : ''}`,
  ];
  const others = hits
    .filter((hit) => !shown.has(hit.section) && hit.score > best.score * 0.1)
    .slice(0, MAX_SEE_ALSO);
  if (others.length > 0) {
    parts.push(`See also:\n\n${others.map((hit) => `- ${placeOf(hit.section)}`).join('\n')}`);
  }
  return parts.join('\n\n');
}

/** File and headings, from the outermost in. */
function placeOf({ file, path }: Section): string {
  return [`\`${file}\``, ...path.filter((heading) => heading !== file)].join(' › ');
}

/** Questions that can be asked as they stand here. */
function invitation(search: DocumentSearch): string {
  const topics = SUGGESTIONS.filter((title) => search.titled(title));
  if (topics.length === 0) return 'Ask me anything about Parley.';
  return `You could ask:\n\n${topics.map((topic) => `- ${topic}`).join('\n')}`;
}
