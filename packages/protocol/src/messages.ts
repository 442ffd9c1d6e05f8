/**
 * The wire, in one place: every message of both directions, from one zod source.
 * Types, JSON Schema and the server's checks all derive from what stands here.
 */
import * as z from 'zod';
import { ID, MAX_ID_LENGTH } from './ids.ts';

/** The WebSocket subprotocol of the full profile. A client that offers none gets the seed's profile. */
export const SUBPROTOCOL = 'parley.v1';

/**
 * `plain`: no subprotocol offered; the seed's contract and only the seed's message types.
 * `parley.v1`: the same and more.
 */
export type Profile = 'plain' | typeof SUBPROTOCOL;

/** Bounds of the wire. Lengths are in UTF-16 code units (JavaScript's `length`) unless said otherwise. */
export const LIMITS = {
  /** Default soft limit of an inbound message in the plain profile, bytes. The seed's number. */
  plainMessageBytes: 512,
  /** Default soft limit of an inbound message in `parley.v1`, bytes. */
  messageBytes: 65_536,
  /** Default hard limit: a larger message ends the connection with 1009, bytes. */
  hardMessageBytes: 1_048_576,
  idLength: MAX_ID_LENGTH,
  titleLength: 200,
  /** Events that a resume replays before it says `reset: true` instead. */
  replayEvents: 1_000,
  /** Events in the newest page of `history`. */
  historyEvents: 100,
} as const;

/** An id chosen by a client or the server: 1 to 128 printable characters without spaces, and a part of a URL. */
const id = z
  .string()
  .max(MAX_ID_LENGTH)
  .regex(ID, 'expected 1 to 128 printable ASCII characters without spaces, and not . or ..');

/** Clients written in Go and Java send `""` for an absent id; it means absent. */
const optionalId = z.preprocess((value) => (value === '' ? undefined : value), id.optional());

/** A string that came in is made well-formed, so that what is kept is exactly what is sent out. */
const text = z.string().overwrite((value) => value.toWellFormed());
const title = text.trim().min(1).max(LIMITS.titleLength);
const seq = z.int().min(1);
const offset = z.int().min(0);

const clientEnvelope = {
  session_id: optionalId,
  message_id: optionalId,
  /** The sender's clock; informative only. The server stamps events with its own. */
  timestamp: z.string().max(64).optional(),
};

/** How much of a running answer a resuming client already shows. */
export const answerPositionSchema = z.object({
  run_id: id,
  attempt: z.int().min(1),
  /** Characters (UTF-16 code units) of the answer that the client has. */
  offset,
});

/** Where in a trace of the client's this is said, as W3C Trace Context has it. What is no text is taken for none. */
const traceContext = {
  traceparent: z.string().optional().catch(undefined),
  tracestate: z.string().optional().catch(undefined),
};

function clientMessage<Type extends string, Data extends z.ZodType>(type: Type, data: Data) {
  return z.object({ type: z.literal(type), ...clientEnvelope, data });
}

/** Fields that nothing is required of: absent and `null` `data` are an empty object. */
function optionalData<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.preprocess((value) => value ?? {}, z.object(shape));
}

