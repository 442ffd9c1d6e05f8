/** Between text and messages: what comes in is checked here, what goes out is built here. */
import type * as z from 'zod';
import { ERROR_CODES, type ErrorCode } from './codes.ts';
import { isId } from './ids.ts';
import {
  CLIENT_MESSAGE_TYPES,
  type ClientMessage,
  type ClientMessageOf,
  clientMessageSchemas,
  type Profile,
  SERVER_MESSAGE_TYPES,
  type ServerMessage,
  type ServerMessageOf,
  type ServerMessageType,
  type SessionEvent,
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
  const common = type === 'chat_message' ? asCommonChatMessage(value) : undefined;
  if (common) return { ok: true, message: common };
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, message: result.data };
  return refuse(replyTo, 'INVALID_MESSAGE', describeIssues(result.error.issues));
}

/**
 * A `chat_message` that says nothing but what all of them do, checked without the schema, which takes most of
 * the time of a frame. Whatever is not plainly right is `undefined`, and for the schema to judge: what this
 * takes must be what the schema would make of it, which a test tries out.
 */
function asCommonChatMessage(value: object): ClientMessageOf<'chat_message'> | undefined {
  const type = 'chat_message' as const;
  const { session_id, message_id, timestamp, traceparent, tracestate, data } = value as Record<
    string,
    unknown
  >;
  if (timestamp !== undefined || traceparent !== undefined || tracestate !== undefined) {
    return undefined;
  }
  if (typeof data !== 'object' || data === null) return undefined;
  const { content, message_type, agent_name, replaces } = data as Record<string, unknown>;
  if (agent_name !== undefined || replaces !== undefined) return undefined;
  if (message_type !== undefined && message_type !== 'text') return undefined;
  if (!isId(message_id) || (session_id !== undefined && !isId(session_id))) return undefined;
  if (typeof content !== 'string' || content.trim() === '' || !content.isWellFormed()) {
    return undefined;
  }
  const said = { content, message_type: 'text' as const };
  return session_id === undefined
    ? { type, message_id, data: said }
    : { type, session_id, message_id, data: said };
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
  const timestamp = envelope?.timestamp ?? now();
  // The envelope first: V8 copies an object into an empty one far faster than into one that has something.
  return { ...envelope, type, timestamp, data } as unknown as ServerMessageOf<Type> & Envelope;
}

let nowMs = Number.NaN;
let nowText = '';

/** RFC 3339, UTC, with milliseconds. Many messages are made in one of them, and the text takes longer than they. */
function now(): string {
  const ms = Date.now();
  if (ms !== nowMs) {
    nowMs = ms;
    nowText = new Date(ms).toISOString();
  }
  return nowText;
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

const BEGINNINGS: Readonly<Record<string, string>> = Object.fromEntries(
  SERVER_MESSAGE_TYPES['parley.v1'].map((type) => [type, `{"type":"${type}"`]),
);

/** The text of one frame. */
export function encode(message: ServerMessage): string {
  // Piece by piece, because every message that goes out comes through here, and `JSON.stringify` of the whole
  // takes three times as long.
  const place = message.seq === undefined ? '' : `,"seq":${message.seq}`;
  const trace =
    message.type === 'run_status' && message.traceparent !== undefined
      ? `,"traceparent":${JSON.stringify(message.traceparent)}`
      : '';
  return `${BEGINNINGS[message.type]}${about.encode(message)}${place}${trace}${times.text(message.timestamp)}${encodeData(message)}}`;
}

/** The text of an event whose `data` is there as JSON. */
export function encodeEvent(event: Omit<SessionEvent, 'data'>, data: string): string {
  return `${BEGINNINGS[event.type]}${about.encode(event)},"seq":${event.seq}${times.text(event.timestamp)}${data}}`;
}

/** The text of a `session_status`, which has no `history`, with one whose entries are there as JSON (`toHistoryText`). */
export function encodeStatus(
  status: ServerMessageOf<'session_status'>,
  history: readonly string[],
): string {
  return `${encode(status).slice(0, -'}}'.length)},"history":[${history.join()}]}}`;
}

/** What a message is about, as JSON: those of a run that follow each other have it in common. */
class About {
  #sessionId: string | undefined;
  #messageId: string | undefined;
  #replyTo: string | undefined;
  #runId: string | undefined;
  #attempt: number | undefined;
  #text = '';

  encode({ session_id, message_id, reply_to, run_id, attempt }: MessageEnvelope): string {
    const isSame =
      message_id === this.#messageId &&
      run_id === this.#runId &&
      attempt === this.#attempt &&
      reply_to === this.#replyTo &&
      session_id === this.#sessionId;
    if (isSame) return this.#text;
    let text = session_id === undefined ? '' : sessionIds.text(session_id);
    if (message_id !== undefined) text += `,"message_id":${JSON.stringify(message_id)}`;
    if (reply_to !== undefined) text += replyIds.text(reply_to);
    if (run_id !== undefined) text += runIds.text(run_id);
    if (attempt !== undefined) text += `,"attempt":${attempt}`;
    this.#sessionId = session_id;
    this.#messageId = message_id;
    this.#replyTo = reply_to;
    this.#runId = run_id;
    this.#attempt = attempt;
    this.#text = text;
    return text;
  }
}

/** The `data` of a message; piece by piece, too, for what there is most of. */
export function encodeData(message: ServerMessage): string {
  switch (message.type) {
    case 'agent_chunk': {
      const { agent_name, offset, content } = message.data;
      return `{${agentNames.text(agent_name)}"offset":${offset},"content":${contents.text(content)}}`;
    }
    case 'run_status': {
      const { agent_name, status, position } = message.data;
      const place = position === undefined ? '' : `,"position":${position}`;
      return `{${agentNames.text(agent_name)}"status":"${status}"${place}}`;
    }
    case 'chat_message': {
      const { content, sender, agent_name, replaces } = message.data;
      if (agent_name !== undefined || replaces !== undefined) return JSON.stringify(message.data);
      return `{"role":"user","content":${contents.text(content)}${senders.text(sender)}`;
    }
    case 'agent_response': {
      const { agent_name, content, status, error, code } = message.data;
      if (error !== undefined || code !== undefined) return JSON.stringify(message.data);
      return `{"role":"assistant",${agentNames.text(agent_name)}"content":${contents.text(content)},"status":"${status}","message_type":"text"}`;
    }
    case 'message_ack':
      return message.data.cancelled ? JSON.stringify(message.data) : '{"status":"accepted"}';
    default:
      return JSON.stringify(message.data);
  }
}

/** Parts of texts: messages that follow each other have the same ones, which are so made once. */
class Part {
  readonly #make: (of: string) => string;
  #of = '';
  #text: string;

  constructor(make: (of: string) => string) {
    this.#make = make;
    this.#text = make('');
  }

  text(of: string): string {
    if (of !== this.#of) {
      // First, because it throws where the text would be too long for a string.
      this.#text = this.#make(of);
      this.#of = of;
    }
    return this.#text;
  }
}

const about = new About();
const times = new Part((timestamp) => `,"timestamp":"${timestamp}","data":`);
const sessionIds = new Part((id) => `,"session_id":${JSON.stringify(id)}`);
const replyIds = new Part((id) => `,"reply_to":${JSON.stringify(id)}`);
const runIds = new Part((id) => `,"run_id":${JSON.stringify(id)}`);
const contents = new Part(JSON.stringify);
const agentNames = new Part((name) => `"agent_name":${JSON.stringify(name)},`);
const senders = new Part((id) => `,"message_type":"text","sender":${JSON.stringify(id)}}`);
