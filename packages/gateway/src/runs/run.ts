/** One agent invocation in answer to one message: from its turn in the queue to its one end. */
// The global is a getter, which takes longer than the look at the clock.
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type {
  ErrorCode,
  RunEnd,
  ServerMessage,
  ServerMessageOf,
  SessionEvent,
  SessionEventOf,
} from '@parley/protocol';
import type { Agent, AgentContext, AgentEvent, AgentInput, ChatTurn } from '../agents/agent.ts';
import type { Logger } from '../log.ts';
import type { AgentMetrics } from '../metrics/agent-metrics.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { type NewEvent, type Store, StoreError } from '../stores/store.ts';
import { parseTraceparent } from '../trace-context.ts';
import type { TraceContext } from '../traces.ts';
import { checkApproval, checkEvent, MAX_STEPS, reasonOf } from './agent-events.ts';
import { AnswerText } from './answer-text.ts';
import { Approvals, type Decision } from './approvals.ts';
import type { Lease } from './lease.ts';
import { RunMessages } from './run-messages.ts';
import type { RunJob } from './run-queue.ts';
import { TextPace } from './text-pace.ts';

/** Tells everyone in the session and, where `audience` is named, who watches their sessions. */
export type Publish = (
  incarnation: string,
  message: ServerMessage & { session_id: string },
  audience?: readonly string[],
) => void;

export interface RunSpec extends RunJob {
  readonly sessionId: string;
  /** Who may see the session. */
  readonly audience: readonly string[];
  readonly replyTo: string;
  readonly answerId: string;
  readonly agent: Agent;
  readonly attempt: number;
  readonly message: string;
  readonly history: () => Promise<readonly ChatTurn[]>;
  /** The run's place in its trace, where traces are on. */
  readonly traceparent?: string | undefined;
}

/** What whoever submits a run says of it; the rest is in its message. */
export type SubmittedRun = Pick<
  RunSpec,
  'runId' | 'incarnation' | 'answerId' | 'agent' | 'attempt' | 'audience'
> & { readonly caller?: TraceContext | undefined };

export interface RunDeps {
  readonly store: Store;
  readonly publish: Publish;
  /** Takes back what others keep of an answer that is given up, where `chunk` says whose it is. */
  readonly withdraw: (incarnation: string, chunk: ServerMessageOf<'agent_chunk'>) => void;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'ofAgent'>;
  readonly lease: Pick<Lease, 'isHeldAt' | 'held'>;
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
/**
 * and at the most, with jitter. It doubles each time: a full disk is not helped by being asked. A store that
 * is back has all that waited for it within 2 s, and not at once.
 */
const MAX_COMMIT_RETRY_MS = 1_500;

export const INTERRUPTED: RunFault = {
  code: 'INTERRUPTED',
  message: 'The server stopped while the answer was being written.',
};

/** `released`: this process gave it up without an end; another attempt will make one. */
type RunState = 'queued' | 'running' | 'ending' | 'ended' | 'released';

export class Run {
  readonly spec: RunSpec;
  readonly messages: RunMessages;
  readonly #deps: RunDeps;
  /** Made for the first who asks for its signal: most of what is quick does not. */
  #controller: AbortController | undefined;
  /** Made for the first question. */
  #approvals: Approvals | undefined;
  #state: RunState = 'queued';
  readonly #text: AnswerText;
  readonly #pace = new TextPace(() => this.#tellText());
  #timer: NodeJS.Timeout | undefined;
  readonly #settled = Promise.withResolvers<RunEnd | 'released'>();
  /** Resolves when the agent has come back. */
  #consumed: Promise<void> | undefined;
  #isConsuming = false;
  #steps = 0;
  #fault: RunFault | undefined;
  /** When its agent was called; `undefined`: it has not been. Milliseconds of `performance.now()`. */
  #began: number | undefined;

  constructor(spec: RunSpec, deps: RunDeps) {
    this.spec = spec;
    this.messages = new RunMessages(spec);
    this.#deps = deps;
    this.#text = new AnswerText(deps.maxAnswerLength);
  }

  get state(): RunState {
    return this.#state;
  }

  /** What the agent has written so far. */
  get text(): string {
    return this.#text.text;
  }

  /** Why it ends otherwise than it was asked to. */
  get fault(): RunFault | undefined {
    return this.#fault;
  }

  /** How it ended, once that is on disk. Never rejects. */
  get settled(): Promise<RunEnd | 'released'> {
    return this.#settled.promise;
  }

  /** Runs the agent. Resolves when the end is on disk, even where the agent does not return. */
  execute(): Promise<unknown> {
    if (this.#state === 'queued') {
      this.#state = 'running';
      process.nextTick(() => this.#begin());
      this.#consumed = this.#consume();
    }
    return this.settled;
  }

  /** Says that it runs, once: at the end of the tick, because of what is over by then its end says all. */
  #begin(): void {
    if (this.#state !== 'running' || this.#timer) return;
    this.#tell(this.messages.status('running'));
    this.#timer = setTimeout(() => {
      const limit = this.#deps.runTimeout;
      this.#fail('TIMEOUT', `The agent did not finish within ${limit / 1_000} s.`);
    }, this.#deps.runTimeout);
  }

