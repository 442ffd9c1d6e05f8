/**
 * Parley's wire protocol. `messages` has the schemas and types of every message, `codec` checks and
 * builds them, `codes` is the table of error and close codes, `history` says what a log means, and
 * `event-text` reads in an event what must be known of it without parsing it.
 */
export {
  createError,
  createMessage,
  type Decoded,
  decode,
  type ErrorDetails,
  encode,
  encodeData,
  encodeEvent,
  encodeStatus,
  type MessageEnvelope,
  ProtocolError,
} from './codec.ts';
export {
  CLOSE_CODES,
  type CloseCode,
  ERROR_CODES,
  type ErrorCode,
  mayReconnect,
} from './codes.ts';
export { Branch, fromHistoryEntry, toHistoryEntry } from './history.ts';
export * from './messages.ts';
