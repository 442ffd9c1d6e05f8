/**
 * Many light clients in a process of their own: each has a session with one answer, is cut off, and comes
 * back with the others at the same moment. It ends with the process that started it.
 */
import type { ClientMessageInput, ServerMessage } from '@parley/protocol';
import { WebSocket } from 'ws';
import type { FromHerd, HerdOptions, ToHerd } from './herd-process.ts';

const { url, first, count } = JSON.parse(process.argv[2] ?? '{}') as HerdOptions;
/** So many come for the first time at once. */
const AT_ONCE = 100;
/** Who is refused tries again within so long, and twice as long each time, milliseconds. */
const RETRY_MS = 500;

/** Resolves with what was received until `isLast`, or with `undefined` when the connection ended before. */
function talk(
  socket: WebSocket,
  first: ClientMessageInput,
  next: (message: ServerMessage) => boolean,
) {
  return new Promise<boolean>((resolve) => {
    socket.on('error', () => {});
    socket.on('close', () => resolve(false));
    socket.on('open', () => socket.send(JSON.stringify(first)));
    socket.on('message', (bytes) => {
      if (next(JSON.parse(String(bytes)) as ServerMessage)) resolve(true);
    });
  });
}

class Light {
  readonly #session: string;
  #socket: WebSocket | undefined;

  constructor(session: string) {
    this.#session = session;
  }

  /** Begins its session, and asks one thing. */
  async begin(): Promise<void> {
    const socket = this.#connect();
    const create = {
      type: 'session_create',
      session_id: this.#session,
      message_id: 'c',
      data: {},
    } as const;
    const ask = {
      type: 'chat_message',
      session_id: this.#session,
      message_id: 'm',
      data: { content: 'tokens=1 rate=1000' },
    };
    const isAnswered = await talk(socket, create, ({ type }) => {
      if (type === 'session_status') socket.send(JSON.stringify(ask));
      return type === 'agent_response';
    });
    if (!isAnswered)
      throw new Error(`${this.#session} lost its connection before it was answered.`);
  }

  cut(): void {
    this.#socket?.terminate();
  }

  /** Comes back without the answer; resolves with the `seq`s that it was given until it had it. */
  async resume(): Promise<number[]> {
    for (let refusals = 0; ; refusals += 1) {
      const given: number[] = [];
      const data = { session_id: this.#session, after_seq: 1 };
      const isBack = await talk(
        this.#connect(),
        { type: 'session_join', message_id: 'j', data },
        ({ type, seq, data }) => {
          if (type === 'error') throw new Error(JSON.stringify(data));
          if (seq !== undefined) given.push(seq);
          return type === 'agent_response';
        },
      );
      if (isBack) return given;
      const most = RETRY_MS * 2 ** refusals;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * most));
    }
  }

  #connect(): WebSocket {
    this.#socket = new WebSocket(url, ['parley.v1']);
    return this.#socket;
  }
}

const clients = Array.from({ length: count }, (_, n) => new Light(`h${first + n}`));

async function beginAll(): Promise<void> {
  const waiting = [...clients];
  const workers = Array.from({ length: AT_ONCE }, async () => {
    for (let client = waiting.pop(); client; client = waiting.pop()) await client.begin();
  });
  await Promise.all(workers);
  tell({ type: 'begun' });
}

async function resumeAll(): Promise<void> {
  for (const client of clients) client.cut();
  const began = performance.now();
  const results = await Promise.all(
    clients.map(async (client) => {
      const given = await client.resume();
      return { given: given.join(), time: performance.now() - began };
    }),
  );
  tell({
    type: 'resumed',
    times: results.map(({ time }) => Math.round(time)),
    wrong: results.map(({ given }) => given).filter((given) => given !== '2'),
  });
}

process.on('disconnect', () => process.exit());
process.on('message', (message: ToHerd) => void (message === 'begin' ? beginAll() : resumeAll()));

function tell(message: FromHerd): void {
  process.send?.(message);
}
