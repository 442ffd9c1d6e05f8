/** One session over many connections: what was said in it, and what must have come of it. */
import { between, type Random } from '../../tests/helpers/seeded.ts';
import { clientFrame, deflatedFrame, FrameSocket } from '../load/frame-socket.ts';

/** What all conversations together have done. */
export class Tally {
  /** Messages that were answered, and those among them that were stopped. */
  answered = 0;
  stopped = 0;
  /** Connections that were opened, and those that resumed a session. */
  connections = 0;
  resumed = 0;
  /** Compressed messages to the server and from it. */
  deflatedOut = 0;
  deflatedIn = 0;
}

/** Sent and without its answer. */
interface Open {
  readonly frame: Buffer;
  /** What the answer is; `undefined`: it is stopped, and may be any beginning of what it would have been. */
  readonly text: string | undefined;
  /** The stop is on its way. */
  isStopping: boolean;
}

interface Message {
  readonly type: string;
  readonly seq?: number;
  readonly reply_to?: string;
  readonly run_id?: string;
  readonly session_id: string;
  readonly data: {
    readonly content?: string;
    readonly status?: string;
    readonly reset?: boolean;
    readonly code?: string;
  };
}

/** Waiting for their answers at the same time; below the number that may wait in a session. */
const IN_FLIGHT = 16;
/** Messages of one connection, and of one session. */
export const OF_CONNECTION = { from: 20, to: 300 };
const OF_SESSION = 20_000;
/** One in so many is long enough to be compressed, in both directions; one in so many is stopped. */
const LONG = 12;
const STOPPED = 100;
const LONG_TEXT = 'A text as long as those that people paste, with words that come again. '.repeat(
  40,
);

export class Conversation {
  readonly #port: number;
  readonly #name: string;
  readonly #random: Random;
  readonly #tally: Tally;
  readonly #open = new Map<string, Open>();
  #session: string | undefined;
  #count = 0;
  /** Events up to here are known, and these behind it. */
  #through = 0;
  readonly #beyond = new Set<number>();

  constructor(port: number, name: string, random: Random, tally: Tally) {
    this.#port = port;
    this.#name = name;
    this.#random = random;
    this.#tally = tally;
  }

  /** One connection after the other while `goesOn` says so, and then until all is answered. */
  async hold(goesOn: () => boolean): Promise<void> {
    while (goesOn() || this.#open.size > 0) {
      const isLast = !goesOn();
      if (this.#count >= OF_SESSION && this.#open.size === 0) this.#beginAnew();
      await this.#connect(isLast ? 0 : between(this.#random, OF_CONNECTION.from, OF_CONNECTION.to));
    }
  }

  #beginAnew(): void {
    this.#session = undefined;
    this.#count = 0;
    this.#through = 0;
    this.#beyond.clear();
  }

