/** A session played by a model of the server: what it sends live, and what it sends on a resume. */
import type { Transcript } from '@parley/client';
import {
  createMessage,
  type ServerMessage,
  type SessionEvent,
  toHistoryEntry,
} from '@parley/protocol';
import * as fc from 'fast-check';
import { status } from './fake-server.ts';

export const SESSION = 'session';

/** What may happen next; steps that make no sense at that moment do nothing. */
export type Step =
  | { do: 'ask'; own: boolean; replaces: number | undefined }
  | { do: 'write'; text: string }
  | { do: 'tool' }
  | { do: 'retry' }
  | { do: 'end'; status: 'complete' | 'cancelled' | 'error' | 'interrupted' };

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('ask' as const),
        own: fc.boolean(),
        replaces: fc.option(fc.nat(5), { nil: undefined, freq: 3 }),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('write' as const),
        text: fc.string({ minLength: 1 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('tool' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('retry' as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('end' as const),
        status: fc.constantFrom('complete', 'cancelled', 'error', 'interrupted'),
      }),
    },
  ),
  { maxLength: 60 },
);

interface Run {
  readonly id: string;
  readonly replyTo: string;
  attempt: number;
  text: string;
}

/** One thing that happened: what the client does itself first, and what the server sends it. */
export interface Moment {
  readonly draft?: { readonly id: string; readonly text: string; readonly replaces?: string };
  readonly frames: readonly ServerMessage[];
  /** How the server stands after it. */
  readonly log: readonly SessionEvent[];
  readonly running: Readonly<Run> | undefined;
}

/** Plays the steps, and ends what runs at the end. */
export function record(script: readonly Step[]): Moment[] {
  const log: SessionEvent[] = [];
  const waiting: Run[] = [];
  const moments: Moment[] = [];

  const envelope = (run: Run) => ({
    session_id: SESSION,
    run_id: run.id,
    reply_to: run.replyTo,
    attempt: run.attempt,
  });
  const add = (event: ServerMessage): SessionEvent => {
    const added = { ...event, seq: log.length + 1 } as SessionEvent;
    log.push(added);
    return added;
  };
  const moment = (frames: ServerMessage[], draft?: Moment['draft']) => {
    const running = waiting[0];
    moments.push({
      frames,
      log: [...log],
      running: running && { ...running },
      ...(draft ? { draft } : {}),
    });
  };
  const notice = (run: Run, position: number) =>
    createMessage(
      'run_status',
      position === 0
        ? { agent_name: 'echo', status: 'running' }
        : { agent_name: 'echo', status: 'queued', position },
      envelope(run),
    );

  const perform = (step: Step): void => {
    const run = waiting[0];
    if (step.do === 'ask') {
      const id = `message-${log.length + 1}`;
      const asked = log.filter((event) => event.type === 'chat_message');
      const replaces = step.replaces === undefined ? undefined : asked[step.replaces]?.message_id;
      const fresh = { id: `run-${log.length + 1}`, replyTo: id, attempt: 1, text: '' };
      const draft = { id, text: `question ${log.length}`, ...(replaces ? { replaces } : {}) };
      const event = add(
        createMessage(
          'chat_message',
          {
            role: 'user',
            content: draft.text,
            message_type: 'text',
            sender: 'someone',
            ...(replaces ? { replaces } : {}),
          },
          { session_id: SESSION, message_id: id, run_id: fresh.id },
        ),
      );
      waiting.push(fresh);
      const ack = createMessage(
        'message_ack',
        { status: 'accepted' },
        {
          session_id: SESSION,
          reply_to: id,
          seq: event.seq,
          run_id: fresh.id,
          timestamp: event.timestamp,
        },
      );
      const frames = [step.own ? ack : event, notice(fresh, waiting.length - 1)];
      moment(frames, step.own ? draft : undefined);
      return;
    }
    if (!run) return;
    if (step.do === 'write') {
      const frame = createMessage(
        'agent_chunk',
        { agent_name: 'echo', offset: run.text.length, content: step.text },
        { ...envelope(run), message_id: `answer-${run.id}` },
      );
      run.text += step.text;
      moment([frame]);
    } else if (step.do === 'retry') {
      run.attempt += 1;
      run.text = '';
      moment([notice(run, 0)]);
    } else if (step.do === 'tool') {
      const call = { agent_name: 'echo', tool_call_id: `tool-${log.length}`, tool_name: 'search' };
      const called = createMessage(
        'tool_call',
        { ...call, arguments: { query: 'x' }, offset: run.text.length },
        { ...envelope(run), message_id: `call-${log.length}` },
      );
      const result = createMessage(
        'tool_result',
        { ...call, result: [1, 2], is_error: false },
        { ...envelope(run), message_id: `result-${log.length}` },
      );
      moment([add(called), add(result)]);
    } else {
      const failed = step.status === 'error' || step.status === 'interrupted';
      const event = add(
        createMessage(
          'agent_response',
          {
            role: 'assistant',
            agent_name: 'echo',
            content: run.text,
            status: step.status,
            message_type: 'text',
            ...(failed ? { error: 'It failed.', code: 'AGENT_ERROR' } : {}),
          },
          { ...envelope(run), message_id: `answer-${run.id}` },
        ),
      );
      waiting.shift();
      const end = createMessage(
        'run_status',
        { agent_name: 'echo', status: step.status },
        envelope(run),
      );
      moment([event, end, ...(waiting[0] ? [notice(waiting[0], 0)] : [])]);
    }
  };

  moment([status(SESSION)]);
  for (const step of script) perform(step);
  while (waiting.length > 0) perform({ do: 'end', status: 'complete' });
  return moments;
}

/** A page of history, as the server gives it: the newest `size` events before `before`. */
export function pageOf(log: readonly SessionEvent[], before: number, size: number) {
  const events = log.filter(({ seq }) => seq < before).slice(-size);
  const has_more = (events[0]?.seq ?? 1) > 1;
  return { history: events.map((event) => toHistoryEntry(event)), has_more };
}

/**
 * What the server sends a client that comes back at this moment, as it asks in `session_join`; with
 * `page`, the newest events of that number, because it cannot be resumed.
 */
export function resume(
  moment: Moment,
  transcript: Transcript,
  page: number | undefined,
): ServerMessage[] {
  const { log, running } = moment;
  const { place, lastSeq } = transcript;
  let answer = {};
  if (running) {
    const known = place?.run_id === running.id && place.attempt === running.attempt;
    const offset = known ? place.offset : 0;
    answer = {
      answer: {
        run_id: running.id,
        attempt: running.attempt,
        message_id: `answer-${running.id}`,
        reply_to: running.replyTo,
        agent_name: 'echo',
        offset,
        content: running.text.slice(offset),
      },
    };
  }
  const last_seq = log.length;
  if (page !== undefined) {
    const newest = pageOf(log, Number.POSITIVE_INFINITY, page);
    return [status(SESSION, { last_seq, reset: true, ...newest, ...answer })];
  }
  return [status(SESSION, { last_seq, ...answer }), ...log.slice(lastSeq)];
}
