/** W3C Trace Context: how a place in a trace is written between programs. */
import { createTraceState, type SpanContext } from '@opentelemetry/api';

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
/** Characters, the least that W3C asks to pass on; a longer one is left out. */
const MAX_TRACESTATE = 512;

/** `undefined` where it is none: whoever sent it is answered all the same. */
export function parseTraceContext(given: TraceContext): SpanContext | undefined {
  const [, version, traceId, spanId, flags, rest] = TRACEPARENT.exec(given.traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === '00' && rest !== undefined) return undefined;
  const { tracestate = '' } = given;
  const hasState = tracestate !== '' && tracestate.length <= MAX_TRACESTATE;
  return {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & SAMPLED,
    isRemote: true,
    ...(hasState ? { traceState: createTraceState(tracestate) } : {}),
  };
}

export function formatTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-0${traceFlags & SAMPLED}`;
}

export function traceHeaders(place: SpanContext): Readonly<Record<string, string>> {
  const tracestate = place.traceState?.serialize() ?? '';
  return {
    traceparent: formatTraceparent(place),
    ...(tracestate === '' ? {} : { tracestate }),
  };
}
