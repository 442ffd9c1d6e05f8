/** One run as a transcript shows it, out of chunks, live notices and durable events in any order. */
import type { ServerMessageOf, SessionEvent, SessionEventOf } from '@parley/protocol';
import type { AnswerItem, Step } from './items.ts';

/** The events of a run that go on with it; `agent_response` ends it. */
type StepEvent = SessionEventOf<'tool_call' | 'tool_result' | 'approval_request'>;

/** Some text of an answer, and where it belongs. */
interface Piece {
  readonly attempt: number;
  readonly agent: string;
  readonly messageId: string | undefined;
  /** Where `content` begins, in UTF-16 code units. */
  readonly offset: number;
  readonly content: string;
}

/** Chunks that came before what precedes them; more than these only wait for the whole text. */
const MAX_ASIDE = 256;

export class Answer {
  readonly runId: string;
  readonly replyTo: string;
  #agent: string | undefined;
  #messageId: string | undefined;
  #attempt = 1;
  #text = '';
  readonly #aside = new Map<number, string>();
  #phase: 'queued' | 'running' = 'queued';
  #position: number | undefined;
  readonly #steps = new Map<number, StepEvent>();
  #folded: readonly Step[] = [];
  #progress: AnswerItem['progress'];
  #end: SessionEventOf<'agent_response'> | undefined;
  #item: AnswerItem | undefined;

  constructor(runId: string, replyTo: string) {
    this.runId = runId;
    this.replyTo = replyTo;
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** What a resume says of this answer; `undefined` where there is nothing to go on from. */
  get place(): { run_id: string; attempt: number; offset: number } | undefined {
    if (this.#end || this.#phase === 'queued') return undefined;
    return { run_id: this.runId, attempt: this.#attempt, offset: this.#text.length };
  }

  /** Text of attempt `attempt` from `offset` on; what is there already is passed over. */
  write(piece: Piece): void {
    const { attempt, agent, messageId, offset, content } = piece;
    // All attempts have the same.
    if (messageId !== this.#messageId) this.#item = undefined;
    this.#messageId = messageId;
    if (!this.#enter(attempt)) return;
    this.#agent = agent;
    this.#phase = 'running';
    this.#append(offset, content);
    // Pieces kept aside that now touch the end; in order, so that one pass is enough.
    for (const [start, piece] of [...this.#aside].sort(([a], [b]) => a - b)) {
      if (start > this.#text.length) break;
      this.#aside.delete(start);
      this.#append(start, piece);
    }
  }

  notice(message: ServerMessageOf<'run_status'>): void {
    const { status, position, agent_name } = message.data;
    // The terminal event says how it ended, durably; the notice of it may come before or after.
    if (status !== 'queued' && status !== 'running') return;
    if (!this.#enter(message.attempt ?? this.#attempt)) return;
    this.#agent = agent_name;
    if (status === 'running') this.#phase = 'running';
    else this.#position = Math.min(position ?? Infinity, this.#position ?? Infinity);
  }

  report(message: ServerMessageOf<'agent_progress'>): void {
    if (this.#enter(message.attempt ?? this.#attempt)) this.#progress = message.data;
  }

  /** A durable event of this run; the same one again changes nothing. */
  add(event: StepEvent | SessionEventOf<'agent_response'>): void {
    this.#item = undefined;
    if (event.type === 'agent_response') this.#end = event;
    else {
      this.#steps.set(event.seq, event);
      if (this.#enter(event.attempt ?? this.#attempt)) {
        this.#agent = event.data.agent_name;
        this.#phase = 'running';
      }
    }
    this.#fold();
  }

  /** The same object until something changes. */
  item(): AnswerItem {
    this.#item ??= this.#build();
    return this.#item;
  }

  /** `false`: news of an attempt that a higher one, or the end, has superseded. */
  #enter(attempt: number): boolean {
    if (this.#end || attempt < this.#attempt) return false;
    this.#item = undefined;
    if (attempt > this.#attempt) {
      this.#attempt = attempt;
      this.#text = '';
      this.#aside.clear();
      this.#phase = 'queued';
      this.#position = undefined;
      this.#progress = undefined;
      this.#fold();
    }
    return true;
  }

  #fold(): void {
    if (this.#steps.size === 0) return;
    const events = [...this.#steps.values()].sort((a, b) => a.seq - b.seq);
    this.#folded = foldSteps(events, this.#end?.attempt ?? this.#attempt);
  }

  #append(offset: number, content: string): void {
    const known = this.#text.length - offset;
    if (known >= 0) {
      this.#text += content.slice(known);
    } else if (this.#aside.size < MAX_ASIDE) {
      const longest = this.#aside.get(offset)?.length ?? 0;
      if (content.length > longest) this.#aside.set(offset, content);
    }
  }

  #build(): AnswerItem {
    const end = this.#end;
    const running = !end && this.#phase === 'running';
    return {
      kind: 'answer',
      runId: this.runId,
      messageId: end?.message_id ?? this.#messageId,
      replyTo: this.replyTo,
      agent: end?.data.agent_name ?? this.#agent,
      attempt: end?.attempt ?? this.#attempt,
      text: end?.data.content ?? this.#text,
      status: end?.data.status ?? this.#phase,
      position: end || running || this.#position === Infinity ? undefined : this.#position,
      steps: this.#folded,
      progress: running ? this.#progress : undefined,
      problem:
        end?.data.error === undefined
          ? undefined
          : { code: end.data.code ?? 'INTERNAL_ERROR', message: end.data.error },
      timestamp: end && Date.parse(end.timestamp),
    };
  }
}

/** `shown`: the attempt whose text is shown. */
function foldSteps(events: readonly StepEvent[], shown: number): Step[] {
  const steps = new Map<string, Step>();
  for (const { type, data, attempt = 1 } of events) {
    const isShown = attempt === shown;
    if (type === 'approval_request') {
      steps.set(`approval ${data.approval_id}`, {
        kind: 'approval',
        id: data.approval_id,
        name: data.tool_name,
        arguments: data.arguments,
        offset: isShown ? data.offset : 0,
        status: data.status,
        ...(data.reason === undefined ? {} : { reason: data.reason }),
      });
      continue;
    }
    // A run that starts again may give its calls the same ids.
    const key = `${attempt} ${data.tool_call_id}`;
    const call = steps.get(key);
    if (type === 'tool_call') {
      steps.set(key, {
        kind: 'tool',
        id: data.tool_call_id,
        name: data.tool_name,
        arguments: data.arguments,
        offset: isShown ? data.offset : 0,
      });
    } else if (call?.kind === 'tool') {
      steps.set(key, { ...call, result: { value: data.result, isError: data.is_error } });
    }
  }
  return [...steps.values()];
}

/** Durable events that belong to a run. */
export function isRunEvent(
  event: SessionEvent,
): event is StepEvent | SessionEventOf<'agent_response'> {
  return event.type !== 'chat_message';
}
