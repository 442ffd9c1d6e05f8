/** Joins one session again and again, and says how long that takes. */
import { FrameSocket } from './frame-socket.ts';
import { percentile } from './percentile.ts';
import { processorShare, stayAwake } from './processor.ts';
import type { Done, WorkOf } from './work.ts';

/** Until everything that it takes was done often enough to be compiled. */
const WARM_UP = 200;

interface Message {
  readonly type: string;
  readonly seq?: number;
  readonly data: { readonly history?: readonly { readonly seq: number }[] };
}

export async function join(work: WorkOf<'join'>, begin: () => Promise<void>): Promise<Done> {
  const socket = await FrameSocket.open(work.port, '/ws', 'parley.v1');
  for (let n = 0; n < WARM_UP; n += 1) await joinOnce(socket, work);
  const share = processorShare();
  for (let n = 0; n < WARM_UP; n += 1) await joinOnce(socket, work);
  const load = share();
  await begin();
  const letSleep = stayAwake();
  const delays: number[] = [];
  for (let n = 0; n < work.times; n += 1) delays.push(await joinOnce(socket, work));
  letSleep();
  socket.destroy();
  return { figures: { p50: percentile(delays, 0.5), p99: percentile(delays, 0.99) }, load };
}

/** Milliseconds from asking to the last byte of the answer; leaves again, so that each is a first one. */
async function joinOnce(socket: FrameSocket, work: WorkOf<'join'>): Promise<number> {
  const { session, last, page, isResumed } = work;
  // A newest page is one message, and what is resumed a status and the events behind it.
  const count = isResumed ? 1 + page : 1;
  const data = isResumed ? { after_seq: last - page } : {};
  const began = performance.now();
  const came = await ask(socket, { type: 'session_join', session_id: session, data }, count);
  const took = performance.now() - began;
  const [status, ...events] = came.map((text) => JSON.parse(text) as Message);
  const seqs = (isResumed ? events : (status?.data.history ?? [])).map(({ seq }) => seq);
  const expected = Array.from({ length: page }, (_, index) => last - page + 1 + index);
  if (status?.type !== 'session_status' || seqs.join() !== expected.join())
    throw new Error(`Expected the last ${page} of ${last} events, got ${came[0]?.slice(0, 300)}`);
  await ask(socket, { type: 'session_leave', session_id: session }, 1);
  return took;
}

/** Resolves with so many messages that come then; who is there besides is not what was asked. */
function ask(socket: FrameSocket, message: unknown, count: number): Promise<string[]> {
  return new Promise((resolve) => {
    const came: string[] = [];
    socket.onMessage = (bytes, start, end) => {
      const text = bytes.toString('utf8', start, end);
      if (text.startsWith('{"type":"presence"')) return;
      came.push(text);
      if (came.length === count) resolve(came);
    };
    socket.send(JSON.stringify(message));
  });
}
