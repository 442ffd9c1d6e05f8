/** A client that costs as little as can be, so that a machine's processors are left to the nodes. */
import { once } from 'node:events';
import { WebSocket } from 'ws';

const CHUNK = Buffer.from('{"type":"agent_chunk"');
const STATUS = Buffer.from('{"type":"session_status"');
const END = Buffer.from('{"type":"agent_response"');
const ERROR = Buffer.from('{"type":"error"');

export class Client {
  readonly #socket: WebSocket;
  #onStatus: (id: string) => void = () => {};
  #onEnd: () => void = () => {};
  sessionId = '';
  chunks = 0;
  ends = 0;
  bytes = 0;

  private constructor(url: string) {
    this.#socket = new WebSocket(url, 'parley.v1');
    this.#socket.on('message', (bytes: Buffer) => this.#take(bytes));
  }

  static async open(url: string): Promise<Client> {
    const client = new Client(url);
    await once(client.#socket, 'open');
    return client;
  }

  #take(bytes: Buffer): void {
    this.bytes += bytes.length;
    if (startsWith(bytes, CHUNK)) this.chunks += 1;
    else if (startsWith(bytes, END)) {
      this.ends += 1;
      this.#onEnd();
    } else if (startsWith(bytes, STATUS)) {
      this.#onStatus(JSON.parse(String(bytes)).data.session_id);
    } else if (startsWith(bytes, ERROR)) throw new Error(String(bytes));
  }

  #send(message: Record<string, unknown>): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** In a session of its own, or in the one that is named. */
  async enter(session_id?: string): Promise<string> {
    const status = new Promise<string>((resolve) => {
      this.#onStatus = resolve;
    });
    this.#send(session_id ? { type: 'session_join', session_id } : { type: 'session_create' });
    this.sessionId = await status;
    return this.sessionId;
  }

  /** Resolves with the next end of an answer. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEnd = resolve;
    });
  }

  async ask(content: string): Promise<void> {
    const end = this.next();
    this.#send({
      type: 'chat_message',
      message_id: crypto.randomUUID(),
      session_id: this.sessionId,
      data: { content },
    });
    await end;
  }

  close(): void {
    this.#socket.terminate();
  }
}

function startsWith(bytes: Buffer, head: Buffer): boolean {
  return bytes.subarray(0, head.length).equals(head);
}
