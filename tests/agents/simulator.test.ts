import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { simulatorAgent } from '../../packages/gateway/src/agents/simulator.ts';
import { answer, ask, failure, textOf } from './collect.ts';

const wordsTo = (count: number) => Array.from({ length: count }, (_, i) => `t${i + 1} `).join('');

afterEach(() => {
  vi.useRealTimers();
});

describe('the script', () => {
  test('token n is the word t<n> and a space', async () => {
    expect(await answer(simulatorAgent, 'tokens=3')).toBe('t1 t2 t3 ');
    expect(await answer(simulatorAgent, 'tokens=0')).toBe('');
    expect(await answer(simulatorAgent, ' seed=1\nrate=0 ')).toBe(wordsTo(50));
  });

  test('any script gives the text of its tokens, and the same events each time', async () => {
    const script = fc.record({
      tokens: fc.integer({ min: 0, max: 300 }),
      seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      tool: fc.option(fc.stringMatching(/^[\w.-]{1,64}$/), { nil: undefined }),
      agents: fc.integer({ min: 0, max: 16 }),
    });
    await fc.assert(
      fc.asyncProperty(script, async (parts) => {
        const message = Object.entries(parts)
          .filter(([, value]) => value !== undefined)
          .map(([key, value]) => `${key}=${value}`)
          .join(' ');
        const events = await ask(simulatorAgent, message);
        expect(textOf(events)).toBe(wordsTo(parts.tokens));
        expect(await ask(simulatorAgent, message)).toEqual(events);
        const calls = events.filter((e) => typeof e !== 'string' && e.type === 'tool_call');
        expect(calls).toHaveLength(parts.tool === undefined ? 0 : 1);
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    ['hello', 'I do not understand `hello`.'],
    ['tokens=1 colour=red', 'I do not understand `colour=red`.'],
    ['__proto__=1', 'I do not understand `__proto__=1`.'],
    ['tokens=100001', '`tokens=100001`: expected a whole number from 0 to 100000.'],
    ['tokens=1e3', 'expected a whole number'],
    ['agents=17', 'from 0 to 16'],
    ['fail_at=0', 'from 1 to 100000'],
    ['tool=`x`', "I do not understand `tool='x'`."],
    [`${'x'.repeat(60_000)}`, `I do not understand \`${'x'.repeat(40)}\`.`],
  ])('[R12] %.40s is answered with what is understood', async (message, problem) => {
    const text = await answer(simulatorAgent, message);
    expect(text).toContain(problem);
    expect(text).toContain('`tokens=200 rate=100 seed=7 fail_at=120 tool=search agents=3`');
    expect(text.length).toBeLessThan(1_000);
  });

  test('a run that was interrupted is run again', () => {
    expect(simulatorAgent.onInterrupt).toBe('retry');
  });
});

describe('tools and agents', () => {
  test('a tool is called in mid-answer and its result follows', async () => {
    const events = await ask(simulatorAgent, 'tokens=10 tool=search seed=3');
    const at = events.findIndex((e) => typeof e !== 'string' && e.type === 'tool_call');
    expect(at).toBeGreaterThan(0);
    expect(at).toBeLessThan(events.length - 2);
    expect(events[at]).toMatchObject({ name: 'search', id: 'call-run-1' });
    expect(events[at + 1]).toMatchObject({ type: 'tool_result', name: 'search', id: 'call-run-1' });
  });

  test('the seed varies the arguments of a tool and where its call stands', async () => {
    const answers = await Promise.all(
      [1, 2, 3, 4].map((seed) => ask(simulatorAgent, `tokens=100 tool=search seed=${seed}`)),
    );
    expect(new Set(answers.map((events) => JSON.stringify(events))).size).toBe(4);
  });

  test('agents go from waiting through processing to complete', async () => {
    const events = await ask(simulatorAgent, 'tokens=20 agents=3 seed=5');
    const progress = events
      .filter((e) => typeof e !== 'string')
      .filter((e) => e.type === 'progress');
    expect(events[0]).toBe(progress[0]);
    expect(events.at(-1)).toBe(progress.at(-1));
    expect(progress[0]?.agents.map(({ status }) => status)).toEqual(Array(3).fill('waiting'));
    expect(progress.at(-1)).toMatchObject({
      overallProgress: 1,
      agents: Array(3).fill({ status: 'complete', progress: 1 }),
    });
    for (const name of progress[0]?.agents.map((agent) => agent.name) ?? []) {
      const states = progress.map(
        ({ agents }) => agents.find((agent) => agent.name === name)?.status,
      );
      expect([...new Set(states)]).toEqual(['waiting', 'processing', 'complete']);
    }
    const overall = progress.map(({ overallProgress }) => overallProgress);
    expect(overall).toEqual(overall.toSorted((a, b) => a - b));
    expect(overall[0]).toBe(0);
  });
});

describe('[R9] a scripted fault', () => {
  test('comes as a plain error before the token that it names', async () => {
    const said: unknown[] = [];
    const error = await failure(simulatorAgent, 'tokens=9 fail_at=4', {
      onEvent: (event) => said.push(event),
    });
    expect(error.constructor).toBe(Error);
    expect(error.message).toContain('token 4');
    expect(said.join('')).toBe(wordsTo(3));
  });

  test('beyond the last token never comes', async () => {
    expect(await answer(simulatorAgent, 'tokens=3 fail_at=4')).toBe(wordsTo(3));
  });
});

describe('the rate', () => {
  test('is kept by a schedule that does not drift', async () => {
    vi.useFakeTimers();
    let words = 0;
    const run = ask(simulatorAgent, 'tokens=30 rate=10', { onEvent: () => (words += 1) });
    await vi.advanceTimersByTimeAsync(0);
    expect(words).toBe(1);
    await vi.advanceTimersByTimeAsync(950);
    expect(words).toBe(10);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(words).toBe(20);
    await vi.advanceTimersByTimeAsync(1_000);
    await run;
    expect(words).toBe(30);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is caught up with after a delay: several words go out at once', async () => {
    vi.useFakeTimers();
    let words = 0;
    const run = ask(simulatorAgent, 'tokens=30 rate=10', {
      onEvent: () => {
        words += 1;
        // The process was busy for a second with the fifth word.
        if (words === 5) vi.advanceTimersByTime(1_000);
      },
    });
    await vi.advanceTimersByTimeAsync(400);
    expect(words).toBe(15);
    await vi.advanceTimersByTimeAsync(1_600);
    await run;
    expect(words).toBe(30);
  });
});

describe('[R4] a stop', () => {
  test('ends a waiting answer at once and leaves no timer', async () => {
    vi.useFakeTimers();
    const controller = new AbortController();
    let words = 0;
    const run = ask(simulatorAgent, 'tokens=100 rate=1', {
      signal: controller.signal,
      onEvent: () => (words += 1),
    });
    await vi.advanceTimersByTimeAsync(2_500);
    expect(words).toBe(3);
    controller.abort();
    await run;
    expect(words).toBe(3);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('gets its turn in an answer that is as fast as possible', async () => {
    const controller = new AbortController();
    let words = 0;
    setImmediate(() => controller.abort());
    await ask(simulatorAgent, 'tokens=100000', {
      signal: controller.signal,
      onEvent: () => (words += 1),
    });
    expect(words).toBeLessThan(1_000);
  });

  test('before the start leaves nothing to say', async () => {
    expect(await ask(simulatorAgent, 'tokens=5', { signal: AbortSignal.abort() })).toEqual([]);
  });
});
