/** Between text and messages: what comes in is checked here, what goes out is built here. */
import type * as z from 'zod';
import { ERROR_CODES, type ErrorCode } from './codes.ts';
import {
  CLIENT_MESSAGE_TYPES,
  type ClientMessage,
  clientMessageSchemas,
  type Profile,
  type ServerMessage,
  type ServerMessageOf,
  type ServerMessageType,
} from './messages.ts';

/** Further facts of an error, as they stand in its `data`. */
export interface ErrorDetails {
  readonly details?: string;
  readonly retry_after_ms?: number;
  readonly limit?: number;
}

/**
 * A refusal with a documented code. What throws it has changed nothing.
 * `message` says what was wrong and what was expected, for people.
 */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails & { cause?: unknown } = {}) {
    const { cause, ...rest } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = rest;
  }
}

export type Decoded =
  | { readonly ok: true; readonly message: ClientMessage }
  /** `replyTo`: the `message_id` of the refused message, where one could be read. */
  | { readonly ok: false; readonly error: ProtocolError; readonly replyTo: string | undefined };

/** Checks the text of one frame against the profile of its connection. Never throws. */
export function decode(frame: string, profile: Profile): Decoded {
  let value: unknown;
  try {
    value = JSON.parse(frame);
  } catch (cause) {
    return refuse(undefined, 'INVALID_JSON', 'The frame is not a JSON text; expected one object.', {
      cause,
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse(undefined, 'INVALID_MESSAGE', 'Expected a JSON object with a "type".');
  }
  const { type, message_id } = value as { type?: unknown; message_id?: unknown };
  const replyTo =
    typeof message_id === 'string' && message_id.length > 0 && message_id.length <= 128
      ? message_id.toWellFormed()
      : undefined;
  if (typeof type !== 'string' || type === '') {
    return refuse(replyTo, 'INVALID_MESSAGE', 'type: expected the name of a message type.');
  }
  const types: readonly string[] = CLIENT_MESSAGE_TYPES[profile];
  const schema = types.includes(type) ? clientMessageSchemas.get(type) : undefined;
  if (!schema) {
    return refuse(
      replyTo,
      'UNKNOWN_MESSAGE_TYPE',
      `There is no client message of type ${JSON.stringify(type.slice(0, 64).toWellFormed())} in this profile.`,
      { details: `Known types: ${types.join(', ')}` },
    );
  }
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, message: result.data };
  return refuse(replyTo, 'INVALID_MESSAGE', describeIssues(result.error.issues));
}

function refuse(
  replyTo: string | undefined,
  code: ErrorCode,
  message: string,
  details?: ErrorDetails & { cause?: unknown },
): Decoded {
  return { ok: false, error: new ProtocolError(code, message, details), replyTo };
}

/** The first three issues, each with the path of its field. */
function describeIssues(issues: readonly z.core.$ZodIssue[]): string {
  return issues
    .slice(0, 3)
    .map((issue) => `${issue.path.map(String).join('.') || 'message'}: ${issue.message}`)
    .join('; ')
    .slice(0, 500);
}

/** The fields beside `type` and `data`; `timestamp` is now unless given. */
export type MessageEnvelope = Partial<
  Pick<
    ServerMessage,
    'session_id' | 'message_id' | 'timestamp' | 'seq' | 'reply_to' | 'run_id' | 'attempt'
  >
>;

/**
 * Builds a server message.
 *
 * @example
 * createMessage('pong', {}, { reply_to: 'ping-7' });
 */
export function createMessage<
  Type extends ServerMessageType,
  Envelope extends MessageEnvelope = Record<never, never>,
>(
  type: Type,
  data: ServerMessageOf<Type>['data'],
  envelope?: Envelope,
): ServerMessageOf<Type> & Envelope {
  const timestamp = envelope?.timestamp ?? new Date().toISOString();
  return { type, ...envelope, timestamp, data } as unknown as ServerMessageOf<Type> & Envelope;
}

/** The error message for a refusal, with what its code implies filled in. */
export function createError(
  error: ProtocolError,
  envelope?: MessageEnvelope,
): ServerMessageOf<'error'> {
  return createMessage(
    'error',
    {
      code: error.code,
      message: error.message,
      retryable: ERROR_CODES[error.code].retryable,
      ...error.details,
    },
    envelope,
  );
}

/** The text of one frame. */
export function encode(message: ServerMessage): string {
  return JSON.stringify(message);
}
