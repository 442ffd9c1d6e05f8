/**
 * A span for each run, by OpenTelemetry's conventions for generative AI. Loaded only where the setting
 * `traces` is on; without an SDK that somebody registers, nothing comes of it. Nothing that people or
 * agents say is in a span.
 */
import {
  type Attributes,
  type Context,
  context,
  createTraceState,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { RunEnd } from '@parley/protocol';
import type { Agent, AgentContext, AgentEvent, AgentInput } from './agents/agent.ts';
import { formatTraceparent, parseTraceparent, type TraceContext } from './trace-context.ts';

export type { TraceContext } from './trace-context.ts';

/** The run of which a trace tells. */
export interface TracedRun {
  readonly runId: string;
  readonly sessionId: string;
  /** The `message_id` that it answers. */
  readonly replyTo: string;
  readonly attempt: number;
  readonly agent: Agent;
  /** Where it was asked for; `undefined`: by nobody now, it was found in the store. */
  readonly caller?: TraceContext | undefined;
}

export interface RunTrace {
  /** What of the run becomes another thing by it: its agent, whose calls are then in the run's span. */
  readonly spec: { readonly agent: Agent; readonly traceparent: string | undefined };
  /** The run has ended, as it is on disk. */
  end(
    status: RunEnd | 'released',
    fault?: { readonly code: string; readonly message: string },
  ): void;
}

export interface Traces {
  begin(run: TracedRun): RunTrace;
}

export function openTraces(version: string): Traces {
  const tracer = trace.getTracer('@parley/gateway', version);
  return { begin: (run) => new RunSpan(tracer, run) };
}

/** Characters of a name that an agent gives; nothing else bounds what is in a span. */
const MAX_NAME_LENGTH = 256;
/** Characters of each thing that an error says. */
const MAX_EXCEPTION_LENGTH = 4_000;
/** Characters, the least that W3C asks to pass on; a longer one is left out. */
const MAX_TRACESTATE = 512;

class RunSpan implements RunTrace {
  readonly spec: RunTrace['spec'];
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #context: Context;
  /** Of the tools that are at work, by the id of their call. */
  readonly #tools = new Map<string, Span>();
  #hasText = false;
  #hasEnded = false;
  /** What the agent has thrown. */
  #thrown: unknown;

  constructor(tracer: Tracer, run: TracedRun) {
    const { agent, runId, sessionId, replyTo, attempt } = run;
    const attributes = {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.provider.name': 'parley',
      'gen_ai.agent.name': agent.name,
      'gen_ai.conversation.id': sessionId,
      'parley.session_id': sessionId,
      'parley.run_id': runId,
      'parley.message_id': replyTo,
      'parley.attempt': attempt,
    };
    const parent = parentOf(run.caller);
    this.#tracer = tracer;
    this.#span = tracer.startSpan(
      `invoke_agent ${agent.name}`,
      { kind: SpanKind.INTERNAL, attributes },
      parent,
    );
    this.#span.addEvent('queued');
    this.#context = trace.setSpan(parent, this.#span);
    this.spec = {
      agent: { ...agent, run: (input, given) => this.#run(agent, input, given) },
      traceparent: formatTraceparent(this.#span.spanContext()),
    };
  }

  end(status: RunEnd | 'released', fault?: { code: string; message: string }): void {
    this.#hasEnded = true;
    for (const tool of this.#tools.values()) tool.end();
    this.#tools.clear();
    const span = this.#span;
    span.setAttribute('parley.end', status);
    if (fault && (status === 'error' || status === 'interrupted')) {
      span.setAttribute('error.type', fault.code);
      span.setStatus({ code: SpanStatusCode.ERROR, message: fault.message });
      if (this.#thrown instanceof Error) span.addEvent('exception', exceptionOf(this.#thrown));
    }
    span.end();
  }

  #run(agent: Agent, input: AgentInput, given: AgentContext): AsyncIterable<AgentEvent> {
    this.#span.addEvent('started');
    const traced: AgentContext = {
      ...given,
      approve: (request) => this.#approve(given, request),
      traceHeaders: () =>
        traceHeaders(trace.getSpanContext(context.active()) ?? this.#span.spanContext()),
    };
    const events = this.#within(() => agent.run(input, traced)[Symbol.asyncIterator]());
    return {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          try {
            // An agent goes on where it is asked for its next event: that is where its context comes from.
            const result = await this.#within(() => events.next());
            if (!result.done) this.#take(result.value);
            return result;
          } catch (error) {
            this.#thrown = error;
            throw error;
          }
        },
        return: async () =>
          (await this.#within(() => events.return?.())) ?? { done: true, value: undefined },
      }),
    };
  }

  /** In the span of the tool that is at work, where it is one alone. */
  #within<Result>(action: () => Result): Result {
    const [tool] = this.#tools.size === 1 ? this.#tools.values() : [];
    return context.with(tool ? trace.setSpan(this.#context, tool) : this.#context, action);
  }

  /** It is not checked yet: what an agent says may be anything. */
  #take(event: unknown): void {
    if (this.#hasEnded) return;
    const { type, id, name, isError } = (typeof event === 'object' && event ? event : {}) as Record<
      string,
      unknown
    >;
    if (typeof event === 'string' || type === 'text') {
      if (!this.#hasText) this.#span.addEvent('first_chunk');
      this.#hasText = true;
    } else if (type === 'tool_call' && isName(id) && isName(name)) {
      this.#tools.get(id)?.end();
      const attributes = {
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': name,
        'gen_ai.tool.call.id': id,
      };
      this.#tools.set(id, this.#begin(`execute_tool ${name}`, attributes));
    } else if (type === 'tool_result' && isName(id)) {
      const tool = this.#tools.get(id);
      if (isError === true) {
        tool?.setAttribute('error.type', 'tool_error');
        tool?.setStatus({ code: SpanStatusCode.ERROR });
      }
      tool?.end();
      this.#tools.delete(id);
    }
  }

  #approve(
    given: AgentContext,
    request: Parameters<AgentContext['approve']>[0],
  ): ReturnType<AgentContext['approve']> {
    const tool = isName(request?.tool) ? request.tool : 'unknown';
    const span = this.#begin(`approve ${tool}`, { 'gen_ai.tool.name': tool });
    const decision = given.approve(request);
    decision.then(
      ({ approved }) => span.setAttribute('parley.approved', approved).end(),
      () => span.end(),
    );
    return decision;
  }

  #begin(name: string, attributes: Attributes): Span {
    return this.#tracer.startSpan(name, { kind: SpanKind.INTERNAL, attributes }, this.#context);
  }
}

/** As `recordException` does it, but bounded, and of errors too that cannot be read. */
function exceptionOf(error: Error): Attributes {
  const short = (text: unknown) => String(text).slice(0, MAX_EXCEPTION_LENGTH).toWellFormed();
  try {
    return {
      'exception.type': short(error.name),
      'exception.message': short(error.message),
      'exception.stacktrace': short(error.stack),
    };
  } catch {
    return {};
  }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_NAME_LENGTH;
}

function parentOf(caller: TraceContext | undefined): Context {
  if (!caller) return ROOT_CONTEXT;
  const active = context.active();
  const given = placeOf(caller);
  // Where the program around this traces the caller's request, the span that it has made is the nearer one.
  const isHere = given && trace.getSpanContext(active)?.traceId === given.traceId;
  return given && !isHere ? trace.setSpanContext(active, given) : active;
}

function placeOf({ traceparent, tracestate = '' }: TraceContext): SpanContext | undefined {
  const place = parseTraceparent(traceparent);
  if (!place) return undefined;
  const hasState = tracestate !== '' && tracestate.length <= MAX_TRACESTATE;
  const state = hasState ? { traceState: createTraceState(tracestate) } : {};
  return { ...place, isRemote: true, ...state };
}

/** None where there is no trace to go on with: without an SDK that has begun one, and a caller that is in one. */
function traceHeaders(place: SpanContext): Readonly<Record<string, string>> {
  const traceparent = formatTraceparent(place);
  if (traceparent === undefined) return {};
  const tracestate = place.traceState?.serialize() ?? '';
  return { traceparent, ...(tracestate === '' ? {} : { tracestate }) };
}
