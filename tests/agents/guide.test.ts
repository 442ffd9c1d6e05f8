import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createGuideAgent } from '../../packages/gateway/src/agents/guide.ts';
import { answer, ask, textOf } from './collect.ts';

const root = fileURLToPath(new URL('fixtures/parley', import.meta.url));
const guide = createGuideAgent({ roots: ['/nowhere', root], wordsPerSecond: 0 });

afterEach(() => {
  vi.useRealTimers();
});

const sourceOf = (text: string) => /^Source: (.*)$/m.exec(text)?.[1]?.replaceAll('`', '');

describe('a question that the documentation answers', () => {
  test.each([
    [
      'How do I resume after a lost connection?',
      'PROTOCOL.md › Protocol › Joining a session › Resuming',
    ],
    ['what does after_seq mean', 'PROTOCOL.md › Protocol › Joining a session › Resuming'],
    ['how can I stop an answer?', 'PROTOCOL.md › Protocol › Stopping a run'],
    ['cancelling', 'PROTOCOL.md › Protocol › Stopping a run'],
    ['run_cancel', 'PROTOCOL.md › Protocol › Stopping a run'],
    ['how often does the server ping?', 'PROTOCOL.md › Protocol › Heartbeat'],
    ['What is MESSAGE_CONFLICT?', 'PROTOCOL.md › Protocol › Error codes (shortened)'],
    ['how do I install it', 'README.md › Parley › Quick start'],
    ['How do users log in? Is there a login?', 'SECURITY.md › Security › Authentication'],
    ['athentication', 'SECURITY.md › Security › Authentication'],
    ['autentication', 'SECURITY.md › Security › Authentication'],
    ['allowed origins', 'SECURITY.md › Security › Origins'],
    ['how do I write my own agent?', 'docs/agents.md › Writing an agent'],
    ['defineAgent', 'docs/agents.md › Writing an agent'],
    [
      'can a tool ask for approval',
      'docs/agents.md › Writing an agent › Tools › Asking for approval',
    ],
    ['can I use ollama', 'docs/agents.md › Writing an agent › Models'],
    ['does it run on several machines?', 'docs/deploy.md › Deploying › Several machines'],
    ['postgres', 'docs/deploy.md › Deploying › Several machines'],
    ['how do I make a backup', 'docs/deploy.md › Deploying › Backups'],
    ['Heartbeat', 'PROTOCOL.md › Protocol › Heartbeat'],
    ['What is Parley?', 'README.md › Parley'],
    ['what is it', 'README.md › Parley'],
  ])('%s', async (question, source) => {
    expect(sourceOf(await answer(guide, question))).toBe(source);
  });

  test('is answered in Markdown: lead-in, text, source and what else to read', async () => {
    expect(await answer(guide, 'How do I make backups?')).toBe(
      [
        'From Parley’s documentation: **Backups**',
        'The database is one file, `parley.db`. Copy it with `sqlite3 parley.db ".backup copy.db"`' +
          ' while the\nserver runs.',
        'Source: `docs/deploy.md` › Deploying › Backups',
        'See also:\n\n- `docs/decisions/0001-store.md` › Backups decided: one file',
      ].join('\n\n'),
    );
  });

  test('shows what stands below a section, where there is room', async () => {
    const text = await answer(guide, 'tools of an agent');
    expect(text).toContain('yields a `tool_call` before it acts');
    expect(text).toContain('**Asking for approval**\n\n`context.approve` asks');
    expect(text).not.toContain('- `docs/agents.md` › Writing an agent › Tools › Asking');
  });

  test('keeps code blocks whole, and their line breaks', async () => {
    expect(await answer(guide, 'how to write an agent')).toContain(
      "```ts\nimport { defineAgent } from '@parley/gateway';\n\nexport const parrot = defineAgent({\n" +
        "  name: 'parrot',\n",
    );
  });

  test('of a long table shows the head and the lines that were asked for', async () => {
    const text = await answer(guide, 'error code SHUTTING_DOWN');
    expect(text).toContain('| Code | Meaning | Retry |\n|---|---|---|\n');
    expect(text).toContain('| `SHUTTING_DOWN` | The process ends.');
    expect(text.length).toBeLessThan(2_000);
  });

  test('leaves out images, comments and links that lead nowhere from a chat', async () => {
    const text = await answer(guide, 'What is Parley?');
    expect(text).toContain('See the protocol.');
    expect(text).not.toMatch(/badge|logo|stand-in/);
  });

  test('says so where it is not sure', async () => {
    const text = await answer(guide, 'origin of species and finches on islands');
    expect(text).not.toMatch(/^From Parley’s documentation/);
  });
});

