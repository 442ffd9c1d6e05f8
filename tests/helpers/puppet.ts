import {
  type Agent,
  type AgentContext,
  type AgentDefinition,
  type AgentEvent,
  type AgentInput,
  defineAgent,
} from '../../packages/gateway/src/index.ts';

/** One run of a puppet: it says what the test says, when the test says it. */
export class PuppetRun {
  readonly input: AgentInput;
  readonly context: AgentContext;
  /** Resolves when the gateway has told the agent to stop. */
  readonly aborted: Promise<void>;
  readonly #lines: { event?: AgentEvent; error?: unknown; end?: true; taken: () => void }[] = [];
  #wake: () => void = () => {};

  constructor(input: AgentInput, context: AgentContext) {
    this.input = input;
    this.context = context;
    this.aborted = new Promise((resolve) => {
      if (context.signal.aborted) resolve();
      else context.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** Resolves when the gateway asks for what comes after it. */
  say(event: AgentEvent): Promise<void> {
    return this.#put({ event });
  }

  /** The answer is complete. */
  finish(): Promise<void> {
    return this.#put({ end: true });
  }

  fail(error: unknown): Promise<void> {
    return this.#put({ error });
  }

  #put(line: { event?: AgentEvent; error?: unknown; end?: true }): Promise<void> {
    return new Promise((taken) => {
      this.#lines.push({ ...line, taken });
      this.#wake();
    });
  }

  /** Does not look at the signal: what a puppet is told it says, also after a stop. */
  async *play(): AsyncGenerator<AgentEvent> {
    for (;;) {
      const line = this.#lines.shift();
      if (!line) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      if ('error' in line || line.end) line.taken();
      if ('error' in line) throw line.error;
      if (line.end) return;
      yield line.event as AgentEvent;
      line.taken();
    }
  }
}

export interface Puppet {
  readonly agent: Agent;
  /** How often it was called. */
  readonly calls: number;
  /** The next run that has not been taken yet. */
  next(): Promise<PuppetRun>;
}

/** An agent that a test moves by hand. */
export function puppet(definition: Partial<AgentDefinition> = {}): Puppet {
  const runs: PuppetRun[] = [];
  const waiting: ((run: PuppetRun) => void)[] = [];
  let calls = 0;
  const agent = defineAgent({
    name: 'puppet',
    ...definition,
    run(input, context) {
      calls += 1;
      const run = new PuppetRun(input, context);
      const taker = waiting.shift();
      if (taker) taker(run);
      else runs.push(run);
      return run.play();
    },
  });
  return {
    agent,
    get calls() {
      return calls;
    },
    next: async () => runs.shift() ?? new Promise((resolve) => waiting.push(resolve)),
  };
}
