/** Words as both sides of the guide's search have them: of the documentation, and of questions. */

/** Questions are read up to here: the rest of a very long one costs time and adds nothing. */
const MAX_QUESTION_LENGTH = 1_000;
const MAX_CONCEPTS = 24;

const STOP_WORDS = new Set(
  (
    'a about add after all also am an and any are as at be because been but by can could did ' +
    'do does doing done else ever everything explain find for from get give go going got had ' +
    'happen happens has have having hello help hey hi how i if in into is it its just kind ' +
    'know let like ll look made make many may me mean means middle might more most much must ' +
    'my need no not of often ok okay on one or other our out own parley please possible re s ' +
    'say see shall should show so some something such supported sure t tell ' +
    'than thank thanks that the their them then there these they thing things this to too ' +
    'understand up us use used user users uses using ve very want was way we well were what ' +
    'when where whether which while who whose why will with won work working works would you ' +
    'your'
  ).split(' '),
);

/** People's words for the same matter; of less weight than the word that was asked for. */
const SYNONYMS = new Map(
  [
    'stop cancel abort interrupt',
    'auth authentication login password credential token account',
    'install setup start quickstart',
    'deploy deployment production docker hosting',
    'scale cluster node horizontal grow',
    'resume reconnect offline disconnect lost',
    'limit bound quota',
    'rate throttle',
    'answer reply',
    'size big large long maximum byte',
    'error failure problem troubleshoot',
    'model llm openai ollama gpt',
    'metric monitoring prometheus observability',
    'store database persistence sqlite storage',
    'postgres postgresql',
    'delete remove retention erase',
    'config configuration setting option environment',
    'secure security safe attack',
    'stream chunk delta',
    'browser web frontend ui',
    'contribute contributing development',
    'several multiple',
    'backup back',
    'fast performance latency throughput benchmark speed',
  ].flatMap((line) => {
    const group = line.split(' ').map(stem);
    return group.map((word) => [word, group.filter((other) => other !== word)] as const);
  }),
);

/** Whether a word says nothing of what is asked. */
export function isStopWord(word: string): boolean {
  return STOP_WORDS.has(word);
}

/** Other words, as they stand in the index, for the same matter. */
export function synonymsOf(term: string): readonly string[] {
  return SYNONYMS.get(term) ?? [];
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
