/**
 * The events of one session in memory. They are kept as text, outside of V8's heap: what stays for long is else copied
 * and looked through by its garbage collection again and again, while everybody waits.
 */
import { encode, type SessionEvent, type SessionEventOf } from '@parley/protocol';

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
/** Of a UTF-16 code unit in UTF-8. */
const MOST_BYTES = 3;
/** In the table, of each event: its chunk, where it begins and ends there, its order. */
const COLUMNS = 4;
const NOTHING = Buffer.alloc(0);
/** Stands between what tells a repetition, which only messages have, and the text. */
const LINE = 0x0a;

export class SessionLog {
  readonly #chunks: Buffer[] = [];
  /** Bytes of the last chunk that are taken. */
  #used = 0;
  #table = new Float64Array(COLUMNS);
  /** How many events are here. */
  #length = 0;
  #firstSeq = 1;
  /** By message id: the newest event of it that is here. */
  readonly #seqs = new Map<string, number>();
  /** By message id, of messages that are here no more, or that something later has the id of. */
  #receipts: Map<string, Receipt> | undefined;

  /** `order`: its place among the events of all sessions. `message`: what tells a repetition of it. */
  append(
    event: SessionEvent,
    order: number,
    message?: Pick<Receipt, 'fingerprint' | 'runId'>,
  ): void {
    const head = message ? `${message.fingerprint} ${message.runId}` : '';
    const text = `${head}\n${encode(event)}`;
    const start = this.#write(text);
    this.#enter(this.#chunks.length - 1, start, this.#used, order);
    if (!message) this.#keepReceipt(event.message_id);
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

  /** What was appended as a message and is here, in order. */
  *messages(): Generator<SessionEventOf<'chat_message'>> {
    for (let seq = this.#firstSeq; seq < this.#firstSeq + this.#length; seq += 1) {
      const { chunk, start } = this.#placeOf(seq);
      if (chunk[start] !== LINE) yield this.read(seq) as SessionEventOf<'chat_message'>;
    }
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
    const receipt = this.#receipts?.get(messageId);
    return receipt ?? (seq === undefined ? undefined : (this.#receiptAt(seq) ?? 'event'));
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
    if (this.#seqs.get(id) !== seq) return;
    this.#keepReceipt(id);
    this.#seqs.delete(id);
  }

  /** What has this id now is about to be found by it no more. */
  #keepReceipt(messageId: string): void {
    const seq = this.#seqs.get(messageId);
    const receipt = seq === undefined ? undefined : this.#receiptAt(seq);
    if (!receipt) return;
    this.#receipts ??= new Map();
    this.#receipts.set(messageId, receipt);
  }

  #receiptAt(seq: number): Receipt | undefined {
    const { head, text } = this.#recordOf(seq);
    if (head === '') return undefined;
    const space = head.lastIndexOf(' ');
    const { timestamp } = JSON.parse(text) as SessionEvent;
    return { fingerprint: head.slice(0, space), runId: head.slice(space + 1), seq, timestamp };
  }

  #recordOf(seq: number): { readonly head: string; readonly text: string } {
    const { chunk, start, end } = this.#placeOf(seq);
    const line = chunk.indexOf(LINE, start);
    return {
      head: chunk.toString('utf8', start, line),
      text: chunk.toString('utf8', line + 1, end),
    };
  }

  #placeOf(seq: number): { readonly chunk: Buffer; readonly start: number; readonly end: number } {
    const row = (seq - this.#firstSeq) * COLUMNS;
    const [index, start, end] = this.#table.subarray(row, row + COLUMNS) as unknown as number[];
    return { chunk: this.#chunks[index as number] as Buffer, start: start ?? 0, end: end ?? 0 };
  }

  /** Writes it into the last chunk; returns where it begins there. */
  #write(text: string): number {
    let chunk = this.#chunks.at(-1);
    const room = (chunk?.length ?? 0) - this.#used;
    // How many bytes a text has takes as long to find out as to write it: where it fits in any case, it is not asked.
    const size = text.length * MOST_BYTES <= room ? 0 : Buffer.byteLength(text);
    if (!chunk || size > room) {
      const next = Math.min(MAX_CHUNK, Math.max(FIRST_CHUNK, 2 * (chunk?.length ?? 0)));
      chunk = Buffer.allocUnsafeSlow(Math.max(next, size));
      this.#chunks.push(chunk);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += chunk.write(text, start);
    return start;
  }

  #enter(chunk: number, start: number, end: number, order: number): void {
    const at = this.#length * COLUMNS;
    if (at === this.#table.length) {
      const grown = new Float64Array(Math.max(COLUMNS, 2 * at));
      grown.set(this.#table);
      this.#table = grown;
    }
    this.#table[at] = chunk;
    this.#table[at + 1] = start;
    this.#table[at + 2] = end;
    this.#table[at + 3] = order;
    this.#length += 1;
  }
}
