/** The answer that is being written on another node, as this node knows it. */
import type { ServerMessageOf } from '@parley/protocol';
import type { KeptText, Notice } from '../buses/bus.ts';
import type { RunningAnswer } from './subscription.ts';

type Chunk = ServerMessageOf<'agent_chunk'>;

/** Whose text it is: what stands with it on the bus. */
export function headOf(message: Chunk | ServerMessageOf<'agent_response'>): Notice {
  const { run_id, attempt, message_id, reply_to, data } = message;
  return { run_id, attempt, message_id, reply_to, agent_name: data.agent_name };
}

/** What was kept of an answer, for nodes that come late. */
export function answerOf({ head, text }: KeptText): RunningAnswer {
  const { run_id, attempt, message_id, reply_to, agent_name } = head as Record<string, string>;
  return {
    runId: run_id ?? '',
    attempt: Number(attempt),
    answerId: message_id ?? '',
    replyTo: reply_to ?? '',
    agent: agent_name ?? '',
    text,
    isOwn: false,
  };
}

/**
 * The answer with a chunk more; the same where it has it already. `undefined`: something before it is
 * missing.
 */
export function withChunk(
  answer: RunningAnswer | undefined,
  chunk: Chunk,
): RunningAnswer | undefined {
  const { offset, content } = chunk.data;
  const attempt = chunk.attempt ?? 1;
  const isSame = answer?.runId === chunk.run_id && answer?.attempt === attempt;
  // Of an attempt that another node has taken over since, nothing is heard any more.
  if (answer && answer.runId === chunk.run_id && answer.attempt > attempt) return answer;
  const text = isSame && answer ? answer.text : '';
  if (offset > text.length) return undefined;
  const whole = text + content.slice(text.length - offset);
  return { ...answerOf({ head: headOf(chunk), text: whole }), attempt };
}