  /**
   * Resolves when its agent does nothing any more; `undefined`: it does not now. One that does not come back is
   * waited for as long as a run may take, and then given up.
   */
  whenIdle(): Promise<void> | undefined {
    if (!this.#isConsuming) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    const giveUp = setTimeout(() => {
      this.#deps.log.error(this.#ids, 'an agent ignores that it was stopped');
      resolve();
    }, this.#deps.runTimeout).unref();
    void this.#consumed?.then(() => {
      clearTimeout(giveUp);
      resolve();
    });
    return promise;
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
    this.#pace.drop();
    this.#leave('released');
    this.#deps.withdraw(this.spec.incarnation, this.messages.chunk(this.#text.length, ''));
    this.#settled.resolve('released');
  }

  /** By what its lines in the log join up with others. */
  get #ids() {
    const { runId, sessionId, replyTo, agent, attempt, traceparent } = this.spec;
    return {
      run_id: runId,
      session_id: sessionId,
      message_id: replyTo,
      agent: agent.name,
      attempt,
      trace_id: traceparent && parseTraceparent(traceparent)?.traceId,
    };
  }

  #noteEnd(end: RunEnd): void {
    const began = this.#began;
    const ms = began === undefined ? undefined : performance.now() - began;
    this.#agentMetrics.countEnd(end, ms);
    const length = { ms: ms && Math.round(ms), characters: this.#text.length };
    this.#deps.log.debug({ ...this.#ids, end, ...length }, 'a run ended');
  }

  get #agentMetrics(): AgentMetrics {
    return this.#deps.metrics.ofAgent(this.spec.agent.name);
  }

  #tell(message: Parameters<Publish>[1], audience?: readonly string[]): void {
    this.#deps.publish(this.spec.incarnation, message, audience);
  }

  /** Decides on an open approval. `false`: none of this id is open; `undefined`: it has not asked yet. */
  decide(approvalId: string, decision: Decision, decidedBy: string): Promise<boolean> | undefined {
    return this.#approvals?.decide(approvalId, decision, decidedBy);
  }

  async #consume(): Promise<void> {
    const { agent, runId, sessionId, message, attempt, history } = this.spec;
    this.#isConsuming = true;
    try {
      if (agent.onInterrupt === 'fail' && !(await this.#deps.store.markStarted(runId, attempt))) {
        this.release();
        return;
      }
      // It may have been stopped while that was being written; an agent that acts must not begin then.
      if (this.#state !== 'running') return;
      const input: AgentInput = {
        sessionId,
        runId,
        message,
        attempt,
        history: () => handled(history()),
      };
      const context = new RunContext(
        () => this.#signal,
        (request) => handled(this.#approve(request)),
      );
      let since = performance.now();
      this.#began = since;
      this.#deps.log.debug(this.#ids, 'a run began');
      for await (const event of agent.run(input, context)) {
        const now = performance.now();
        // Another node may have ended it since: then what this one says comes after its end (R4).
        if (!this.#deps.lease.isHeldAt(now)) await this.#deps.lease.held();
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
        if (!taken && now - since < SLICE_MS) continue;
        // An agent that never waits would keep the process from everyone else, and from sending.
        await new Promise(setImmediate);
        since = performance.now();
      }
      void this.#end('complete');
    } catch (error) {
      this.#blame(error);
    } finally {
      this.#isConsuming = false;
    }
  }

  get #signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#state !== 'running') this.#controller.abort(RUN_ENDED);
    }
    return this.#controller.signal;
  }

  async #approve(request: unknown): Promise<Decision> {
    this.#countStep();
    this.#approvals ??= new Approvals(
      () => this.#signal,
      (data) => this.#append(this.messages.approval(data)),
    );
    return this.#approvals.ask(checkApproval(request), this.#text.length);
  }

  #blame(error: unknown): void {
    if (this.#state !== 'running') return;
    const { agent } = this.spec;
    const reason = reasonOf(error);
    if (error instanceof StoreError) {
      this.#fail('STORE_UNAVAILABLE', 'The answer could not be put on disk.');
    } else {
      this.#fail('AGENT_ERROR', `The agent ${agent.name} failed: ${reason}`);
    }
    const fields = { reason, ...this.#ids };
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
    switch (event.type) {
      case 'text':
        this.#write(event.text);
        return undefined;
      case 'progress':
        this.#begin();
        this.#pace.flush();
        this.#tell(this.messages.progress(event));
        return undefined;
      case 'tool_call':
        this.#countStep();
        return this.#append(this.messages.toolCall(event, this.#text.length));
      case 'tool_result':
        this.#countStep();
        return this.#append(this.messages.toolResult(event));
      default:
        throw new TypeError(`unknown event ${JSON.stringify(event satisfies never)}`);
    }
  }

  #countStep(): void {
    this.#steps += 1;
    if (this.#steps <= MAX_STEPS) return;
    throw new RangeError(`it made more than ${MAX_STEPS} tool calls, results and requests.`);
  }

  /** Adds text to the answer, which is told at its pace. */
  #write(piece: string): void {
    const fits = this.#text.append(piece);
    if (this.#text.hasUntold) this.#pace.request();
    if (fits) return;
    const limit = this.#deps.maxAnswerLength;
    const message = `The answer is longer than the limit of ${limit} characters.`;
    this.#fail('ANSWER_TOO_LARGE', message);
  }

  #tellText(): void {
    this.#begin();
    const { lease } = this.#deps;
    const now = performance.now();
    if (!lease.isHeldAt(now)) {
      // Until it is known that nobody else has ended it.
      void lease.held().then(() => this.#state === 'running' && this.#pace.request());
      return;
    }
    const { offset, content } = this.#text.takeUntold();
    if (offset === 0 && this.#began !== undefined)
      this.#agentMetrics.countFirstChunk(now - this.#began);
    this.#tell(this.messages.chunk(offset, content));
  }

  #fail(code: ErrorCode, message: string): void {
    void this.#end('error', { code, message });
  }

  /** The one way to an end: once, on disk before anyone is told (R2, R5). */
  #end(status: RunEnd, fault?: RunFault): Promise<RunEnd | 'released'> {
    if (this.#state === 'queued' || this.#state === 'running') {
      this.#text.finish();
      this.#fault = fault;
      this.#leave('ending');
      // Of an agent that was stopped nothing is sent any more (R4).
      if (status === 'complete' || status === 'error') this.#pace.flush();
      else this.#pace.drop();
      void this.#commitEnd(status, fault);
    }
    return this.#settled.promise;
  }

  #leave(state: 'ending' | 'released'): void {
    this.#state = state;
    clearTimeout(this.#timer);
    this.#controller?.abort(RUN_ENDED);
  }

  async #commitEnd(status: RunEnd, fault?: RunFault): Promise<void> {
    const event = this.messages.end(status, this.#text.text, fault);
    // A released run is done: `release` has said so, and the store may be closed.
    for (let wait = COMMIT_RETRY_MS; this.state === 'ending'; wait *= 2) {
      try {
        const result = await this.#deps.store.finishRun(event);
        if (this.state !== 'ending') return;
        const written =
          result.outcome === 'appended' ? { ...event, seq: result.seq } : await this.#writtenEnd();
        if (!written) {
          this.release();
          return;
        }
        this.#tell(written as SessionEvent, this.spec.audience);
        this.#state = 'ended';
        this.#noteEnd(written.data.status);
        this.#tell(this.messages.status(written.data.status));
        this.#settled.resolve(written.data.status);
        return;
      } catch (error) {
        this.#deps.log.error({ err: error, ...this.#ids }, 'an answer waits for the store');
        await delay(Math.min(wait, MAX_COMMIT_RETRY_MS) * (0.5 + Math.random() / 2), undefined, {
          ref: false,
        });
      }
    }
  }

  /**
   * The terminal event where it is kept: an earlier offer of it whose reply was lost, or what else has ended
   * this attempt, by a stop that was found in the store.
   */
  async #writtenEnd(): Promise<SessionEventOf<'agent_response'> | undefined> {
    const { sessionId: id, incarnation, answerId, attempt } = this.spec;
    const event = await this.#deps.store.getEvent({ id, incarnation }, answerId);
    return event?.type === 'agent_response' && event.attempt === attempt ? event : undefined;
  }

  /** Puts an event of the run on disk, then tells everyone. `false`: the run is no longer ours. */
  async #append(event: NewEvent): Promise<boolean> {
    this.#begin();
    this.#pace.flush();
    const result = await this.#deps.store.appendRunEvent(event);
    if (result.outcome === 'stale') {
      this.release();
      return false;
    }
    this.#tell({ ...event, seq: result.seq } as SessionEvent);
    return true;
  }
}

const MAKE_SIGNAL = Symbol('makes the signal of a run');
const LAZY_SIGNAL: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: RunContext) {
    return this[MAKE_SIGNAL]();
  },
};

/**
 * What an agent gets of its run. Its signal is made when it is asked for, and is its own property, so that agents can
 * spread it. The getter is the same function for all: with one each, each would be a shape of object of its own to
 * V8, which then keeps the run until it looks through all of its memory.
 */
class RunContext implements AgentContext {
  declare readonly signal: AbortSignal;
  readonly approve: AgentContext['approve'];
  /** Not private: agents may get the context through a proxy, or make others of it. */
  readonly [MAKE_SIGNAL]: () => AbortSignal;

  constructor(signal: () => AbortSignal, approve: AgentContext['approve']) {
    this[MAKE_SIGNAL] = signal;
    this.approve = approve;
    Object.defineProperty(this, 'signal', LAZY_SIGNAL);
  }
}

/** An agent that is stopped need not have come to where it waits for this. */
function handled<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {});
  return promise;
}