  /** Says so many messages, and leaves: in order, or torn away in the midst of answers. */
  async #connect(messages: number): Promise<void> {
    const socket = await FrameSocket.open(this.#port, '/ws', 'parley.v1', true);
    // Looked at while something is awaited; before and after that it is no matter.
    socket.closed.catch(() => {});
    this.#tally.connections += 1;
    const waits = messages === 0 || this.#random() < 0.5;
    await new Promise<void>((resolve, reject) => {
      let left = messages;
      const go = () => {
        for (; left > 0 && this.#open.size < IN_FLIGHT; left -= 1) this.#say(socket);
        if (left === 0 && (!waits || this.#open.size === 0)) resolve();
      };
      const entered = () => {
        // What was sent over the last connection may have been lost on the way: all of it once more (R3).
        for (const { frame } of this.#open.values()) socket.write(frame);
        socket.onTurn = go;
      };
      socket.onMessage = (bytes, start, end) => {
        try {
          const message = JSON.parse(bytes.toString('utf8', start, end)) as Message;
          if (socket.onTurn !== go && message.type === 'session_status') {
            this.#enter(message);
            entered();
          } else this.#take(message, socket);
        } catch (error) {
          reject(error);
        }
      };
      socket.closed.then(() => reject(new Error(`${this.#name} lost its connection.`)), reject);
      this.#knock(socket);
    });
    socket.onTurn = () => {};
    socket.onMessage = () => {};
    this.#tally.deflatedIn += socket.deflated;
    if (this.#random() < 0.5) await socket.close();
    else {
      socket.destroy();
      await socket.closed;
    }
  }

  /** Asks for the session, or to go on in it behind what is known. */
  #knock(socket: FrameSocket): void {
    if (this.#session === undefined) {
      socket.send(JSON.stringify({ type: 'session_create', message_id: 'create' }));
      return;
    }
    this.#tally.resumed += 1;
    this.#beyond.clear();
    const data = { after_seq: this.#through };
    socket.send(JSON.stringify({ type: 'session_join', session_id: this.#session, data }));
  }

  #enter({ session_id, data }: Message): void {
    if (data.reset) throw new Error(`${this.#name} was told to load again.`);
    this.#session = session_id;
  }

  #say(socket: FrameSocket): void {
    this.#count += 1;
    const id = `${this.#name}-${this.#count}`;
    const isStopped = this.#count % STOPPED === 0;
    const isLong = this.#count % LONG === 0;
    const content = isStopped
      ? 'tokens=1000 rate=1000'
      : `${id} ${isLong ? LONG_TEXT : 'a word or two'}`;
    const message = JSON.stringify({
      type: 'chat_message',
      message_id: id,
      session_id: this.#session,
      data: { content, agent_name: isStopped ? 'simulator' : 'echo' },
    });
    if (isLong) this.#tally.deflatedOut += 1;
    const frame = isLong ? deflatedFrame(message) : clientFrame(message);
    this.#open.set(id, { frame, text: isStopped ? undefined : content, isStopping: false });
    socket.write(frame);
  }

  #take(message: Message, socket: FrameSocket): void {
    const { type, seq, reply_to = '', run_id, data } = message;
    // What is stopped may have ended by itself meanwhile.
    if (type === 'error' && data.code !== 'RUN_NOT_FOUND')
      throw new Error(`${this.#name} got ${JSON.stringify(message)}`);
    if (seq !== undefined) this.#know(seq, type);
    const asked = this.#open.get(reply_to);
    if (type === 'agent_chunk' && asked?.text === undefined && asked?.isStopping === false) {
      asked.isStopping = true;
      const stop = { type: 'run_cancel', session_id: this.#session, data: { run_id } };
      socket.send(JSON.stringify(stop));
    }
    if (type !== 'agent_response') return;
    if (!asked) throw new Error(`${this.#name}: ${reply_to} was answered twice, or never asked.`);
    const { text } = asked;
    const isStopped = text === undefined && data.status === 'cancelled';
    if (!isStopped && (data.status !== 'complete' || (text !== undefined && data.content !== text)))
      throw new Error(`${this.#name}: ${reply_to} was answered with ${JSON.stringify(data)}`);
    this.#open.delete(reply_to);
    this.#tally.answered += 1;
    if (isStopped) this.#tally.stopped += 1;
  }

  /** An acknowledgement says the `seq` of what one said oneself, also of what was resumed. */
  #know(seq: number, type: string): void {
    const isKnown = seq <= this.#through || this.#beyond.has(seq);
    if (isKnown && type !== 'message_ack' && type !== 'chat_message')
      throw new Error(`${this.#name}: the event ${seq} came twice.`);
    if (isKnown) return;
    this.#beyond.add(seq);
    while (this.#beyond.delete(this.#through + 1)) this.#through += 1;
    // What is behind a hole is on its way; a hole that stays is one.
    if (this.#beyond.size > 4 * IN_FLIGHT)
      throw new Error(`${this.#name}: ${this.#through + 1} is lacking, ${seq} is there.`);
  }
}
