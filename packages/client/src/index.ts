/**
 * The client of Parley: reconnects, resumes exactly where it was, keeps what is not sent yet, and
 * turns what the server says into a transcript. It needs nothing but a global `WebSocket` and `fetch`
 * (browsers, workers, Node ≥ 22). Hooks for React are in `@parley/client/react`.
 *
 * @example
 * import { createClient } from '@parley/client';
 *
 * const client = createClient({ url: 'ws://localhost:8080/ws' });
 * const session = client.session();
 * session.transcript.subscribe(() => {
 *   for (const item of session.transcript.snapshot().items) console.log(item.kind, item.text);
 * });
 * session.send('What is Parley?');
 */

/** Where everything begins. */
export {
  type AgentInfo,
  type AgentList,
  type Client,
  type ClientEvents,
  type ClientOptions,
  createClient,
  type Notice,
  type Warning,
} from './client.ts';
/** How the connection is, for people to see. */
export type { ConnectionState } from './connection.ts';
/** What a request that failed throws. */
export { RequestError } from './http.ts';
/** Where what is not sent yet is kept. */
export { indexedDbStorage } from './indexed-db.ts';
/** What a transcript shows. */
export type {
  AnswerItem,
  Draft,
  MessageItem,
  Problem,
  Step,
  TranscriptItem,
  TranscriptSnapshot,
} from './items.ts';
/** A conversation. */
export type { CreateOptions, SendOptions, Session } from './session.ts';
/** All conversations of a person. */
export type {
  SearchHit,
  SearchOptions,
  SessionList,
  SessionListSnapshot,
  SessionSummary,
} from './session-list.ts';
export {
  memoryStorage,
  type OutboxEntry,
  type OutboxMessage,
  type OutboxSession,
  type OutboxStorage,
} from './storage.ts';
export type { Token } from './token.ts';
/** The store behind what is shown; of use by itself to whoever has a connection already. */
export { Transcript } from './transcript.ts';
