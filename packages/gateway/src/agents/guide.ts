/** The agent that answers out of the box: it looks Parley's documentation through, offline. */
import { type Agent, defineAgent } from './agent.ts';
import { excerptOf } from './guide-excerpt.ts';
import { conceptsOf, DocumentSearch, type Hit } from './guide-search.ts';
import { DOCUMENT_ROOTS, readSections, type Section } from './guide-sections.ts';
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

const GREETING =
  /^(?:hi|hello|hey|hallo|help|start|good (?:morning|afternoon|evening|day))\b[\s!.,?:)]*(?:there|guide|parley)?[\s!.?]*$/i;
const WHO_ARE_YOU = /^(?:who are you|what (?:can you do|can i ask|do you do|are you))\b[\s!.?]*$/i;
const THANKS = /^(?:thanks?(?: you)?|thx|ok(?:ay)?|great|cool|bye)[\s!.]*$/i;
/** Headings that are no topic to ask about. */
const NO_TOPIC = /^(?:table of )?contents$|^licen[cs]e$|^status$/i;
/** A longer message is a question, whatever it begins with. */
const MAX_GREETING_LENGTH = 60;
const MAX_TOPICS = 6;
const MAX_SEE_ALSO = 3;

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
  if (question.length <= MAX_GREETING_LENGTH) {
    if (GREETING.test(question) || WHO_ARE_YOU.test(question)) return greeting(search);
    if (THANKS.test(question)) return 'You are welcome. Ask on whenever you like.';
  }
  const concepts = conceptsOf(question);
  // "What is Parley?": no word is left that would tell one section from another.
  if (concepts.length === 0 && /\p{L}{2}/u.test(question)) return introduction(search);
  const hits = search.search(question);
  const [best] = hits;
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

function introduction(search: DocumentSearch): string {
  const section = search.sections.find(({ blocks }) => blocks.length > 0);
  if (!section) return greeting(search);
  const about = found({ section, score: 1, coverage: 1 }, [], search, []);
  return `${about}\n\n${invitation(search)}`;
}

function found(
  best: Hit,
  hits: readonly Hit[],
  search: DocumentSearch,
  concepts: readonly string[],
): string {
  const { section, coverage } = best;
  const { markdown, shown, shortened } = excerptOf(section, search.sections, concepts);
  const title = section.path.at(-1);
  const parts = [
    coverage < 0.5
      ? `I am not sure that this is what you mean; the closest that I found is **${title}**.`
      : `This is what the documentation says about **${title}**.`,
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

/** A few headings from all over the documentation: one of each page, then the next of each. */
function invitation({ sections }: DocumentSearch): string {
  const pages = Map.groupBy(
    sections.filter(({ level, path }) => level === 2 && !NO_TOPIC.test(path.at(-1) ?? '')),
    ({ file }) => file,
  );
  const topics = new Set<string>();
  for (let turn = 0; turn < MAX_TOPICS; turn += 1) {
    for (const page of pages.values()) {
      const topic = page[turn]?.path.at(-1);
      if (topic !== undefined && topics.size < MAX_TOPICS) topics.add(topic);
    }
  }
  if (topics.size === 0) return 'Ask me anything about Parley.';
  return `You could ask about:\n\n${[...topics].map((topic) => `- ${topic}`).join('\n')}`;
}