export const sessionCreateSchema = clientMessage(
  'session_create',
  optionalData({
    user_agent: z.string().max(1_024).optional(),
    title: title.optional(),
    agent_name: optionalId,
  }),
);
const sessionJoin = clientMessage(
  'session_join',
  optionalData({
    session_id: optionalId,
    /** The last `seq` the client has; 0 asks for everything. Absent: the newest page. */
    after_seq: z.int().min(0).optional(),
    /** The running answer the client shows, if any. */
    answer: answerPositionSchema.optional(),
  }),
);
export const chatMessageSchema = clientMessage(
  'chat_message',
  z.object({
    content: text.refine(
      (value) => value.trim() !== '',
      'expected text that is not only white space',
    ),
    message_type: z.literal('text').default('text'),
    /** The agent to ask, where it is not the session's own. */
    agent_name: optionalId,
    /** Asking again: the `message_id` of an earlier message of the same person that this one supersedes. */
    replaces: optionalId,
  }),
).extend(traceContext);
const ping = clientMessage('ping', optionalData({}));
const typingSent = clientMessage('typing', optionalData({ is_typing: z.boolean().default(true) }));
export const sessionUpdateSchema = clientMessage(
  'session_update',
  z
    .object({ title: title.optional(), agent_name: optionalId })
    .refine(
      (data) => data.title !== undefined || data.agent_name !== undefined,
      'expected title or agent_name',
    ),
);
const sessionLeave = clientMessage('session_leave', optionalData({}));
const runCancel = clientMessage(
  'run_cancel',
  /** Absent `run_id`: every waiting and running run of the session. */
  optionalData({ run_id: optionalId }),
);
const approvalResponse = clientMessage(
  'approval_response',
  z.object({
    approval_id: id,
    approved: z.boolean(),
    reason: text.max(2_000).optional(),
  }),
);
const sessionsWatch = clientMessage('sessions_watch', optionalData({}));
const auth = clientMessage('auth', z.object({ token: z.string().min(1).max(16_384) }));

const plainClientMessages = [
  sessionCreateSchema,
  sessionJoin,
  chatMessageSchema,
  ping,
  typingSent,
] as const;
const v1ClientMessages = [
  ...plainClientMessages,
  sessionUpdateSchema,
  sessionLeave,
  runCancel,
  approvalResponse,
  auth,
  sessionsWatch,
] as const;

export const clientMessageSchema = z.discriminatedUnion('type', v1ClientMessages);
export type ClientMessage = z.output<typeof clientMessageSchema>;
export type ClientMessageType = ClientMessage['type'];
export type ClientMessageOf<Type extends ClientMessageType> = Extract<
  ClientMessage,
  { type: Type }
>;
/** What a client writes: fields with defaults may be left out. */
export type ClientMessageInput = z.input<typeof clientMessageSchema>;

/** The schema of each client message by type. */
export const clientMessageSchemas = new Map<string, (typeof v1ClientMessages)[number]>(
  v1ClientMessages.map((schema) => [schema.shape.type.value, schema]),
);

export const CLIENT_MESSAGE_TYPES = {
  plain: plainClientMessages.map((schema) => schema.shape.type.value),
  [SUBPROTOCOL]: v1ClientMessages.map((schema) => schema.shape.type.value),
} as const satisfies Record<Profile, readonly ClientMessageType[]>;

// --- server to client -------------------------------------------------------------------------

const serverEnvelope = {
  session_id: id.optional(),
  message_id: id.optional(),
  /** RFC 3339, UTC, with milliseconds. Of an event: when it was committed. */
  timestamp: z.iso.datetime(),
  /** Only durable events have one: 1, 2, 3 … within the session, without a hole. */
  seq: seq.optional(),
  /** The `message_id` that this answers. */
  reply_to: id.optional(),
  run_id: id.optional(),
  /** Which try of the run this is; a higher one supersedes what a lower one streamed. */
  attempt: z.int().min(1).optional(),
};

function serverMessage<Type extends string, Data extends z.ZodType>(type: Type, data: Data) {
  return z.object({ type: z.literal(type), ...serverEnvelope, data });
}

/** How a run ended. */
export const runEndSchema = z.enum(['complete', 'cancelled', 'error', 'interrupted']);
export type RunEnd = z.output<typeof runEndSchema>;

