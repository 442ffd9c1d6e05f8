/** What there is to know of a person's sessions, and what can be done with them. */
import type { Problem } from './items.ts';
import type { CreateOptions, Session } from './session.ts';

export interface SessionSummary {
  readonly id: string;
  /** `null` until it has one. */
  readonly title: string | null;
  /** The agent that answers in it; empty where the server has yet to say it. */
  readonly agent: string;
  /** Milliseconds since the epoch. */
  readonly lastActivity: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Messages of people and answers of agents. */
  readonly messageCount: number;
  /** The newest event of its log; 0: there is none. */
  readonly lastSeq: number;
}

export interface SessionListSnapshot {
  /** `loading`: nothing is known yet; `failed`: nor could it be found out, as `problem` says. */
  readonly status: 'loading' | 'ready' | 'failed';
  /** The last used first; those that only wait in the outbox to be made are among them. */
  readonly sessions: readonly SessionSummary[];
  /** How many there are, loaded or not. */
  readonly total: number;
  readonly hasMore: boolean;
  /** Why the last try to load something failed; absent when one has succeeded since. */
  readonly problem?: Problem;
}

export interface SearchHit {
  readonly sessionId: string;
  readonly title: string | null;
  readonly messageId: string;
  readonly seq: number;
  readonly role: 'user' | 'assistant';
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly snippet: string;
}

export interface SessionList {
  /** Immutable, and the same object until something changes. */
  snapshot(): SessionListSnapshot;
  /**
   * Calls `listener` after every change, until the returned function is called. With the first
   * listener the list is loaded, and from then on kept in step with other tabs, devices and people.
   */
  subscribe(listener: () => void): () => void;
  /** Loads the next 100, or up to 1,000 far back. A failure is told by the snapshot's `problem`. */
  loadMore(): Promise<void>;
  /** Loads anew what is loaded. A failure is told by the snapshot's `problem`. */
  refresh(): Promise<void>;
  /**
   * Makes a session and joins it. Without a connection it is made as soon as there is one; this
   * resolves when that is kept for a reload.
   *
   * @throws {RequestError} when the server refuses, as it does where there is no such agent.
   */
  create(options?: CreateOptions): Promise<Session>;
  /** Joins a session: the same as `client.session(id)`. */
  join(id: string): Session;
  /**
   * Gives a session another title, 1 to 200 characters. It is shown at once, and taken back where
   * the server does not take it.
   *
   * @throws {RequestError} when it was refused, or the server cannot be reached.
   */
  rename(id: string, title: string): Promise<void>;
  /**
   * Deletes a session with all that was said in it, and what waits to be sent to it. It is gone from
   * the list at once, and comes back where the server does not delete it.
   *
   * @throws {RequestError} when it was refused, or the server cannot be reached.
   */
  delete(id: string): Promise<void>;
  /**
   * Messages and answers that have every word of `text`, the last one as a prefix, newest first.
   *
   * @param options `limit`: 1 to 100, default 20.
   * @throws {RequestError} when it was refused, or the server cannot be reached.
   * @throws {DOMException} (`AbortError`) when `signal` aborts.
   */
  search(text: string, options?: SearchOptions): Promise<readonly SearchHit[]>;
  /** Where the session can be downloaded from, by whoever the server knows without a token. */
  exportUrl(id: string, format: 'markdown' | 'json'): string;
}

export interface SearchOptions {
  readonly limit?: number;
  readonly signal?: AbortSignal;
}
