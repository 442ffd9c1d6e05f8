/** What Parley asks of an agent, and nothing more. */
import type { Json } from '@parley/protocol';

/** What an agent says while it works. A plain string is text of the answer. */
export type AgentEvent =
  | string
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'progress';
      readonly agents: readonly {
        readonly name: string;
        readonly status: 'waiting' | 'processing' | 'complete' | 'error';
        /** 0 to 1. */
        readonly progress: number;
        readonly message?: string;
      }[];
      /** 0 to 1. */
      readonly overallProgress: number;
      readonly currentAgent?: string;
    }
  /** On disk before the agent is asked for its next event, so yield it before the tool acts. */
  | {
      readonly type: 'tool_call';
      readonly id: string;
      readonly name: string;
      readonly arguments: Json;
    }
  | {
      readonly type: 'tool_result';
      readonly id: string;
      readonly name: string;
      readonly result: Json;
      readonly isError?: boolean;
    };

/** A turn of the conversation as the people in it see it: superseded messages are left out. */
export interface ChatTurn {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

export interface AgentInput {
  readonly sessionId: string;
  readonly runId: string;
  /** The text of the message to answer. */
  readonly message: string;
  /** 1, or more where an earlier try was interrupted. */
  readonly attempt: number;
  /**
   * The conversation before this message, oldest first: at most the 200 newest turns, and of them
   * those that hold no more than 1,000,000 characters together.
   * Read from the store when it is asked for.
   */
  history(): Promise<readonly ChatTurn[]>;
}

export interface AgentContext {
  /** Aborted by a stop, a time-out or a deletion. What the agent says after that is not sent. */
  readonly signal: AbortSignal;
  /**
   * Asks the people in the session whether a tool may be used, and waits for the first decision.
   * Rejects when `signal` aborts.
   */
  approve(request: {
    readonly tool: string;
    readonly arguments: Json;
  }): Promise<{ readonly approved: boolean; readonly reason?: string }>;
  /**
   * Headers by which what the agent calls takes part in the trace of the run: `traceparent`, and
   * `tracestate` where there is one. Absent where traces are off.
   */
  readonly traceHeaders?: () => Readonly<Record<string, string>>;
}

/** More would be a list to read. */
const MAX_EXAMPLES = 8;
/** Characters; more does not fit on a button. */
const EXAMPLE_LENGTH = 200;

function isExample(text: string): boolean {
  return text.trim() !== '' && text.length <= EXAMPLE_LENGTH;
}

/** What happens to a run whose process died: run again as the next attempt, or end as `interrupted`. */
export type OnInterrupt = 'retry' | 'fail';

/** Everything an agent may answer with; a whole text is an answer of one piece. */
export type AgentAnswer =
  | AsyncIterable<AgentEvent>
  | Iterable<AgentEvent>
  | string
  | Promise<string | AsyncIterable<AgentEvent>>;

export interface AgentDefinition {
  /** Unique; 1 to 128 printable characters without spaces. */
  readonly name: string;
  readonly description?: string;
  /** What it is to people, in a word or two. */
  readonly role?: string;
  readonly capabilities?: readonly string[];
  /** Questions to begin with, which people may ask by a click: at most 8, of 1 to 200 characters each. */
  readonly examples?: readonly string[];
  /** The names of the tools that it may use. */
  readonly tools?: readonly string[];
  /** Default: `fail` for an agent with `tools`, else `retry`. */
  readonly onInterrupt?: OnInterrupt;
  readonly run: (input: AgentInput, context: AgentContext) => AgentAnswer;
}

/** A definition with its defaults filled in. */
export interface Agent {
  readonly name: string;
  readonly description: string;
  readonly role: string;
  readonly capabilities: readonly string[];
  readonly examples: readonly string[];
  readonly onInterrupt: OnInterrupt;
  run(input: AgentInput, context: AgentContext): AsyncIterable<AgentEvent>;
}

/**
 * Makes an agent out of a function.
 *
 * @throws {TypeError} where the name is not 1 to 128 printable characters without spaces, `run` is no
 *   function, or there are too many or too long examples.
 *
 * @example
 * const parrot = defineAgent({
 *   name: 'parrot',
 *   async *run({ message }, { signal }) {
 *     for (const word of message.split(' ')) {
 *       if (signal.aborted) return;
 *       yield `${word} `;
 *     }
 *   },
 * });
 */
export function defineAgent(definition: AgentDefinition): Agent {
  const { name, run, examples = [] } = definition;
  if (!/^[\x21-\x7e]{1,128}$/.test(name)) {
    throw new TypeError(
      `Agent name ${JSON.stringify(name)}: expected 1 to 128 printable ASCII characters without spaces.`,
    );
  }
  if (typeof run !== 'function') {
    throw new TypeError(`Agent ${name}: expected run to be a function, got ${typeof run}.`);
  }
  if (examples.length > MAX_EXAMPLES || !examples.every(isExample)) {
    throw new TypeError(
      `Agent ${name}: expected at most ${MAX_EXAMPLES} examples, each of 1 to ${EXAMPLE_LENGTH} characters.`,
    );
  }
  return {
    name,
    description: definition.description ?? '',
    role: definition.role ?? 'assistant',
    capabilities: definition.capabilities ?? [],
    examples,
    onInterrupt: definition.onInterrupt ?? (definition.tools?.length ? 'fail' : 'retry'),
    run(input, context) {
      const answer = run(input, context);
      // As it is, where it can be: each step more is one for each piece.
      if (isAsyncIterable(answer)) return answer;
      if (typeof answer === 'string') return new OnePiece(answer);
      return pieces(answer);
    },
  };
}

/** An answer that is there at once: a generator would take longer than all that is done with it. */
class OnePiece implements AsyncIterable<AgentEvent>, AsyncIterator<AgentEvent> {
  #text: string | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<AgentEvent>> {
    const value = this.#text;
    this.#text = undefined;
    return Promise.resolve(value === undefined ? { done: true, value } : { done: false, value });
  }
}

async function* pieces(
  given: Exclude<AgentAnswer, AsyncIterable<AgentEvent> | string>,
): AsyncGenerator<AgentEvent> {
  const answer = await given;
  if (typeof answer === 'string') yield answer;
  else if (isIterable(answer)) yield* answer;
  else {
    const what = answer === null ? 'null' : typeof answer;
    throw new TypeError(
      `run returned ${what}; expected a text, or an iterable of texts and events.`,
    );
  }
}

/** What is no TypeScript may give anything. */
function isIterable(answer: Iterable<AgentEvent> | AsyncIterable<AgentEvent>): boolean {
  if (typeof answer !== 'object' || answer === null) return false;
  return Symbol.asyncIterator in answer || Symbol.iterator in answer;
}

function isAsyncIterable(answer: AgentAnswer): answer is AsyncIterable<AgentEvent> {
  return typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer;
}
