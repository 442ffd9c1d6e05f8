/** The span of a model's call, by OpenTelemetry's conventions for generative AI. Loaded only where traces are on. */
import { channel } from 'node:diagnostics_channel';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { AgentContext } from './agent.ts';

/** What a model's server says of an answer when it is whole. */
interface ModelUsage {
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
}

export interface ModelCall {
  /** By which the model's server takes part in the trace. */
  readonly headers: Readonly<Record<string, string>>;
  /** Calls what calls the model, so that what is traced in there is in this span. */
  within<Result>(call: () => Result): Result;
  finished(reason: string, usage: ModelUsage): void;
  failed(error: Error): void;
  end(): void;
}

/** Where something in the process instruments `fetch`, that sends these headers; twice they are none. */
const fetches = channel('undici:request:create');

export function traceModelCall(
  model: string,
  url: URL,
  traceHeaders: NonNullable<AgentContext['traceHeaders']>,
): ModelCall {
  const span = trace.getTracer('@parley/gateway').startSpan(`chat ${model}`, {
    kind: SpanKind.CLIENT,
    attributes: {
      'gen_ai.operation.name': 'chat',
      // What the convention has for servers that speak its API, whoever's they are.
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': model,
      'server.address': url.hostname,
      'server.port': Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
    },
  });
  const inside = trace.setSpan(context.active(), span);
  return {
    headers: fetches.hasSubscribers ? {} : context.with(inside, traceHeaders),
    within: (call) => context.with(inside, call),
    finished(reason, { inputTokens, outputTokens }) {
      span.setAttribute('gen_ai.response.finish_reasons', [reason]);
      if (inputTokens !== undefined) span.setAttribute('gen_ai.usage.input_tokens', inputTokens);
      if (outputTokens !== undefined) span.setAttribute('gen_ai.usage.output_tokens', outputTokens);
    },
    failed(error) {
      span.setAttribute('error.type', error.name);
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    },
    end: () => void span.end(),
  };
}
