/** How far one connection is in the answer that is being written, and the text that it is owed. */
import { createMessage, type ServerMessageOf } from '@parley/protocol';
import type { Delivery } from './delivery.ts';
import type { JoinPosition, Peer, RunningAnswer } from './subscription.ts';

/** The subscription that it belongs to. */
export interface AnswerSource {
  readonly peer: Peer;
  readonly sessionId: string;
  /** The answer that is being written in the session, if any. */
  running(): RunningAnswer | undefined;
  /** Whether the client is to be told as things happen; while it catches up it is not. */
  readonly isLive: boolean;
}

/**
 * Text is not queued for a reader that is behind: it is owed, and paid in one chunk from the answer
 * itself. A client of the seed is sent none: it gets the answer when it is whole.
 */
export class AnswerCursor {
  readonly #source: AnswerSource;
  #position: { runId: string; attempt: number; offset: number } | undefined;
  #owing = false;

  constructor(source: AnswerSource) {
    this.#source = source;
  }

  /** The running answer for `session_status`, from where the client is in this very attempt. */
  announce(
    known: JoinPosition['answer'],
  ): Pick<ServerMessageOf<'session_status'>['data'], 'answer'> {
    const running = this.#source.running();
    // A node that has heard nothing of it yet goes on from there as well.
    if (known) {
      const { run_id, attempt, offset } = known;
      this.#position = { runId: run_id, attempt, offset };
    }
    if (!running || this.#source.peer.profile === 'plain') return {};
    const { runId, attempt, text } = running;
    const same = known?.run_id === runId && known.attempt === attempt;
    // It may have more than this node where another one writes, which it was on, or which others hear sooner.
    const offset = same && (known.offset <= text.length || !running.isOwn) ? known.offset : 0;
    this.#position = { runId, attempt, offset: Math.max(offset, text.length) };
    return {
      answer: {
        run_id: runId,
        attempt,
        message_id: running.answerId,
        reply_to: running.replyTo,
        agent_name: running.agent,
        offset,
        content: text.slice(offset),
      },
    };
  }

  /** Passes a chunk on where it follows what was sent, and the reader keeps up. */
  forward(chunk: ServerMessageOf<'agent_chunk'>, delivery: Delivery): void {
    const { run_id: runId = '', attempt = 1 } = chunk;
    const { offset, content } = chunk.data;
    const isSame = this.#position?.runId === runId && this.#position.attempt === attempt;
    // Where its beginning was lost, this node may know of the run before it only: that is not begun again.
    if (!isSame && offset === 0) this.#position = { runId, attempt, offset };
    if (
      (isSame || offset === 0) &&
      offset === this.#position?.offset &&
      !this.#source.peer.congested
    ) {
      this.#position.offset += content.length;
      this.#source.peer.forward(delivery);
      return;
    }
    this.#owe();
  }

  #owe(): void {
    if (this.#owing) return;
    this.#owing = true;
    this.#source.peer.whenClear(() => {
      this.#owing = false;
      if (this.#source.isLive) this.pay();
    });
  }

  /** Sends what the client lacks of the running answer, in one chunk, as soon as there is room for it. */
  pay(): void {
    const running = this.#source.running();
    if (!running || this.#source.peer.profile === 'plain') return;
    // Several sessions of a connection may be owed text, and one of them was faster.
    if (this.#source.peer.congested) {
      this.#owe();
      return;
    }
    const { runId, attempt, text } = running;
    const { offset } =
      this.#position?.runId === runId && this.#position.attempt === attempt
        ? this.#position
        : { offset: 0 };
    this.#position = { runId, attempt, offset: Math.max(offset, text.length) };
    if (offset >= text.length) return;
    this.#source.peer.tell(
      createMessage(
        'agent_chunk',
        { agent_name: running.agent, offset, content: text.slice(offset) },
        {
          session_id: this.#source.sessionId,
          message_id: running.answerId,
          reply_to: running.replyTo,
          run_id: runId,
          attempt,
        },
      ),
    );
  }
}
