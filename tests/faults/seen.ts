/**
 * What a client may conclude from what it saw so far, and what in it breaks a promise. The clients of
 * the campaign resume by it; the checker folds the whole recording into a new one.
 */
import type { ServerMessage, ServerMessageOf } from '@parley/protocol';
import { brief, canonical, type Entry, flatten, type Violation } from './record.ts';

/** What stands at a `seq`, as far as this client knows. */
type Known = { readonly event: string } | { readonly own: string };

interface Ack {
  readonly seq: number;
  readonly run: string;
  readonly timestamp: string;
}

/** The text of one attempt of a run. */
interface Text {
  readonly run: string;
  readonly attempt: number;
  readonly epoch: number;
  readonly replyTo: string;
  text: string;
}

/** How much of a running answer it said it has when it joined. */
interface Claim {
  readonly answer?: { readonly run_id: string; readonly attempt: number; readonly offset: number };
}

/** Durable events; every other message with a `seq` is an acknowledgement. */
const DURABLE: ReadonlySet<string> = new Set([
  'chat_message',
  'agent_response',
  'tool_call',
  'tool_result',
  'approval_request',
]);
/** What a client that stops an answer may hear when the answer was faster. */
const HARMLESS: ReadonlySet<string> = new Set(['RUN_NOT_FOUND']);

export class Seen {
  readonly client: string;
  readonly session: string;
  readonly violations: Violation[] = [];
  /** The `seq` before the first that it was shown; a late joiner is shown the newest page only. */
  first: number | undefined;
  /** It has everything from `first` to here. */
  last = 0;
  readonly positions = new Map<number, Known>();
  /** What it knew before the server told it to start anew. */
  readonly forgotten: (readonly [seq: number, known: Known])[] = [];
  /** Everything that it sent as a `chat_message`: id → content. */
  readonly sent = new Map<string, string>();
  readonly acks = new Map<string, Ack>();
  /** Runs whose end it saw, and in which life of the server. */
  readonly ends = new Map<string, { readonly status: string; readonly epoch: number }>();
  /** Runs that it was told its stop has ended. */
  readonly stopped = new Map<string, number>();
  /** Every attempt of every run of which it saw text. */
  readonly texts: Text[] = [];
  /** Runs known from acknowledgements and live messages. */
  readonly runs = new Set<string>();
  /** The answer that it shows unfinished. */
  answer: Text | undefined;
  /** Whether this connection is in the session. */
  joined = false;
  #epoch = 0;
  #claim: Claim | undefined;

  readonly #errors: ReadonlySet<string>;

  /** `errors`: the codes that it may get, because what they are about was taken away. */
  constructor(client: string, session: string, errors: ReadonlySet<string> = new Set()) {
    this.client = client;
    this.session = session;
    this.#errors = errors;
  }

  apply(entry: Entry): void {
    this.#epoch = entry.epoch;
    switch (entry.way) {
      case 'open':
        this.joined = false;
        this.#claim = undefined;
        return;
      case 'out':
        if (entry.message.type === 'session_join') this.#claim = entry.message.data as Claim;
        if (entry.message.type === 'chat_message') {
          this.sent.set(String(entry.message.message_id), entry.message.data.content);
        }
        return;
      case 'in':
        this.#receive(entry.message);
    }
  }

  #receive(message: ServerMessage): void {
    if (message.run_id !== undefined) this.#ofRun(message.run_id, message);
    switch (message.type) {
      case 'session_status':
        if (message.reply_to !== undefined) this.#join(message);
        return;
      case 'message_ack':
        this.#acknowledged(message);
        return;
      case 'agent_chunk':
        this.#text(message, message.data.offset, message.data.content);
        return;
      case 'error':
        if (HARMLESS.has(message.data.code) || this.#errors.has(message.data.code)) return;
        this.#broken('R9', `got the error ${message.data.code}: ${message.data.message}`);
        return;
      default:
        if (DURABLE.has(message.type)) this.#event(message);
    }
  }

