/** What the tests of agents share: asking one and reading what it says. */
import type {
  Agent,
  AgentContext,
  AgentEvent,
  AgentInput,
  ChatTurn,
} from '../../packages/gateway/src/agents/agent.ts';

export interface Ask {
  readonly signal?: AbortSignal;
  readonly history?: readonly ChatTurn[];
  /** Called with each event before the next is asked for. */
  readonly onEvent?: (event: AgentEvent) => void;
}

/** All events of an answer; rejects as the agent does. */
export async function ask(agent: Agent, message: string, options: Ask = {}): Promise<AgentEvent[]> {
  const input: AgentInput = {
    sessionId: 'session',
    runId: 'run',
    message,
    attempt: 1,
    history: async () => options.history ?? [],
  };
  const context: AgentContext = {
    signal: options.signal ?? new AbortController().signal,
    approve: async () => ({ approved: false }),
  };
  const events: AgentEvent[] = [];
  for await (const event of agent.run(input, context)) {
    events.push(event);
    options.onEvent?.(event);
  }
  return events;
}

export function textOf(events: readonly AgentEvent[]): string {
  return events
    .map((event) => {
      if (typeof event === 'string') return event;
      return event.type === 'text' ? event.text : '';
    })
    .join('');
}

export async function answer(agent: Agent, message: string, options?: Ask): Promise<string> {
  return textOf(await ask(agent, message, options));
}

/** The error that an agent throws; fails where it throws none. */
export async function failure(agent: Agent, message: string, options?: Ask): Promise<Error> {
  return ask(agent, message, options).then(
    () => {
      throw new TypeError('expected the agent to fail');
    },
    (error: Error) => error,
  );
}
