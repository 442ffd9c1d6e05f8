/** One agent invocation in answer to one message: from its turn in the queue to its one end. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  createMessage,
  type ErrorCode,
  type RunEnd,
  type ServerMessage,
  type ServerMessageOf,
  type SessionEvent,
} from '@parley/protocol';
import type { Agent, AgentContext, AgentEvent, AgentInput, ChatTurn } from '../agents/agent.ts';
import type { Logger } from '../log.ts';
import { type NewEvent, type Store, StoreError } from '../stores/store.ts';
import { checkApproval, checkEvent, reasonOf } from './agent-events.ts';
import { Approvals, type Decision } from './approvals.ts';
import type { RunJob } from './run-queue.ts';

/** Tells everyone in the session. */
export type Publish = (message: ServerMessage & { session_id: string }) => void;

export interface RunSpec extends RunJob {
  readonly replyTo: string;
  readonly answerId: string;
  readonly agent: Agent;
  readonly attempt: number;
  readonly message: string;
  /** The `seq` of the message that it answers. */
  readonly seq: number;
  readonly history: () => Promise<readonly ChatTurn[]>;
}

export interface RunDeps {
  readonly store: Store;
  readonly publish: Publish;
  readonly log: Logger;
  /** Milliseconds. */
  readonly runTimeout: number;
  /** UTF-16 code units. */
  readonly maxAnswerLength: number;
}

/** Why a run did not complete, for people and programs. */
export interface RunFault {
  readonly code: ErrorCode;
  readonly message: string;
}

/** Made once: an `AbortError` per run, with its stack, is what a short run spends most of its time on. */
const RUN_ENDED = new DOMException('The run has ended.', 'AbortError');

/** An agent has the event loop for so long before others have their turn. */
const SLICE_MS = 5;
/** How long to wait before a terminal event that the store did not take is offered again: the first time, */
const COMMIT_RETRY_MS = 250;
/** and at the most. It doubles each time: a full disk is not helped by being asked. */
const MAX_COMMIT_RETRY_MS = 5_000;

/** `released`: this process gave it up without an end; another attempt will make one. */
type RunState = 'queued' | 'running' | 'ending' | 'ended' | 'released';

export class Run {
  readonly spec: RunSpec;
  readonly #deps: RunDeps;
  readonly #controller = new AbortController();
  readonly #approvals: Approvals;
  #state: RunState = 'queued';
  #text = '';
  /** The first half of a surrogate pair whose second half has not come yet. */
  #held = '';
  #timer: NodeJS.Timeout | undefined;
  readonly #settled = Promise.withResolvers<RunEnd | 'released'>();

