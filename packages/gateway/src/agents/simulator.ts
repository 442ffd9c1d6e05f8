/** An agent whose every word is known beforehand, for tests and for load. */
import { type AgentEvent, type AgentInput, defineAgent } from './agent.ts';
import { paced } from './pace.ts';

interface Script {
  /** Words in the answer. */
  readonly tokens: number;
  /** Words a second; 0 is as fast as possible. */
  readonly rate: number;
  readonly seed: number;
  /** Fail before this word, counted from 1; `undefined`: never. */
  readonly failAt: number | undefined;
  readonly tool: string | undefined;
  readonly agents: number;
}

/** Bounds of each number in a script. */
const NUMBERS = {
  tokens: { min: 0, max: 100_000, about: 'words in the answer (50 unless told)' },
  rate: { min: 0, max: 100_000, about: 'words a second; 0, the default, is as fast as possible' },
  seed: { min: 0, max: 4_294_967_295, about: 'varies what is random (0 unless told)' },
  fail_at: { min: 1, max: 100_000, about: 'fail before this word' },
  agents: { min: 0, max: 16, about: 'report the progress of this many agents' },
} as const;
type NumberKey = keyof typeof NUMBERS;

const TOOL_NAME = /^[\w.-]{1,64}$/;

const USAGE = [
  'I answer with the words `t1 t2 t3 …` by a script, such as' +
    ' `tokens=200 rate=100 seed=7 fail_at=120 tool=search agents=3`. Each part may be left out:',
  '',
  ...Object.entries(NUMBERS).map(
    ([key, { min, max, about }]) => `- \`${key}\`: ${about}; ${min} to ${max}`,
  ),
  '- `tool`: call a tool of this name in mid-answer; 1 to 64 letters, digits, `_`, `.` or `-`',
].join('\n');

/**
 * Reads its script from the message (see `USAGE`); word n is `t<n>` and a space. The same script
 * gives the same events, whatever the rate.
 */
export const simulatorAgent = defineAgent({
  name: 'simulator',
  description: 'Answers by a script such as tokens=200 rate=100, for tests and load.',
  role: 'test agent',
  capabilities: ['streaming', 'progress', 'tools'],
  examples: ['tokens=200 rate=30', 'tokens=60 rate=20 tool=search agents=3'],
  onInterrupt: 'retry',
  async *run(input, { signal }) {
    const { script, problem } = parse(input.message);
    if (problem !== undefined) {
      yield `${problem}\n\n${USAGE}`;
      return;
    }
    for await (const events of paced(turns(script, input), script.rate, signal)) yield* events;
  },
});

function parse(
  message: string,
):
  | { readonly script: Script; readonly problem?: undefined }
  | { readonly script?: undefined; readonly problem: string } {
  const numbers = new Map<string, number>();
  let tool: string | undefined;
  for (const part of message.trim().split(/\s+/)) {
    const [, key = '', value = ''] = /^(\w+)=(.*)$/.exec(part) ?? [];
    if (key === 'tool') {
      if (!TOOL_NAME.test(value)) return { problem: `I do not understand ${quote(part)}.` };
      tool = value;
      continue;
    }
    if (!isNumberKey(key)) return { problem: `I do not understand ${quote(part)}.` };
    const { min, max } = NUMBERS[key];
    const number = Number(value);
    if (!/^\d{1,10}$/.test(value) || number < min || number > max) {
      return { problem: `${quote(part)}: expected a whole number from ${min} to ${max}.` };
    }
    numbers.set(key, number);
  }
  return {
    script: {
      tokens: numbers.get('tokens') ?? 50,
      rate: numbers.get('rate') ?? 0,
      seed: numbers.get('seed') ?? 0,
      failAt: numbers.get('fail_at'),
      tool,
      agents: numbers.get('agents') ?? 0,
    },
  };
}

function isNumberKey(key: string): key is NumberKey {
  return Object.hasOwn(NUMBERS, key);
}

/** What was written, short and harmless within Markdown. */
function quote(part: string): string {
  return `\`${part.slice(0, 40).replaceAll('`', "'").toWellFormed()}\``;
}

/** The events of each turn: a word, after what comes before it; and last what comes after all. */
function* turns(script: Script, input: AgentInput): Generator<readonly AgentEvent[]> {
  const { tokens, failAt, tool } = script;
  const random = mulberry32(script.seed);
  // Drawn whether or not it is used, so that a tool does not change the progress.
  const toolBefore = tokens < 2 ? 1 : 2 + Math.floor(random() * (tokens - 1));
  const call = tool === undefined ? [] : toolEvents(tool, input, random);
  const steps = progressEvents(script.agents, mulberry32(script.seed + 1));
  let shown = 0;
  for (let n = 1; n <= tokens + 1; n += 1) {
    if (n === failAt && n <= tokens) {
      throw new Error(`The script says to fail before token ${n}.`);
    }
    const events: AgentEvent[] = [];
    // The first step stands before the first word, the last one after the last word.
    while (shown < steps.length && n > (shown * tokens) / Math.max(1, steps.length - 1)) {
      events.push(steps[shown] as AgentEvent);
      shown += 1;
    }
    if (n === toolBefore) events.push(...call);
    if (n <= tokens) events.push(`t${n} `);
    if (events.length > 0) yield events;
  }
}

const QUERIES = ['weather in Lisbon', 'train times', 'the word "seq"', 'opening hours'];

function toolEvents(name: string, input: AgentInput, random: () => number): AgentEvent[] {
  const id = `call-${input.runId}-${input.attempt}`;
  const query = QUERIES[Math.floor(random() * QUERIES.length)] as string;
  const limit = 1 + Math.floor(random() * 10);
  const hits = Math.floor(random() * (limit + 1));
  return [
    { type: 'tool_call', id, name, arguments: { query, limit } },
    { type: 'tool_result', id, name, result: { hits, milliseconds: Math.floor(random() * 900) } },
  ];
}

const ROLES = ['planner', 'researcher', 'writer', 'reviewer'];

/** One agent after another goes from `waiting` through `processing` to `complete`. */
function progressEvents(count: number, random: () => number): AgentEvent[] {
  const names = Array.from({ length: count }, (_, i) => `${ROLES[i % ROLES.length]}-${i + 1}`);
  const at = (current: number, progress: number): AgentEvent => ({
    type: 'progress',
    agents: names.map((name, i) => {
      if (i < current) return { name, status: 'complete', progress: 1 };
      if (i > current) return { name, status: 'waiting', progress: 0 };
      return { name, status: 'processing', progress };
    }),
    overallProgress: Math.min(1, (current + progress) / count),
    ...(current >= 0 && current < count ? { currentAgent: names[current] as string } : {}),
  });
  if (count === 0) return [];
  const events = [at(-1, 1)];
  for (let agent = 0; agent < count; agent += 1) {
    const pauses = 1 + Math.floor(random() * 3);
    for (let step = 0; step <= pauses; step += 1) events.push(at(agent, step / (pauses + 1)));
  }
  return [...events, at(count, 0)];
}

/** A small generator of numbers from 0 to 1, the same for the same seed (Tommy Ettinger's). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
