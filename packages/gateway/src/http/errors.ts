/** Refusals over HTTP: the wire's codes, wrapped as AgenticGoKit's WebUI wraps its errors. */
import {
  createError,
  ERROR_CODES,
  type ErrorCode,
  type ErrorDetails,
  ProtocolError,
} from '@parley/protocol';
import type * as z from 'zod';
import type { errorBody } from './schemas.ts';

/** A refusal that says more over HTTP than its code does. */
export class HttpRefusal extends ProtocolError {
  /** Where the code's own status does not say it: 415, 503. */
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** What there is in spite of the error. */
  readonly data: unknown;

  constructor(
    code: ErrorCode,
    message: string,
    more: ErrorDetails & {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly data?: unknown;
    },
  ) {
    const { status, headers, data, ...details } = more;
    super(code, message, details);
    this.status = status;
    this.headers = headers ?? {};
    this.data = data;
  }
}

export function errorResponse(error: ProtocolError): Response {
  const refusal = error instanceof HttpRefusal ? error : undefined;
  const status = refusal?.status ?? ERROR_CODES[error.code].status;
  const body: z.output<typeof errorBody> = {
    status: 'error',
    message: error.message,
    code: status,
    timestamp: unixSeconds(Date.now()),
    error: createError(error).data,
    ...(refusal?.data === undefined ? {} : { data: refusal.data }),
  };
  const { retry_after_ms } = error.details;
  return Response.json(body, {
    status,
    headers: {
      'Cache-Control': 'no-store',
      ...(retry_after_ms === undefined
        ? {}
        : { 'Retry-After': String(Math.ceil(retry_after_ms / 1_000)) }),
      ...refusal?.headers,
    },
  });
}

export function unixSeconds(milliseconds: number): number {
  return Math.trunc(milliseconds / 1_000);
}