  constructor(spec: RunSpec, deps: RunDeps) {
    this.spec = spec;
    this.#deps = deps;
    this.#approvals = new Approvals(this.#controller.signal, (data) =>
      this.#append('approval_request', { agent_name: spec.agent.name, ...data }),
    );
  }

  get state(): RunState {
    return this.#state;
  }

  /** What the agent has written so far. */
  get text(): string {
    return this.#text;
  }

  /** How it ended, once that is on disk. Never rejects. */
  get settled(): Promise<RunEnd | 'released'> {
    return this.#settled.promise;
  }

  /** Runs the agent. Resolves when the end is on disk, even where the agent does not return. */
  async execute(): Promise<void> {
    if (this.#state === 'queued') {
      this.#state = 'running';
      this.#timer = setTimeout(() => {
        const limit = this.#deps.runTimeout;
        this.#fail('TIMEOUT', `The agent did not finish within ${limit / 1_000} s.`);
      }, this.#deps.runTimeout);
      this.#status('running');
      void this.#consume();
    }
    await this.#settled.promise;
  }

  /** Ends it as `cancelled`. From here on nothing that the agent says is sent (R4). */
  stop(): Promise<RunEnd | 'released'> {
    return this.#end('cancelled');
  }

  /** Ends a run that an earlier process left behind, whose agent must not act twice. */
  interrupt(fault: RunFault): Promise<RunEnd | 'released'> {
    return this.#end('interrupted', fault);
  }

  /** Gives it up without an end: the process stops, or the session is no more. */
  release(): void {
    if (this.#state === 'ended' || this.#state === 'released') return;
    this.#leave('released');
    this.#settled.resolve('released');
  }

  /** Decides on an open approval. `false`: none of this id is open. */
  decide(approvalId: string, decision: Decision, decidedBy: string): Promise<boolean> {
    return this.#approvals.decide(approvalId, decision, decidedBy);
  }

  async #consume(): Promise<void> {
    const { agent, runId, sessionId, message, attempt, history } = this.spec;
    try {
      if (agent.onInterrupt === 'fail' && !(await this.#deps.store.markStarted(runId, attempt))) {
        this.release();
        return;
      }
      // It may have been stopped while that was being written; an agent that acts must not begin then.
      if (this.#state !== 'running') return;
      const input: AgentInput = { sessionId, runId, message, attempt, history };
      const context: AgentContext = {
        signal: this.#controller.signal,
        approve: async (request) => this.#approvals.ask(checkApproval(request)),
      };
      let since = performance.now();
      for await (const event of agent.run(input, context)) {
        if (this.#state !== 'running') return;
        let taken: Promise<unknown> | undefined;
        try {
          taken = this.#take(checkEvent(event));
          if (taken) await taken;
        } catch (error) {
          // The run ends before the agent is told: it need not come back from that.
          this.#blame(error);
          return;
        }
        if (!taken && performance.now() - since < SLICE_MS) continue;
        // An agent that never waits would keep the process from everyone else, and from sending.
        await new Promise(setImmediate);
        since = performance.now();
      }
      void this.#end('complete');
    } catch (error) {
      this.#blame(error);
    }
  }

  #blame(error: unknown): void {
    if (this.#state !== 'running') return;
    const { agent, runId } = this.spec;
    const reason = reasonOf(error);
    if (error instanceof StoreError) {
      this.#fail('STORE_UNAVAILABLE', 'The answer could not be put on disk.');
    } else {
      this.#fail('AGENT_ERROR', `The agent ${agent.name} failed: ${reason}`);
    }
    const fields = { reason, run_id: runId, agent: agent.name };
    try {
      this.#deps.log.warn({ ...fields, err: error }, 'an agent failed');
    } catch {
      // Not everything that can be thrown can be read by a log.
      this.#deps.log.warn(fields, 'an agent failed');
    }
  }

  #take(event: AgentEvent): Promise<unknown> | undefined {
    if (typeof event === 'string') {
      this.#write(event);
      return undefined;
    }
    const agent_name = this.spec.agent.name;
    switch (event.type) {
      case 'text':
        this.#write(event.text);
        return undefined;
      case 'progress':
        this.#publish('agent_progress', {
          agents: event.agents.map((one) => ({ ...one })),
          overall_progress: event.overallProgress,
          ...(event.currentAgent === undefined ? {} : { current_agent: event.currentAgent }),
        });
        return undefined;
      case 'tool_call':
        return this.#append('tool_call', {
          agent_name,
          tool_call_id: event.id,
          tool_name: event.name,
          arguments: event.arguments,
          offset: this.#text.length,
        });
      case 'tool_result':
        return this.#append('tool_result', {
          agent_name,
          tool_call_id: event.id,
          tool_name: event.name,
          result: event.result,
          is_error: event.isError ?? false,
        });
      default:
        throw new TypeError(`unknown event ${JSON.stringify(event satisfies never)}`);
    }
  }

  /** Adds text to the answer and sends it at once. A pair of surrogates is never torn. */
  #write(piece: string): void {
    let content = this.#held + piece;
    this.#held = '';
    const last = content.charCodeAt(content.length - 1);
    if (last >= 0xd800 && last <= 0xdbff) {
      this.#held = content.slice(-1);
      content = content.slice(0, -1);
    }
    if (content === '') return;
    const room = this.#deps.maxAnswerLength - this.#text.length;
    const offset = this.#text.length;
    const fits = content.length <= room;
    // Nor is a pair torn by the limit.
    if (!fits) content = content.slice(0, room).replace(/[\ud800-\udbff]$/, '');
    content = content.toWellFormed();
    this.#text += content;
    if (content !== '') {
      this.#publish('agent_chunk', { agent_name: this.spec.agent.name, offset, content });
    }
    if (!fits) {
      this.#held = '';
      this.#fail(
        'ANSWER_TOO_LARGE',
        `The answer is longer than the limit of ${this.#deps.maxAnswerLength} characters.`,
      );
    }
  }

  #fail(code: ErrorCode, message: string): void {
    void this.#end('error', { code, message });
  }

  /** The one way to an end: once, on disk before anyone is told (R2, R5). */
  #end(status: RunEnd, fault?: RunFault): Promise<RunEnd | 'released'> {
    if (this.#state === 'queued' || this.#state === 'running') {
      this.#text += this.#held.toWellFormed();
      this.#leave('ending');
      void this.#commitEnd(status, fault);
    }
    return this.#settled.promise;
  }

  #leave(state: 'ending' | 'released'): void {
    this.#state = state;
    clearTimeout(this.#timer);
    this.#controller.abort(RUN_ENDED);
  }

  async #commitEnd(status: RunEnd, fault?: RunFault): Promise<void> {
    const event = this.#event('agent_response', {
      role: 'assistant',
      agent_name: this.spec.agent.name,
      content: this.#text,
      status,
      message_type: 'text',
      ...(fault ? { error: fault.message, code: fault.code } : {}),
    }) as Extract<NewEvent, { type: 'agent_response' }>;
    // A released run is done: `release` has said so, and the store may be closed.
    for (let wait = COMMIT_RETRY_MS; this.state === 'ending'; wait *= 2) {
      try {
        const result = await this.#deps.store.finishRun(event);
        if (this.state !== 'ending') return;
        const seq = result.outcome === 'appended' ? result.seq : await this.#writtenSeq();
        if (seq === undefined) {
          this.release();
          return;
        }
        this.#deps.publish({ ...event, seq } as SessionEvent);
        this.#state = 'ended';
        this.#status(status);
        this.#settled.resolve(status);
        return;
      } catch (error) {
        this.#deps.log.error(
          { err: error, run_id: this.spec.runId },
          'an answer waits for the store',
        );
        await delay(Math.min(wait, MAX_COMMIT_RETRY_MS), undefined, { ref: false });
      }
    }
  }

  /** Where an earlier offer of the terminal event was kept, though its reply was lost. */
  async #writtenSeq(): Promise<number | undefined> {
    const { sessionId, answerId, attempt } = this.spec;
    const event = await this.#deps.store.getEvent(sessionId, answerId);
    return event?.attempt === attempt ? event.seq : undefined;
  }

  /** Puts an event of the run on disk, then tells everyone. `false`: the run is no longer ours. */
  async #append<Type extends 'tool_call' | 'tool_result' | 'approval_request'>(
    type: Type,
    data: ServerMessageOf<Type>['data'],
  ): Promise<boolean> {
    const event = this.#event(type, data);
    const result = await this.#deps.store.appendRunEvent(event);
    if (result.outcome === 'stale') {
      this.release();
      return false;
    }
    this.#deps.publish({ ...event, seq: result.seq } as SessionEvent);
    return true;
  }

  #event<Type extends SessionEvent['type']>(
    type: Type,
    data: ServerMessageOf<Type>['data'],
  ): NewEvent {
    const message_id = type === 'agent_response' ? this.spec.answerId : randomUUID();
    return createMessage(type, data, { ...this.#envelope(), message_id }) as NewEvent;
  }

  #publish<Type extends 'agent_chunk' | 'agent_progress' | 'run_status'>(
    type: Type,
    data: ServerMessageOf<Type>['data'],
  ): void {
    const envelope = this.#envelope();
    const answer = type === 'agent_chunk' ? { message_id: this.spec.answerId } : {};
    this.#deps.publish(createMessage(type, data, { ...envelope, ...answer }));
  }

  #envelope(): { session_id: string; reply_to: string; run_id: string; attempt: number } {
    const { sessionId, replyTo, runId, attempt } = this.spec;
    return { session_id: sessionId, reply_to: replyTo, run_id: runId, attempt };
  }

  /** Its `run_status`. */
  status(status: ServerMessageOf<'run_status'>['data']['status'], position?: number) {
    return createMessage(
      'run_status',
      {
        agent_name: this.spec.agent.name,
        status,
        ...(position === undefined ? {} : { position }),
      },
      this.#envelope(),
    );
  }

  #status(status: ServerMessageOf<'run_status'>['data']['status']): void {
    this.#deps.publish(this.status(status));
  }
}
