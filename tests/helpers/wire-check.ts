import { isDeepStrictEqual } from 'node:util';
import {
  type Profile,
  SERVER_MESSAGE_TYPES,
  type ServerMessage,
  type ServerMessageOf,
  serverMessageSchema,
} from '@parley/protocol';

/** What has come of one session. */
interface Followed {
  /** The last `seq` before which none is missing; `undefined` until it can be known. */
  last: number | undefined;
  /** Acknowledged above `last`: the events before them are still being read from the log. */
  readonly ahead: Set<number>;
  readonly answers: Map<string, string>;
  readonly ended: Set<string>;
}

interface Joined {
  readonly sessionId: string;
  readonly after: number;
  /** What the client has of an answer that was being written. */
  readonly answer: { run_id: string; attempt: number; offset: number } | undefined;
}

/**
 * What must hold of every frame on every connection, whatever the test is about: the schema without
 * a field more, the types of the profile, `seq` without a hole or a repeat (R1, R6), text without a
 * gap or an overlap, one end of a run and nothing of it afterwards (R4, R5).
 */
export class WireCheck {
  /** In words; empty while all is well. */
  readonly violations: string[] = [];
  readonly #profile: Profile;
  readonly #sessions = new Map<string, Followed>();
  /** Of each `session_join` that was sent with `after_seq`, in order. */
  readonly #joins: Joined[] = [];

  constructor(profile: Profile) {
    this.#profile = profile;
  }

  sent(message: unknown): void {
    const { type, session_id, data } = message as Record<string, Record<string, unknown>>;
    if (String(type) !== 'session_join' || typeof data?.after_seq !== 'number') return;
    this.#joins.push({
      sessionId: String(data.session_id ?? session_id),
      after: data.after_seq,
      answer: data.answer as Joined['answer'],
    });
  }

  received(frame: string): ServerMessage {
    const raw: unknown = JSON.parse(frame);
    const parsed = serverMessageSchema.safeParse(raw);
    if (!parsed.success) this.#fault(raw, parsed.error.message);
    else if (!isDeepStrictEqual(parsed.data, raw)) this.#fault(raw, 'has fields of no schema');
    const message = raw as ServerMessage;
    const types: readonly string[] = SERVER_MESSAGE_TYPES[this.#profile];
    if (!types.includes(message.type)) this.#fault(raw, `no type of the profile ${this.#profile}`);
    if (message.session_id !== undefined) this.#follow(message, message.session_id);
    return message;
  }

  #fault(message: unknown, what: string): void {
    if (this.violations.length < 10) {
      this.violations.push(`${what}: ${JSON.stringify(message).slice(0, 400)}`);
    }
  }

  #follow(message: ServerMessage, sessionId: string): void {
    const followed = this.#sessions.get(sessionId) ?? {
      last: undefined,
      ahead: new Set(),
      answers: new Map(),
      ended: new Set(),
    };
    this.#sessions.set(sessionId, followed);
    if (message.type === 'session_status') this.#place(message, followed);
    else if (message.seq !== undefined) this.#count(message, message.seq, followed);
    if (message.run_id !== undefined) this.#text(message, message.run_id, followed);
  }

  #place({ data }: ServerMessageOf<'session_status'>, followed: Followed): void {
    if (data.history) followed.last = data.last_seq;
    const join = this.#joins.findIndex(({ sessionId }) => sessionId === data.session_id);
    const joined = join === -1 ? undefined : this.#joins.splice(join, 1)[0];
    if (joined && !data.history) followed.last = joined.after;
    if (data.history || joined) {
      followed.ahead.clear();
      followed.answers.clear();
      followed.ended.clear();
      const { answer } = data;
      // A node that has heard nothing of it yet announces none, and goes on from there all the same.
      if (joined?.answer && !data.history) {
        const { run_id, attempt, offset } = joined.answer;
        followed.answers.set(`${run_id} ${attempt}`, '\0'.repeat(offset));
      }
      // What stands before `offset` is the client's own; it is not checked again.
      if (answer) {
        const text = '\0'.repeat(answer.offset) + answer.content;
        followed.answers.set(`${answer.run_id} ${answer.attempt}`, text);
      }
    }
  }

  #count(message: ServerMessage, seq: number, followed: Followed): void {
    if (this.#profile === 'plain') {
      if (followed.last !== undefined && seq <= followed.last) this.#fault(message, 'a repeat');
      followed.last = seq;
      return;
    }
    const { last, ahead } = followed;
    if (message.type === 'message_ack') {
      if (last !== undefined && seq > last) ahead.add(seq);
    } else if (last !== undefined) {
      if (seq <= last) this.#fault(message, `a repeat after seq ${last}`);
      else if (seq > last + 1 && !ahead.has(seq)) this.#fault(message, `a hole after seq ${last}`);
      ahead.add(seq);
    }
    while (followed.last !== undefined && ahead.delete(followed.last + 1)) followed.last += 1;
  }

  #text(message: ServerMessage, runId: string, followed: Followed): void {
    const key = `${runId} ${message.attempt}`;
    switch (message.type) {
      case 'agent_chunk': {
        const { offset, content } = message.data;
        const text = followed.answers.get(key) ?? '';
        if (followed.ended.has(runId)) this.#fault(message, 'text after the end of its run');
        if (offset !== text.length) this.#fault(message, `text at ${offset}, not ${text.length}`);
        followed.answers.set(key, text + content);
        return;
      }
      case 'agent_response': {
        const text = followed.answers.get(key) ?? '';
        if (followed.ended.has(runId)) this.#fault(message, 'a second end of its run');
        followed.ended.add(runId);
        const known = text.lastIndexOf('\0') + 1;
        if (!message.data.content.startsWith(text.slice(known), known)) {
          this.#fault(message, `another text than was streamed (${text.slice(known, 200)})`);
        }
        return;
      }
      case 'tool_call':
      case 'tool_result':
      case 'agent_progress':
        if (followed.ended.has(runId)) this.#fault(message, 'news of a run after its end');
        return;
      default:
        return;
    }
  }
}
