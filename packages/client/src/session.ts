/** What one can do with a conversation. */
import type { ServerMessage } from '@parley/protocol';
import type { Transcript } from './transcript.ts';

export interface SendOptions {
  /** The name of the agent to ask; default: the session's own. */
  readonly agent?: string | undefined;
  /** Asking again: the id of an earlier message of the same person that this one supersedes. */
  readonly replaces?: string | undefined;
  /** Where in a trace of yours it is asked, as W3C Trace Context has it, for a server that traces. */
  readonly traceparent?: string | undefined;
}

export interface CreateOptions {
  /** 1 to 200 characters; without one the server names it after the first message. */
  readonly title?: string | undefined;
  /** The agent that answers in it; default: the server's. */
  readonly agent?: string | undefined;
}

export interface Session {
  /** Known from the start, also of a session that the server has yet to make. */
  readonly id: string;
  /** What there is to show. */
  readonly transcript: Transcript;
  /**
   * This client has something for the server that it brings, again where that refused it for now: a
   * message, a command, or that it wants to come in. What another tab has had accepted, or has taken
   * back, waits here no more.
   */
  readonly isWaiting: boolean;
  /**
   * Sends a message, now or as soon as there is a connection, and returns its id. It is shown at
   * once as `waiting`; it is sent again after a loss or a reload, with the same id, until the server
   * has accepted it (`sent`) or refused it (`failed`).
   */
  send(text: string, options?: SendOptions): string;
  /**
   * Resolves when what was sent so far would outlive a reload, or a `warning` has told that it would
   * not: the moment to let go of a draft.
   */
  kept(): Promise<void>;
  /**
   * Asks again, with `text` in the place of what was asked and `agent` in that of who was asked where
   * they are given, and returns the id of the new message. It supersedes the old one and all that
   * followed; one that failed is taken away.
   *
   * @throws {RangeError} where there is no message with this id.
   */
  retry(messageId: string, text?: string, agent?: string): string;
  /**
   * Stops one run, or all that wait or run in this session at this moment: also where it can be told
   * to the server only later, nothing that is asked after it is stopped.
   */
  stop(runId?: string): void;
  /** Answers an agent that asks whether it may use a tool; `reason`: at most 2,000 characters. */
  decide(approvalId: string, approved: boolean, reason?: string): void;
  /** Gives the session a title, 1 to 200 characters. */
  rename(title: string): void;
  /**
   * Gives the session another agent, for everyone in it: the one with this name answers from now on
   * where a message names none. The transcript shows it once the server has taken it; a refusal,
   * say of one that is not there, is told to those who `subscribe`.
   */
  changeAgent(name: string): void;
  /** Tells the others that somebody writes here; call it on every key, it is sent now and then. */
  typing(isTyping?: boolean): void;
  /**
   * Takes a message that waits or has failed out of the transcript, and out of what is kept; one that
   * is on its way to the server stays. A new session with nothing else in it is then not made.
   */
  discard(messageId: string): void;
  /**
   * Loads the page of history before what is shown, or as many as have a message to show; nothing
   * where `hasMore` is `false`. With `to`, the id of a message or an answer, all that lies between
   * that and what is shown, and everything where it is not in the history. Calls while one is under way wait for it first.
   *
   * @throws {RequestError} when it was refused, or the server cannot be reached.
   */
  loadOlder(options?: { readonly to?: string }): Promise<void>;
  /** Every message of the server about this session, after the transcript has taken it. */
  subscribe(listener: (message: ServerMessage) => void): () => void;
  /**
   * Goes out of the session, as soon as what waits in it is sent. The server keeps the session, and
   * the client forgets it: this object is of no use any more.
   */
  leave(): void;
}
