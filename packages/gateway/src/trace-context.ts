/** W3C Trace Context: how a place in a trace is written between programs. Loads nothing: it is asked with traces off, too. */
import type { SpanContext } from '@opentelemetry/api';

/** As clients send it: anything may be in it. */
export interface TraceContext {
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

/** Version, trace, span, flags; what a later version has behind them is not known. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** Only this flag is known; others are not passed on. */
const SAMPLED = 1;

/** `undefined` where it is none: whoever sent it is answered all the same. */
export function parseTraceparent(
  traceparent: string | undefined,
): Pick<SpanContext, 'traceId' | 'spanId' | 'traceFlags'> | undefined {
  const [, version, traceId, spanId, flags, rest] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === '00' && rest !== undefined) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & SAMPLED };
}

/** `undefined` where it is no place in any trace: nobody traces here. */
export function formatTraceparent(place: SpanContext): string | undefined {
  const text = `00-${place.traceId}-${place.spanId}-0${place.traceFlags & SAMPLED}`;
  return TRACEPARENT.test(text) ? text : undefined;
}