  #join({ data }: ServerMessageOf<'session_status'>): void {
    this.joined = true;
    if (data.reset) {
      this.#broken(
        'R6',
        `came back with seq ${this.last} and was told to start anew, with the log at ${data.last_seq}`,
      );
      this.forgotten.push(...this.positions);
      this.positions.clear();
      this.ends.clear();
    }
    if (data.history) {
      this.first = (data.history[0]?.seq ?? data.last_seq + 1) - 1;
      this.last = this.first;
      for (const entry of data.history) {
        this.#position(entry.seq, { event: canonical(entry) });
        if (entry.type === 'agent_response') this.#ended(entry.run_id, String(entry.status));
      }
      if (this.last !== data.last_seq) {
        this.#broken('R1', `history ends at ${this.last}, and its last_seq is ${data.last_seq}`);
      }
    }
    this.first ??= 0;
    if (this.answer && this.ends.has(this.answer.run)) this.answer = undefined;
    const { answer } = data;
    if (!answer) return;
    const end = this.ends.get(answer.run_id);
    if (end) {
      const text = `was told that run ${answer.run_id} goes on, which it had seen end as ${end.status}`;
      this.#broken('R5', text);
      return;
    }
    const claim = this.#claim?.answer;
    const same = claim?.run_id === answer.run_id && claim.attempt === answer.attempt;
    const expected = same ? claim.offset : 0;
    if (answer.offset !== expected) {
      this.#broken(
        'R6',
        `had ${expected} characters of run ${answer.run_id} and got it from ${answer.offset} on`,
      );
    }
    const envelope = { run_id: answer.run_id, attempt: answer.attempt, reply_to: answer.reply_to };
    if (answer.offset === 0) this.answer = undefined;
    this.#text(envelope, answer.offset, answer.content);
  }

  #acknowledged(ack: ServerMessageOf<'message_ack'>): void {
    const { reply_to: id = '', seq, run_id: run = '', timestamp } = ack;
    for (const stopped of ack.data.cancelled ?? []) this.stopped.set(stopped, this.#epoch);
    if (seq === undefined) return;
    const known = this.acks.get(id);
    if (!known) {
      this.acks.set(id, { seq, run, timestamp });
    } else if (known.seq !== seq || known.run !== run || known.timestamp !== timestamp) {
      this.#broken(
        'R3',
        `${id} was acknowledged as ${JSON.stringify(known)} and again as ${JSON.stringify({ seq, run, timestamp })}`,
      );
    }
    const at = this.positions.get(seq);
    if (at === undefined) {
      this.#position(seq, { own: id });
    } else if ('event' in at ? !at.event.includes(JSON.stringify(id)) : at.own !== id) {
      this.#broken('R1', `${id} was acknowledged at seq ${seq}, where it knows ${show(at)}`);
    }
  }

  #event(message: ServerMessage): void {
    if (!this.joined)
      this.#broken('R6', `got ${message.type} before the session_status of its join`);
    const entry = flatten(message);
    if (message.type === 'agent_response') {
      const { run_id: run = '', data } = message;
      const { answer } = this;
      const text = answer?.run === run && answer.attempt === message.attempt ? answer.text : '';
      if (data.status !== 'interrupted' && !data.content.startsWith(text)) {
        this.#broken(
          'R6',
          `showed ${text.length} characters of run ${run} that its end does not begin with: ${brief(text)}`,
        );
      }
      this.#ended(run, data.status);
    }
    this.#position(entry.seq, { event: canonical(entry) });
  }

  #ended(run = '', status: string): void {
    const known = this.ends.get(run);
    if (known) this.#broken('R5', `run ${run} ended as ${known.status} and again as ${status}`);
    this.ends.set(run, { status, epoch: this.#epoch });
    if (this.answer?.run === run) this.answer = undefined;
  }

  /** `seq` goes up by one: no hole, no repeat. */
  #position(seq: number, known: Known): void {
    const at = this.positions.get(seq);
    if (at) {
      const what = JSON.stringify(at) === JSON.stringify(known) ? 'the same' : show(known);
      this.#broken('R6', `got seq ${seq} (${show(at)}) once more: ${what}`);
    } else if (seq !== this.last + 1) {
      this.#broken('R1', `got seq ${seq} after ${this.last}: ${show(known)}`);
    }
    this.positions.set(seq, known);
    this.last = Math.max(this.last, seq);
  }

  /** Nothing that is not durable may come of a run after its end. */
  #ofRun(run: string, message: ServerMessage): void {
    this.runs.add(run);
    if (message.type !== 'agent_chunk') return;
    const { content } = message.data;
    if (this.stopped.has(run)) {
      this.#broken('R4', `got text of run ${run} after its acknowledged stop: ${brief(content)}`);
    }
    const end = this.ends.get(run);
    if (end)
      this.#broken('R5', `got text of run ${run} after its end (${end.status}): ${brief(content)}`);
  }

  #text(
    of: {
      run_id?: string | undefined;
      attempt?: number | undefined;
      reply_to?: string | undefined;
    },
    offset: number,
    content: string,
  ): void {
    const { run_id: run = '', attempt = 1, reply_to: replyTo = '' } = of;
    let { answer } = this;
    if (answer?.run === run && attempt < answer.attempt) {
      this.#broken('R5', `got text of attempt ${attempt} of run ${run} after ${answer.attempt}`);
    }
    if (answer?.run !== run || answer.attempt !== attempt) {
      answer = { run, attempt, epoch: this.#epoch, replyTo, text: '' };
      this.answer = answer;
      this.texts.push(answer);
    }
    const have = answer.text.length;
    if (offset !== have) {
      const what = offset > have ? 'a hole' : 'a repeat';
      this.#broken(
        'R6',
        `${what} in run ${run}: has ${have} characters, got some from ${offset} on`,
      );
    }
    answer.text = answer.text.slice(0, offset) + content;
  }

  #broken(rule: string, text: string): void {
    this.violations.push({ rule, session: this.session, text: `${this.client} ${text}` });
  }
}

export function show(known: Known): string {
  return 'own' in known ? `its own ${known.own}` : brief(known.event);
}