const chatMessageEvent = serverMessage(
  'chat_message',
  z.object({
    role: z.literal('user'),
    content: z.string(),
    message_type: z.literal('text'),
    agent_name: id.optional(),
    replaces: id.optional(),
    /** Who wrote it: the principal's id. */
    sender: z.string(),
  }),
);
const agentResponse = serverMessage(
  'agent_response',
  z.object({
    role: z.literal('assistant'),
    agent_name: z.string(),
    /** The whole text; where the run did not complete, what was written until then. */
    content: z.string(),
    status: runEndSchema,
    message_type: z.literal('text'),
    /** With `status: "error"` or `"interrupted"`: what happened, in words, and its code. */
    error: z.string().optional(),
    code: z.string().optional(),
  }),
);
const toolCall = serverMessage(
  'tool_call',
  z.object({
    agent_name: z.string(),
    tool_call_id: z.string(),
    tool_name: z.string(),
    arguments: z.json(),
    /** Where in the answer the call stands: after this many characters. */
    offset,
  }),
);
const toolResult = serverMessage(
  'tool_result',
  z.object({
    agent_name: z.string(),
    tool_call_id: z.string(),
    tool_name: z.string(),
    result: z.json(),
    is_error: z.boolean(),
  }),
);
const approvalRequest = serverMessage(
  'approval_request',
  z.object({
    agent_name: z.string(),
    approval_id: z.string(),
    tool_name: z.string(),
    arguments: z.json(),
    /** Sent once as `pending` and once more with the decision. */
    status: z.enum(['pending', 'approved', 'denied']),
    reason: z.string().optional(),
    decided_by: z.string().optional(),
    /** Where in the answer it was asked: after this many characters. */
    offset,
  }),
);

/** The durable events: what the log of a session is made of. */
const eventSchemas = [
  chatMessageEvent,
  agentResponse,
  toolCall,
  toolResult,
  approvalRequest,
] as const;
export const eventSchema = z.discriminatedUnion('type', eventSchemas);
type EventMessage = z.output<typeof eventSchema>;
export type EventType = EventMessage['type'];
/** A durable event as it goes over the wire. */
export type SessionEvent = EventMessage & {
  session_id: string;
  message_id: string;
  seq: number;
};
export type SessionEventOf<Type extends EventType> = Extract<SessionEvent, { type: Type }>;

const agentChunk = serverMessage(
  'agent_chunk',
  z.object({
    agent_name: z.string(),
    /** Where `content` begins in the answer, in UTF-16 code units. */
    offset,
    content: z.string(),
  }),
);
const agentProgress = serverMessage(
  'agent_progress',
  z.object({
    agents: z.array(
      z.object({
        name: z.string(),
        status: z.enum(['waiting', 'processing', 'complete', 'error']),
        /** 0 to 1. */
        progress: z.number().min(0).max(1),
        message: z.string().optional(),
      }),
    ),
    /** 0 to 1. */
    overall_progress: z.number().min(0).max(1),
    current_agent: z.string().optional(),
  }),
);
const runStatus = serverMessage(
  'run_status',
  z.object({
    agent_name: z.string(),
    status: z.enum(['queued', 'running', ...runEndSchema.options]),
    /** With `queued`: how many runs of the session end before this one starts; absent: none. */
    position: z.int().min(1).optional(),
  }),
).extend({
  /** The run's place in its trace, as W3C Trace Context has it, where the server traces. */
  traceparent: z.string().optional(),
});

/**
 * An event in `history`: the event's envelope and its `data` in one flat object
 * (`role`, `content`, `message_id`, `timestamp`, `seq` side by side).
 */
export const historyEntrySchema = z
  .object({
    type: z.enum([
      'chat_message',
      'agent_response',
      'tool_call',
      'tool_result',
      'approval_request',
    ]),
    role: z.enum(['user', 'assistant', 'tool']),
    message_id: id,
    timestamp: z.iso.datetime(),
    seq,
    reply_to: id.optional(),
    run_id: id.optional(),
    attempt: z.int().min(1).optional(),
    content: z.string().optional(),
  })
  .catchall(z.json());
export type HistoryEntry = z.output<typeof historyEntrySchema>;

const runningAnswer = z.object({
  run_id: id,
  attempt: z.int().min(1),
  /** The `message_id` that the final `agent_response` will have. */
  message_id: id,
  reply_to: id,
  agent_name: z.string(),
  /** 0, or where the client said that it is in this very attempt. */
  offset,
  /** The text from `offset` on. */
  content: z.string(),
});