describe('a question that it does not answer', () => {
  test.each([
    'What will the weather be in Paris?',
    'cook pasta',
    'Übersetze das bitte ins Französische',
    '🙂🙂🙂',
    '???',
    '今日は',
  ])('%s', async (question) => {
    const text = await answer(guide, question);
    expect(text).toMatch(/^I found nothing about that in Parley’s documentation/);
    expect(text).toContain('Ask me anything about Parley.');
  });

  test.each(['hi', 'Hello!', 'help', 'hello there', 'What can you do?', 'Who are you'])(
    'is greeted with what can be asked: %s',
    async (question) => {
      const text = await answer(guide, question);
      expect(text).toMatch(/^Hello! I am the guide to Parley\./);
      expect(text).toContain('not a language model');
      expect(text).toContain('Ask me anything about Parley.');
    },
  );

  test('thanks are taken', async () => {
    expect(await answer(guide, 'Thank you!')).toMatch(/^You are welcome/);
  });

  test('no documentation to look through: says so', async () => {
    const lost = createGuideAgent({ roots: ['/nowhere'], wordsPerSecond: 0 });
    expect(await answer(lost, 'hello')).toMatch(/not installed beside this server/);
  });
});

describe('[R9] [R8] a hostile question', () => {
  test.each([
    '__proto__ constructor toString hasOwnProperty',
    '(((((((.*+)+)+)+)+$ [ ] \\ ^',
    '<script>alert(document.cookie)</script>',
    '../../../../etc/passwd',
    '\u0000\u0001\uFFFF\uD800',
    `${'a'.repeat(65_000)}`,
    `${'stop '.repeat(13_000)}`,
    `${' '.repeat(60_000)}x`,
    `${'hi '.repeat(20_000)}`,
    `hi${' '.repeat(60_000)}x`,
    `${Array.from({ length: 8_000 }, (_, i) => `w${i}`).join(' ')}`,
    `${'_'.repeat(65_000)}`,
  ])('%.40j is answered, soon and within bounds', async (question) => {
    const begun = performance.now();
    const text = await answer(guide, question);
    // What takes more than linear time would take minutes here.
    expect(performance.now() - begun).toBeLessThan(2_000);
    expect(text.length).toBeGreaterThan(50);
    expect(text.length).toBeLessThan(4_000);
    expect(text).not.toMatch(/<script>|\/etc\/|aaaa|____/);
  });
});

describe('how it writes', () => {
  test('word by word, 100 a second', async () => {
    const slow = createGuideAgent({ roots: [root] });
    // The documentation is read by real time, and at the first question.
    await ask(slow, 'hello', { signal: AbortSignal.abort() });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const words: unknown[] = [];
    const run = ask(slow, 'heartbeat', { onEvent: (word) => words.push(word) });
    await vi.advanceTimersByTimeAsync(95);
    expect(words).toHaveLength(10);
    expect(words.slice(0, 3)).toEqual(['From ', 'Parley’s ', 'documentation: ']);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(textOf(await run)).toMatch(/^From Parley’s[\s\S]*Source: `PROTOCOL.md`/);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('[R4] a stop in mid-answer ends it at once', async () => {
    const slow = createGuideAgent({ roots: [root], wordsPerSecond: 0.001 });
    const controller = new AbortController();
    const events = await ask(slow, 'heartbeat', {
      signal: controller.signal,
      onEvent: () => controller.abort(),
    });
    expect(events).toEqual(['From ']);
  });

  test('two questions at once are answered as one after the other', async () => {
    const fresh = createGuideAgent({ roots: [root], wordsPerSecond: 0 });
    const texts = await Promise.all([answer(fresh, 'heartbeat'), answer(fresh, 'heartbeat')]);
    expect(texts[0]).toBe(texts[1]);
    expect(await answer(fresh, 'heartbeat')).toBe(texts[0]);
  });

  test('an agent that is not asked reads nothing', () => {
    expect(createGuideAgent().name).toBe('guide');
    expect(createGuideAgent().onInterrupt).toBe('retry');
  });
});
