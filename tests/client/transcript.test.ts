import { Transcript } from '@parley/client';
import { createMessage } from '@parley/protocol';
import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { answered, chunk, said, status } from './fake-server.ts';
import { type Moment, pageOf, record, resume, SESSION, steps } from './recorded-session.ts';

function play(transcript: Transcript, { draft, frames }: Moment): void {
  if (draft) transcript.add(draft);
  for (const frame of frames) transcript.apply(frame);
}

/** What someone sees who was never cut. */
function uninterrupted(moments: readonly Moment[]): Transcript {
  const transcript = new Transcript(SESSION);
  for (const moment of moments) play(transcript, moment);
  return transcript;
}

const texts = (transcript: Transcript) => transcript.snapshot().items.map(({ text }) => text);

describe('[R7] a transcript is a function of the log', () => {
  test('random cuts, with resumes and resets, change nothing', () => {
    fc.assert(
      fc.property(
        steps,
        fc.infiniteStream(fc.constantFrom('hear', 'hear', 'hear', 'miss', 'reset')),
        (script, network) => {
          const moments = record(script);
          const transcript = new Transcript(SESSION);
          let connected = true;
          for (const [index, moment] of moments.entries()) {
            const fate = index === 0 ? 'hear' : network.next().value;
            const last = index === moments.length - 1;
            if (fate === 'miss' && !last) {
              connected = false;
              // It left the client; what the server said to it did not arrive.
              if (moment.draft) transcript.add(moment.draft);
            } else if (connected && fate !== 'reset') {
              play(transcript, moment);
            } else {
              if (moment.draft) transcript.add(moment.draft);
              for (const frame of resume(
                moment,
                transcript,
                fate === 'reset' ? Infinity : undefined,
              )) {
                transcript.apply(frame);
              }
              connected = true;
              const shown = transcript.snapshot().items;
              const running = shown.find((item) => item.kind === 'answer' && item.text !== '');
              if (running)
                expect(texts(uninterrupted(moments.slice(0, index + 1)))).toEqual(
                  texts(transcript),
                );
            }
          }
          expect(transcript.snapshot()).toEqual(uninterrupted(moments).snapshot());
          expect(transcript.lastSeq).toBe(moments.at(-1)?.log.length);
          expect(transcript.hasGap).toBe(false);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('duplicates and reorders change nothing, in mid-answer neither', () => {
    fc.assert(
      fc.property(
        steps.chain((script) => {
          const moments = record(script);
          const frames = moments.flatMap((moment) => moment.frames.slice());
          return fc.record({
            moments: fc.constant(moments),
            end: fc.integer({ min: 1, max: moments.length }),
            order: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
              minLength: frames.length * 2,
              maxLength: frames.length * 2,
            }),
          });
        }),
        ({ moments: all, end, order }) => {
          const moments = all.slice(0, end);
          const transcript = new Transcript(SESSION);
          for (const { draft } of moments) if (draft) transcript.add(draft);
          const frames = moments.flatMap((moment) => moment.frames);
          const shuffled = [...frames, ...frames]
            .map((frame, index) => ({ frame, at: order[index] ?? 0 }))
            .sort((a, b) => a.at - b.at);
          for (const { frame } of shuffled) transcript.apply(frame);
          expect(transcript.snapshot()).toEqual(uninterrupted(moments).snapshot());
          expect(transcript.lastSeq).toBe(moments.at(-1)?.log.length);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('[R6] [R7] pages, cuts, duplicates and reorders together', () => {
  const fate = fc.record({
    /** How many moments go by until the connection is lost; 0: it is not there at all. */
    heard: fc.nat(12),
    missed: fc.nat(12),
    /** How it is resumed: exactly, or with the newest page of so many events. */
    page: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined, freq: 2 }),
    /** Older pages that are asked for meanwhile, each of so many events. */
    older: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 3 }),
    /** What arrives comes twice, and in any order. */
    order: fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
    /** A page of history that was asked for some moments ago, and comes only now. */
    late: fc.option(fc.record({ ago: fc.nat(20), size: fc.integer({ min: 1, max: 6 }) }), {
      nil: undefined,
    }),
  });

  test('end with what somebody sees who was never cut', () => {
    fc.assert(
      fc.property(steps, fc.array(fate, { minLength: 1, maxLength: 12 }), (script, fates) => {
        const moments = record(script);
        const transcript = new Transcript(SESSION);
        const drafts = (from: number, to: number) => {
          for (const { draft } of moments.slice(from, to)) if (draft) transcript.add(draft);
        };
        const loadOlder = (log: Moment['log'], size: number) => {
          const before = transcript.firstSeq;
          const { history, has_more } = pageOf(log, before, size);
          transcript.addOlder(before, history, has_more);
        };
        let at = 0;
        transcript.apply(status(SESSION));
        for (const { heard, missed, page, older, order, late } of fates) {
          drafts(at, at + heard);
          const frames = moments.slice(at, at + heard).flatMap((moment) => moment.frames);
          const arriving = [...frames, ...frames]
            .map((frame) => ({ frame, when: order.next().value }))
            .sort((a, b) => a.when - b.when);
          for (const { frame } of arriving) transcript.apply(frame);
          at = Math.min(at + heard, moments.length);
          const back = Math.min(at + missed, moments.length - 1);
          drafts(at, back + 1);
          const moment = moments[back];
          if (!moment) return;
          if (at <= back)
            for (const frame of resume(moment, transcript, page)) transcript.apply(frame);
          at = Math.max(at, back + 1);
          for (const size of older) loadOlder(moment.log, size);
          const then = moments[Math.max(0, back - (late?.ago ?? 0))];
          if (late && then) {
            const newest = pageOf(then.log, Number.POSITIVE_INFINITY, late.size);
            transcript.apply(status(SESSION, { last_seq: then.log.length, ...newest }));
          }
        }
        drafts(at, moments.length);
        const last = moments.at(-1);
        if (!last) return;
        for (const frame of resume(last, transcript, undefined)) transcript.apply(frame);
        while (transcript.snapshot().hasMore) loadOlder(last.log, 3);
        expect(transcript.snapshot()).toEqual(uninterrupted(moments).snapshot());
        expect(transcript.lastSeq).toBe(last.log.length);
        expect(transcript.hasGap).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test('an older page that comes after all was loaded anew changes nothing', () => {
    const moments = record(
      Array.from({ length: 6 }, () => ({ do: 'ask', own: false, replaces: undefined }) as const),
    );
    const last = moments.at(-1) as Moment;
    const transcript = new Transcript(SESSION);
    const page = (last_seq: number, size: number) =>
      status(SESSION, {
        last_seq,
        reset: true,
        ...pageOf(last.log.slice(0, last_seq), Infinity, size),
      });
    transcript.apply(page(4, 2));
    const before = transcript.firstSeq;
    const older = pageOf(last.log, before, 2);
    transcript.apply(page(12, 2));
    const shown = transcript.snapshot();
    transcript.addOlder(before, older.history, older.has_more);
    expect(transcript.snapshot()).toEqual(shown);
    expect(transcript.firstSeq).toBe(11);
  });
});

describe('[R6] the running answer', () => {
  test('is the same for a client cut at every character of it', () => {
    const answer = 'Parley is a 𝕣eal-time layer.';
    const script = [...answer].map((text) => ({ do: 'write' as const, text }));
    const moments = record([{ do: 'ask', own: true, replaces: undefined }, ...script]);
    for (const [cut, moment] of moments.entries()) {
      const transcript = uninterrupted(moments.slice(0, cut + 1));
      const back = moments[Math.min(cut + 3, moments.length - 1)] ?? moment;
      for (const frame of resume(back, transcript, undefined)) transcript.apply(frame);
      for (const later of moments.slice(moments.indexOf(back) + 1)) play(transcript, later);
      if (cut > 0) expect(texts(transcript)).toEqual(['question 0', answer]);
    }
  });

  test('[R5] a higher attempt drops the text of the lower, which cannot come back', () => {
    const transcript = new Transcript(SESSION);
    transcript.apply(said(SESSION, 1, 'hello'));
    transcript.apply(chunk(SESSION, 'message-1', 0, 'first try'));
    transcript.apply(chunk(SESSION, 'message-1', 0, 'sec', { attempt: 2 }));
    transcript.apply(chunk(SESSION, 'message-1', 9, ' goes on'));
    transcript.apply(chunk(SESSION, 'message-1', 3, 'ond', { attempt: 2 }));
    expect(texts(transcript)).toEqual(['hello', 'second']);
    expect(transcript.place).toEqual({ run_id: 'run-1', attempt: 2, offset: 6 });
  });

  test('[R5] what a lower attempt did stands before the text of the higher', () => {
    const transcript = new Transcript(SESSION);
    const call = (seq: number, attempt: number, offset: number) =>
      createMessage(
        'tool_call',
        { agent_name: 'echo', tool_call_id: 'c', tool_name: 'search', arguments: {}, offset },
        {
          session_id: SESSION,
          message_id: `call-${seq}`,
          seq,
          run_id: 'run-1',
          reply_to: 'message-1',
          attempt,
        },
      );
    const offsets = () => {
      const answer = transcript.snapshot().items[1];
      return answer?.kind === 'answer' ? answer.steps.map(({ offset }) => offset) : undefined;
    };
    transcript.apply(said(SESSION, 1, 'hello'));
    transcript.apply(call(2, 1, 9));
    expect(offsets()).toEqual([9]);
    transcript.apply(chunk(SESSION, 'message-1', 0, 'second', { attempt: 2 }));
    expect(offsets()).toEqual([0]);
    transcript.apply(call(3, 2, 6));
    expect(offsets()).toEqual([0, 6]);
  });

  test('[R4] no text follows the end of a run', () => {
    const transcript = new Transcript(SESSION);
    transcript.apply(said(SESSION, 1, 'hello'));
    transcript.apply(answered(SESSION, 'message-1', 2, 'done'));
    transcript.apply(chunk(SESSION, 'message-1', 4, ' and more'));
    transcript.apply(chunk(SESSION, 'message-1', 0, 'again', { attempt: 2 }));
    expect(texts(transcript)).toEqual(['hello', 'done']);
    expect(transcript.place).toBeUndefined();
  });

  test('a piece after a hole waits for what precedes it, but not without bound', () => {
    const transcript = new Transcript(SESSION);
    transcript.apply(said(SESSION, 1, 'hello'));
    for (let offset = 300; offset > 0; offset -= 1) {
      transcript.apply(chunk(SESSION, 'message-1', offset, 'x'));
    }
    expect(texts(transcript)).toEqual(['hello', '']);
    transcript.apply(chunk(SESSION, 'message-1', 0, 'x'.repeat(45)));
    expect(texts(transcript)).toEqual(['hello', 'x'.repeat(301)]);
  });
});

describe('a snapshot', () => {
  test('stays the same object until something changes, and so do the items that do not', () => {
    const transcript = new Transcript(SESSION);
    const changed = vi.fn();
    const stop = transcript.subscribe(changed);
    transcript.apply(said(SESSION, 1, 'hello'));
    transcript.apply(answered(SESSION, 'message-1', 2, 'done'));
    transcript.apply({ ...said(SESSION, 3, 'next'), message_id: 'message-3' } as never);
    const before = transcript.snapshot();
    expect(transcript.snapshot()).toBe(before);
    transcript.apply(chunk(SESSION, 'message-3', 0, 'text', { run: 'run-3' }));
    const after = transcript.snapshot();
    expect(after).not.toBe(before);
    expect(after.items.slice(0, 3)).toEqual(before.items.slice(0, 3));
    for (const index of [0, 1, 2]) expect(after.items[index]).toBe(before.items[index]);
    expect(changed).toHaveBeenCalledTimes(4);
    stop();
    transcript.apply(status(SESSION, { title: 'later' }));
    expect(changed).toHaveBeenCalledTimes(4);
  });

  test('asking again takes the place of the question and of all that followed', () => {
    const transcript = new Transcript(SESSION);
    transcript.apply(said(SESSION, 1, 'first'));
    transcript.apply(answered(SESSION, 'message-1', 2, 'one'));
    transcript.apply(said(SESSION, 3, 'second'));
    transcript.add({ id: 'again', text: 'first, better', replaces: 'message-1' });
    expect(texts(transcript)).toEqual(['first, better']);
    transcript.fail('again', { code: 'INVALID_MESSAGE', message: 'No.' });
    expect(texts(transcript)).toEqual(['first', 'one', 'second', '', 'first, better']);
  });

  test('items say when they were, and where in the log', () => {
    const transcript = new Transcript(SESSION);
    const asked = { ...said(SESSION, 1, 'hello'), timestamp: '2026-01-09T10:00:00.000Z' };
    transcript.apply(asked);
    transcript.apply(chunk(SESSION, 'message-1', 0, 'do'));
    expect(transcript.snapshot().items).toMatchObject([
      { id: 'message-1', seq: 1, timestamp: Date.parse(asked.timestamp) },
      { messageId: 'answer-run-1', timestamp: undefined },
    ]);
    const end = {
      ...answered(SESSION, 'message-1', 2, 'done'),
      timestamp: '2026-01-09T10:00:01.000Z',
    };
    transcript.apply(end);
    expect(transcript.snapshot().items[1]).toMatchObject({ timestamp: Date.parse(end.timestamp) });
  });

  test('who writes is forgotten where it is not said that they stopped', () => {
    vi.useFakeTimers();
    const transcript = new Transcript(SESSION);
    const changed = vi.fn();
    const typing = (is_typing: boolean) =>
      transcript.apply({
        type: 'typing',
        session_id: SESSION,
        timestamp: new Date().toISOString(),
        data: { sender: 'ann', is_typing },
      });
    try {
      typing(true);
      vi.advanceTimersByTime(3_000);
      typing(true);
      vi.advanceTimersByTime(6_999);
      expect(transcript.snapshot().typing).toEqual(['ann']);
      transcript.subscribe(changed);
      vi.advanceTimersByTime(1);
      expect(transcript.snapshot().typing).toEqual([]);
      expect(changed).toHaveBeenCalledTimes(1);
      typing(true);
      transcript.dispose();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test('messages of another session change nothing', () => {
    const transcript = new Transcript(SESSION);
    const before = transcript.snapshot();
    transcript.apply(said('another', 1, 'hello'));
    expect(transcript.snapshot()).toBe(before);
  });
});