const sessionStatus = serverMessage(
  'session_status',
  z.object({
    session_id: id,
    status: z.enum(['active', 'deleted', 'expired']),
    title: z.string().nullable(),
    agent_name: z.string(),
    /** Messages of people and answers of agents in the log. */
    message_count: z.int().min(0),
    created_at: z.iso.datetime(),
    last_activity: z.iso.datetime(),
    /** The oldest `seq` that is kept; `last_seq + 1` where none is. */
    first_seq: seq,
    last_seq: z.int().min(0),
    /** On join: the newest page, oldest first. */
    history: z.array(historyEntrySchema).optional(),
    /** With `history`: whether older events are kept (`GET /api/sessions/{id}/messages`). */
    has_more: z.boolean().optional(),
    /** With `after_seq`: it could not be resumed from there; drop everything and show `history`. */
    reset: z.boolean().optional(),
    /** The answer that is being written at this moment, if any. */
    answer: runningAnswer.optional(),
    /**
     * On join: who is asking, as others see them, and the most that they may do. `administrator`: it is the
     * chat of others, and they see it for being an administrator alone.
     */
    you: z
      .object({
        id: z.string(),
        access: z.enum(['read', 'write', 'manage']),
        administrator: z.literal(true).optional(),
      })
      .optional(),
  }),
);
const messageAck = serverMessage(
  'message_ack',
  z.object({
    status: z.literal('accepted'),
    /** Of a `run_cancel`: the runs that it ended. */
    cancelled: z.array(id).optional(),
  }),
);
const presence = serverMessage(
  'presence',
  z.object({
    /** Everyone connected now, each once, at most 100. */
    participants: z.array(z.object({ id: z.string(), connections: z.int().min(1) })),
    /** All connections in the session. */
    connections: z.int().min(0),
  }),
);
const typing = serverMessage('typing', z.object({ sender: z.string(), is_typing: z.boolean() }));
const pong = serverMessage('pong', z.object({}));
export const errorSchema = serverMessage(
  'error',
  z.object({
    code: z.string(),
    /** What was wrong and what was expected. */
    message: z.string(),
    details: z.string().optional(),
    /** The same message may be sent again, after `retry_after_ms` where it is given. */
    retryable: z.boolean(),
    retry_after_ms: z.int().min(0).optional(),
    /** The limit that applied, in the unit that `message` names. */
    limit: z.number().optional(),
  }),
).extend({
  /** The `message_id` of the refused message as it came, also where it is no id: that may be why. */
  reply_to: z.string().min(1).max(LIMITS.idLength).optional(),
});
const systemMessage = serverMessage(
  'system_message',
  z.object({
    level: z.enum(['info', 'warning', 'error']),
    message: z.string(),
    /** What a client should do: `reconnect` after `retry_after_ms`. */
    action: z.enum(['reconnect']).optional(),
    retry_after_ms: z.int().min(0).optional(),
  }),
);

const plainServerMessages = [
  agentResponse,
  agentProgress,
  sessionStatus,
  pong,
  errorSchema,
  systemMessage,
] as const;
const v1ServerMessages = [
  ...plainServerMessages,
  messageAck,
  chatMessageEvent,
  agentChunk,
  runStatus,
  toolCall,
  toolResult,
  approvalRequest,
  presence,
  typing,
] as const;

export const serverMessageSchema = z.discriminatedUnion('type', v1ServerMessages);
export type ServerMessage = z.output<typeof serverMessageSchema>;
export type ServerMessageType = ServerMessage['type'];
export type ServerMessageOf<Type extends ServerMessageType> = Extract<
  ServerMessage,
  { type: Type }
>;

export const SERVER_MESSAGE_TYPES = {
  plain: plainServerMessages.map((schema) => schema.shape.type.value),
  [SUBPROTOCOL]: v1ServerMessages.map((schema) => schema.shape.type.value),
} as const satisfies Record<Profile, readonly ServerMessageType[]>;

/** A JSON value, bounded only by the size of the message that holds it. */
export type Json = z.output<ReturnType<typeof z.json>>;
