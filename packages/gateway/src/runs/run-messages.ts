/** The messages of one run, as they go over the wire and into the log. */
import {
  createMessage,
  type RunEnd,
  type ServerMessageOf,
  type ServerMessageType,
  type SessionEvent,
} from '@parley/protocol';
import type { AgentEvent } from '../agents/agent.ts';
import { randomId } from '../random-id.ts';
import type { NewEvent, UnendedRun } from '../stores/store.ts';
import type { RunFault, RunSpec } from './run.ts';

type Of<Type extends Exclude<AgentEvent, string>['type']> = Extract<AgentEvent, { type: Type }>;

/** The `run_status` of a run that waits behind so many others of its session, wherever it is. */
export function queued(
  session_id: string,
  { runId, replyTo, agent, attempt }: UnendedRun,
  position: number,
): ServerMessageOf<'run_status'> {
  const envelope = { session_id, reply_to: replyTo, run_id: runId, attempt };
  return createMessage('run_status', { agent_name: agent, status: 'queued', position }, envelope);
}

export class RunMessages {
  readonly #spec: RunSpec;
  readonly #agentName: string;

  constructor(spec: RunSpec) {
    this.#spec = spec;
    this.#agentName = spec.agent.name;
  }

  chunk(offset: number, content: string) {
    const data = { agent_name: this.#agentName, offset, content };
    return this.#message('agent_chunk', data, this.#spec.answerId);
  }

  progress({ agents, overallProgress, currentAgent }: Of<'progress'>) {
    return this.#message('agent_progress', {
      agents: agents.map((one) => ({ ...one })),
      overall_progress: overallProgress,
      ...(currentAgent === undefined ? {} : { current_agent: currentAgent }),
    });
  }

  /** `position`: 0 and absent are the same. */
  status(status: ServerMessageOf<'run_status'>['data']['status'], position = 0) {
    const agent_name = this.#agentName;
    const { traceparent } = this.#spec;
    const message = this.#message(
      'run_status',
      position === 0 ? { agent_name, status } : { agent_name, status, position },
    );
    return traceparent === undefined ? message : { ...message, traceparent };
  }

  /** `offset`: where in the answer the call stands. */
  toolCall(event: Of<'tool_call'>, offset: number): NewEvent {
    return this.#event('tool_call', {
      agent_name: this.#agentName,
      tool_call_id: event.id,
      tool_name: event.name,
      arguments: event.arguments,
      offset,
    });
  }

  toolResult(event: Of<'tool_result'>): NewEvent {
    return this.#event('tool_result', {
      agent_name: this.#agentName,
      tool_call_id: event.id,
      tool_name: event.name,
      result: event.result,
      is_error: event.isError ?? false,
    });
  }

  approval(data: Omit<ServerMessageOf<'approval_request'>['data'], 'agent_name'>): NewEvent {
    return this.#event('approval_request', { agent_name: this.#agentName, ...data });
  }

  end(status: RunEnd, content: string, fault?: RunFault) {
    const said = {
      role: 'assistant' as const,
      agent_name: this.#agentName,
      content,
      status,
      message_type: 'text' as const,
    };
    return this.#event(
      'agent_response',
      fault ? { ...said, error: fault.message, code: fault.code } : said,
      this.#spec.answerId,
    ) as Extract<NewEvent, { type: 'agent_response' }>;
  }

  #event<Type extends SessionEvent['type']>(
    type: Type,
    data: ServerMessageOf<Type>['data'],
    message_id: string = randomId(),
  ): NewEvent {
    return this.#message(type, data, message_id) as NewEvent;
  }

  #message<Type extends ServerMessageType>(
    type: Type,
    data: ServerMessageOf<Type>['data'],
    message_id?: string,
  ) {
    const { sessionId: session_id, replyTo: reply_to, runId: run_id, attempt } = this.#spec;
    const envelope =
      message_id === undefined
        ? { session_id, reply_to, run_id, attempt }
        : { session_id, message_id, reply_to, run_id, attempt };
    return createMessage(type, data, envelope);
  }
}
