/** A session of so many questions and answers, and what a chunk of one more answer costs in it. */
import { Transcript } from '@parley/client';

const SESSION = 'session';
const CHUNKS = 5_000;

type Frame = Parameters<Transcript['apply']>[0];

function frame(
  type: Frame['type'],
  seq: number | undefined,
  question: number,
  data: object,
): Frame {
  const isQuestion = type === 'chat_message';
  return {
    type,
    session_id: SESSION,
    timestamp: '2026-01-09T10:00:00.000Z',
    message_id: isQuestion ? `question ${question}` : `answer ${question}`,
    run_id: `run ${question}`,
    ...(isQuestion ? {} : { reply_to: `question ${question}` }),
    ...(seq === undefined ? {} : { seq }),
    data,
  } as Frame;
}

globalThis.measure = (questions) => {
  const transcript = new Transcript(SESSION);
  const began = performance.now();
  for (let index = 0; index <= questions; index += 1) {
    const asked = { role: 'user', content: 'q', message_type: 'text', sender: 'someone' };
    transcript.apply(frame('chat_message', index * 2 + 1, index, asked));
    if (index === questions) break;
    const data = { role: 'assistant', agent_name: 'echo', content: 'a', status: 'complete' };
    transcript.apply(frame('agent_response', index * 2 + 2, index, data));
    // As whoever subscribes does it.
    transcript.snapshot();
  }
  const built = performance.now();
  const before = transcript.snapshot().items;
  for (let index = 0; index < CHUNKS; index += 1) {
    const data = { agent_name: 'echo', offset: index * 4, content: 'word' };
    transcript.apply(frame('agent_chunk', undefined, questions, data));
    transcript.snapshot();
  }
  const ended = performance.now();
  const after = transcript.snapshot().items;
  return {
    eventMicroseconds: ((built - began) / questions / 2) * 1_000,
    chunkMicroseconds: ((ended - built) / CHUNKS) * 1_000,
    items: after.length,
    length: after.at(-1)?.text.length,
    isSame: before.slice(0, -1).every((item, index) => after[index] === item),
  };
};

declare global {
  var measure: (questions: number) => Record<string, unknown>;
}
