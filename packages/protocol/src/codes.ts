/**
 * Every error and close code of the wire, in one table that server and client share.
 * This file imports nothing, so that a client can carry it without the schemas.
 */

/** What a client may do after an error: send the same message again, or not as it is. */
export interface ErrorCodeInfo {
  /** `true`: the same message may succeed later, after `retry_after_ms` where the error names one. */
  readonly retryable: boolean;
  /** The HTTP status with which the same error is answered over HTTP. */
  readonly status: number;
  /** What it means and what to do, one sentence, for people. */
  readonly description: string;
}

export const ERROR_CODES = {
  INVALID_JSON: {
    retryable: false,
    status: 400,
    description: 'The frame is not a JSON text. Send one JSON object per text frame.',
  },
  INVALID_MESSAGE: {
    retryable: false,
    status: 400,
    description:
      'The message does not fit its schema; the error names the field and what was expected.',
  },
  UNKNOWN_MESSAGE_TYPE: {
    retryable: false,
    status: 400,
    description:
      'This type does not exist in the profile of the connection; `details` lists those that do.',
  },
  MESSAGE_TOO_LARGE: {
    retryable: false,
    status: 413,
    description: 'The message is larger than the limit of the connection; the connection goes on.',
  },
  MESSAGE_CONFLICT: {
    retryable: false,
    status: 409,
    description: 'This `message_id` was used in the session for another body. Use a new id.',
  },
  NO_SESSION: {
    retryable: false,
    status: 400,
    description:
      'The message needs a session: name one in `session_id`, or create or join one first.',
  },
  SESSION_NOT_FOUND: {
    retryable: false,
    status: 404,
    description: 'There is no such session, or it is not yours, or it has expired.',
  },
  SESSION_LIMIT: {
    retryable: false,
    status: 429,
    description:
      'There are as many sessions as may be, of the connection or of the person. Leave or delete one first.',
  },
  UNAUTHORIZED: {
    retryable: false,
    status: 401,
    description: 'Who is asking is not known. Authenticate, then try again.',
  },
  AUTH_UNAVAILABLE: {
    retryable: true,
    status: 503,
    description: 'What tells who is asking does not answer. Try again later.',
  },
  FORBIDDEN: {
    retryable: false,
    status: 403,
    description: 'Who is asking is known, and may not do this.',
  },
  ORIGIN_NOT_ALLOWED: {
    retryable: false,
    status: 403,
    description:
      'The page that asks is not from an allowed origin, or asks by a host name that is not allowed.',
  },
  CONNECTION_LIMIT: {
    retryable: true,
    status: 503,
    description:
      'As many connections are open as may be, in all, from this address or of this person. Try again later.',
  },
  AGENT_NOT_FOUND: {
    retryable: false,
    status: 404,
    description: 'There is no agent of this name; `details` lists those that there are.',
  },
  AGENT_ERROR: {
    retryable: true,
    status: 502,
    description: 'The agent failed. What it wrote before is kept; asking again starts a new run.',
  },
  TIMEOUT: {
    retryable: true,
    status: 504,
    description: 'The agent did not finish within the time limit of a run.',
  },
  INTERRUPTED: {
    retryable: true,
    status: 502,
    description: 'The server stopped while the answer was being written. Ask again.',
  },
  ANSWER_TOO_LARGE: {
    retryable: false,
    status: 502,
    description: 'The agent wrote more than an answer may hold. What fits is kept.',
  },
  RUN_NOT_FOUND: {
    retryable: false,
    status: 404,
    description:
      'No run of this id is waiting or running in the session, or its answer is no longer kept.',
  },
  APPROVAL_NOT_FOUND: {
    retryable: false,
    status: 404,
    description: 'No approval of this id is open in the session.',
  },
  CONNECTION_NOT_FOUND: {
    retryable: false,
    status: 404,
    description: 'No connection of this id is open on any node.',
  },
  NODE_NOT_FOUND: {
    retryable: false,
    status: 404,
    description: 'No node of this id answers: it has ended, or cannot be reached.',
  },
  LAST_NODE: {
    retryable: false,
    status: 409,
    description:
      'No other node does what this one does, and draining it would end that. Ask with `force` if you mean it.',
  },
  QUEUE_FULL: {
    retryable: true,
    status: 429,
    description:
      'As many messages wait in this session, or answers of this person are not finished, as may. Send it again when an answer has ended.',
  },
  RATE_LIMITED: {
    retryable: true,
    status: 429,
    description:
      'More than may be sent in this time, or too many wrong tokens. Send it again after `retry_after_ms`; who goes on without a pause is cut.',
  },
  STORE_UNAVAILABLE: {
    retryable: true,
    status: 503,
    description: 'The message could not be put on disk and was not accepted. Send it again.',
  },
  NOT_FOUND: {
    retryable: false,
    status: 404,
    description: 'There is no such route.',
  },
  METHOD_NOT_ALLOWED: {
    retryable: false,
    status: 405,
    description: 'The route is there and does not take this method; `Allow` names those it takes.',
  },
  UPGRADE_REQUIRED: {
    retryable: false,
    status: 426,
    description: 'This is a WebSocket endpoint. Connect to it with a WebSocket client.',
  },
  INTERNAL_ERROR: {
    retryable: true,
    status: 500,
    description: 'The server failed. The message may be sent again with the same `message_id`.',
  },
} as const satisfies Record<string, ErrorCodeInfo>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface CloseCodeInfo {
  /** Whether a client should come back by itself. */
  readonly reconnect: boolean;
  readonly description: string;
}

/** After these a client stays away. Apart from the words below, which no client needs to carry. */
const FINAL_CODES: readonly number[] = [1000, 1002, 1007, 1008, 4401];

/** Whether a client should reconnect after this close code. Unknown codes, 1005 and 1006: yes. */
export function mayReconnect(code: number): boolean {
  return !FINAL_CODES.includes(code);
}

const CLOSE_DESCRIPTIONS = {
  1000: 'Closed by agreement.',
  1001: 'The server or the page is going away.',
  1002: 'The frame breaks RFC 6455.',
  1007: 'A text frame was not UTF-8.',
  1008: 'Refused by policy.',
  1009: 'A message was larger than the hard limit. Come back, but do not send that message again.',
  1011: 'The server failed on this connection.',
  1012: 'The server restarts. Come back after the delay that it named, with jitter.',
  4401: 'Not authenticated, or no longer.',
  4408: 'Nothing was heard for the inactivity timeout.',
  4409: 'The connection read too slowly. Come back and resume from the last `seq`.',
  4410: 'Cut by an administrator. Come back and resume from the last `seq`.',
  4429: 'More than may be sent or open, or too many wrong tokens. Come back later, and send less.',
} as const;

export type CloseCode = keyof typeof CLOSE_DESCRIPTIONS;

/**
 * WebSocket close codes that the server sends (RFC 6455 section 7.4; 4000–4999 are free for
 * applications). A code that is not listed means: reconnect, with backoff.
 */
export const CLOSE_CODES = /* @__PURE__ */ Object.fromEntries(
  /* @__PURE__ */ Object.entries(CLOSE_DESCRIPTIONS).map(([code, description]) => [
    code,
    { reconnect: mayReconnect(Number(code)), description },
  ]),
) as Readonly<Record<CloseCode, CloseCodeInfo>>;
