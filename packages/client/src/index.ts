/**
 * The client of Parley: reconnects, resumes exactly where it was, and turns what the server says
 * into a transcript. It needs nothing but a global `WebSocket` (browsers, workers, Node ≥ 22).
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
export { type Client, type ClientOptions, createClient } from './client.ts';
/** How the connection is, for people to see. */
export type { ConnectionState } from './connection.ts';
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
export type { SendOptions, Session } from './session.ts';
/** The store behind what is shown; of use by itself to whoever has a connection already. */
export { Transcript } from './transcript.ts';
