import { Transcript } from '@parley/client';
import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { answered, chunk, said, status } from './fake-server.ts';
import { type Moment, record, resume, SESSION, steps } from './recorded-session.ts';

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
              for (const frame of resume(moment, transcript, fate === 'reset')) {
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

describe('[R6] the running answer', () => {
  test('is the same for a client cut at every character of it', () => {
    const answer = 'Parley is a 𝕣eal-time layer.';
    const script = [...answer].map((text) => ({ do: 'write' as const, text }));
    const moments = record([{ do: 'ask', own: true, replaces: undefined }, ...script]);
    for (const [cut, moment] of moments.entries()) {
      const transcript = uninterrupted(moments.slice(0, cut + 1));
      const back = moments[Math.min(cut + 3, moments.length - 1)] ?? moment;
      for (const frame of resume(back, transcript, false)) transcript.apply(frame);
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

  test('messages of another session change nothing', () => {
    const transcript = new Transcript(SESSION);
    const before = transcript.snapshot();
    transcript.apply(said('another', 1, 'hello'));
    expect(transcript.snapshot()).toBe(before);
  });
});
