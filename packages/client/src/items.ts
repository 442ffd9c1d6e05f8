/** What a transcript shows: plain immutable values. */
import type { Json, RunEnd, ServerMessageOf } from '@parley/protocol';

/** Why something was refused or failed: a code of `@parley/protocol/codes`, and words for people. */
export interface Problem {
  readonly code: string;
  readonly message: string;
}

/** Something that the agent did beside writing. */
export type Step =
  | {
      readonly kind: 'tool';
      readonly id: string;
      readonly name: string;
      readonly arguments: Json;
      /**
       * Where in the text it stands: after so many UTF-16 code units. Of an earlier attempt, whose
       * text is gone: 0.
       */
      readonly offset: number;
      /** Absent while the tool works, and where the run ended before it was done. */
      readonly result?: { readonly value: Json; readonly isError: boolean };
    }
  | {
      readonly kind: 'approval';
      readonly id: string;
      /** The tool that the agent would use. */
      readonly name: string;
      readonly arguments: Json;
      /** As of a tool: where it was asked. */
      readonly offset: number;
      readonly status: 'pending' | 'approved' | 'denied';
      readonly reason?: string;
    };

export interface AnswerItem {
  readonly kind: 'answer';
  readonly runId: string;
  /** The id of the answer itself; absent until it begins to be written. */
  readonly messageId: string | undefined;
  /** The `message_id` of the message that it answers. */
  readonly replyTo: string;
  /** Absent until the server has said which agent answers. */
  readonly agent: string | undefined;
  readonly attempt: number;
  /** All that is written so far, or the whole text where `status` is an end. */
  readonly text: string;
  readonly status: 'queued' | 'running' | RunEnd;
  /** With `queued`: how many runs of the session end before this one starts. */
  readonly position: number | undefined;
  /** In the order of the log; the same array until one of them changes. */
  readonly steps: readonly Step[];
  /** While it runs: what its agents report. */
  readonly progress: ServerMessageOf<'agent_progress'>['data'] | undefined;
  /** With `error` and `interrupted`. */
  readonly problem: Problem | undefined;
  /** When it ended, by the server's clock, milliseconds since the epoch; absent until then. */
  readonly timestamp: number | undefined;
}

export interface MessageItem {
  readonly kind: 'message';
  /** Its `message_id`. */
  readonly id: string;
  readonly text: string;
  /**
   * `waiting`: the server has not acknowledged it; `sent`: it is in the log; `failed`: refused, as
   * `problem` says, and not sent again.
   */
  readonly status: 'waiting' | 'sent' | 'failed';
  readonly problem: Problem | undefined;
  /** The agent asked by name, where one was. */
  readonly agent: string | undefined;
  /** Who wrote it, as the server knows them; absent where it was sent through this transcript. */
  readonly sender: string | undefined;
  /** The earlier message that it was sent in place of. */
  readonly replaces: string | undefined;
  /** Its number in the log; absent until it is there. */
  readonly seq: number | undefined;
  /**
   * Milliseconds since the epoch: when the server took it, by the server's clock; until then when
   * it was written, by this one's.
   */
  readonly timestamp: number | undefined;
}

export type TranscriptItem = MessageItem | AnswerItem;

export interface TranscriptSnapshot {
  /**
   * `opening`: the server has not answered yet; `refused`: it said no, as `problem` says;
   * `deleted` and `expired`: it is gone, what was shown stays readable.
   */
  readonly status: 'opening' | 'active' | 'deleted' | 'expired' | 'refused';
  readonly problem: Problem | undefined;
  /** `null` until the session has one. */
  readonly title: string | null;
  /** The session's own agent; absent until the server has said it. */
  readonly agent: string | undefined;
  /** Messages in the order of the log, each followed by its answers; superseded ones left out. */
  readonly items: readonly TranscriptItem[];
  /** Older events than those shown are kept on the server. */
  readonly hasMore: boolean;
  /**
   * Who one is here, as the `sender` of what one writes, and the most that one may do: see it, write in
   * it, or also name it, invite to it and delete it. `administrator`: it is the chat of others, which one
   * sees for being an administrator alone. Absent until the server has said it.
   */
  readonly you:
    | {
        readonly id: string;
        readonly access: 'read' | 'write' | 'manage';
        readonly administrator?: true | undefined;
      }
    | undefined;
  /** Connections in the session, this one included; 0 until the server has said it. */
  readonly connections: number;
  /** Who else is writing. */
  readonly typing: readonly string[];
}

/** A message on its way. */
export interface Draft {
  readonly id: string;
  readonly text: string;
  readonly agent?: string | undefined;
  readonly replaces?: string | undefined;
  /** When it was written, milliseconds since the epoch. */
  readonly timestamp?: number | undefined;
}
