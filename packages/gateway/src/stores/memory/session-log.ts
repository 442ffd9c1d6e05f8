/**
 * The events of one session in memory. They are kept as text, outside of V8's heap: what stays for long is else copied
 * and looked through by its garbage collection again and again, while everybody waits.
 */
import { encode, type SessionEvent } from '@parley/protocol';

/** The first time of a message, kept when the message itself is trimmed. */
export interface Receipt {
  readonly fingerprint: string;
  readonly seq: number;
  readonly runId: string;
  readonly timestamp: string;
}

/** What comes first is small, because most sessions are; bytes. */
const FIRST_CHUNK = 1_024;
const MAX_CHUNK = 65_536;
/** In the table, of each event: its chunk, where it begins and ends there, its order. */
const COLUMNS = 4;
const NOTHING = Buffer.alloc(0);

export class SessionLog {
  readonly #chunks: Buffer[] = [];
  /** Bytes of the last chunk that are taken. */
  #used = 0;
  #table = new Uint32Array(COLUMNS);
  #length = 0;
  #firstSeq = 1;
  /** By message id: the newest event of it that is here. */
  readonly #seqs = new Map<string, number>();
  /** By message id, of messages that are here no more. */
  #trimmed: Map<string, Receipt> | undefined;

  /** How many events are here. */
  get length(): number {
    return this.#length;
  }

  /** The `seq` of the first of them, or of the one that would be. */
  get firstSeq(): number {
    return this.#firstSeq;
  }

  /** `order`: its place among the events of all sessions. `message`: what tells a repetition of it. */
  append(
    event: SessionEvent,
    order: number,
    message?: Pick<Receipt, 'fingerprint' | 'runId'>,
  ): void {
    const head = message ? `${message.fingerprint} ${message.runId}` : '';
    const text = `${head}\n${encode(event)}`;
    const size = Buffer.byteLength(text);
    const chunk = this.#room(size);
    chunk.write(text, this.#used, size);
    this.#enter(this.#chunks.length - 1, this.#used, this.#used + size, order);
    this.#used += size;
    this.#seqs.set(event.message_id, event.seq);
  }

  /** The text of an event that is here, as it goes over the wire. */
  textOf(seq: number): string {
    return this.#recordOf(seq).text;
  }

  /** An event that is here: a copy, as if it were read from a disk. */
  read(seq: number): SessionEvent {
    return JSON.parse(this.textOf(seq)) as SessionEvent;
  }

  /** The place of an event that is here among those of all sessions. */
  orderOf(seq: number): number {
    return this.#table[(seq - this.#firstSeq) * COLUMNS + 3] as number;
  }

  /** The newest event of this id; `undefined`: there is none, or not any more. */
  find(messageId: string): SessionEvent | undefined {
    const seq = this.#seqs.get(messageId);
    return seq === undefined ? undefined : this.read(seq);
  }

  /** What a message of this id would repeat; `'event'`: something that is no message. */
  receiptOf(messageId: string): Receipt | 'event' | undefined {
    const seq = this.#seqs.get(messageId);
    if (seq === undefined) return this.#trimmed?.get(messageId);
    return this.#receiptAt(seq) ?? 'event';
  }

  /** Leaves the last so many events. */
  trim(left: number): void {
    const gone = Math.max(0, this.#length - left);
    for (let seq = this.#firstSeq; seq < this.#firstSeq + gone; seq += 1) this.#forget(seq);
    this.#table = this.#table.slice(gone * COLUMNS);
    this.#firstSeq += gone;
    this.#length -= gone;
    const first = this.#length > 0 ? (this.#table[0] as number) : this.#chunks.length;
    this.#chunks.fill(NOTHING, 0, first);
  }

  /** Of a message it stays known that it was there. */
  #forget(seq: number): void {
    const { message_id: id } = this.read(seq);
    if (this.#seqs.get(id) === seq) this.#seqs.delete(id);
    const receipt = this.#receiptAt(seq);
    if (!receipt) return;
    this.#trimmed ??= new Map();
    this.#trimmed.set(id, receipt);
  }

  #receiptAt(seq: number): Receipt | undefined {
    const { head, text } = this.#recordOf(seq);
    if (head === '') return undefined;
    const space = head.lastIndexOf(' ');
    const { timestamp } = JSON.parse(text) as SessionEvent;
    return { fingerprint: head.slice(0, space), runId: head.slice(space + 1), seq, timestamp };
  }

  #recordOf(seq: number): { readonly head: string; readonly text: string } {
    const row = (seq - this.#firstSeq) * COLUMNS;
    const [chunk, start, end] = this.#table.subarray(row, row + COLUMNS);
    const record = (this.#chunks[chunk as number] as Buffer).toString('utf8', start, end);
    const line = record.indexOf('\n');
    return { head: record.slice(0, line), text: record.slice(line + 1) };
  }

  /** The last chunk, with room for so many bytes. */
  #room(size: number): Buffer {
    const last = this.#chunks.at(-1);
    if (last && last.length - this.#used >= size) return last;
    const next = Math.min(MAX_CHUNK, Math.max(FIRST_CHUNK, 2 * (last?.length ?? 0)));
    const chunk = Buffer.allocUnsafeSlow(Math.max(next, size));
    this.#chunks.push(chunk);
    this.#used = 0;
    return chunk;
  }

  #enter(...row: [chunk: number, start: number, end: number, order: number]): void {
    const at = this.#length * COLUMNS;
    if (at === this.#table.length) {
      const grown = new Uint32Array(Math.max(COLUMNS, 2 * at));
      grown.set(this.#table);
      this.#table = grown;
    }
    this.#table.set(row, at);
    this.#length += 1;
  }
}
