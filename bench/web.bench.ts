/** What the page costs a browser, from the browser's own tracing, against the real gateway. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AgentDefinition, defineAgent } from '../packages/gateway/src/index.ts';
import { startGateway, temporaryDirectory } from '../tests/helpers/gateway.ts';
import { mainTasks, type TraceEvent, trace } from '../tests/helpers/trace.ts';
import { Chat } from '../tests/web/chat.ts';
import { firstLoad } from '../tests/web/first-load.ts';
import { longAnswer } from '../tests/web/markdown-text.ts';
import { lookFor, MARK, watchFor } from './in-view.ts';
import { almanac, fillSession, MESSAGES, SEED } from './long-session.ts';
import { type Bound, bounded, circumstances, type Figure, median, table } from './results.ts';

const RUNS = Number(process.env.BENCH_RUNS ?? 7);
const VIEWPORT = { width: 1_280, height: 800 };
const RESULTS = join(import.meta.dirname, 'RESULTS-web.md');

const CHUNKS = 5_000;
const LENGTH = 200_000;
/** Chunks a second: an answer of 200 kB in 20 seconds. */
const RATE = 250;

/** Writes a long answer with a bit of everything, chunk by chunk. */
const writer: AgentDefinition = defineAgent({
  name: 'writer',
  async *run(_input, { signal }) {
    const text = longAnswer(LENGTH);
    const size = Math.ceil(text.length / CHUNKS);
    const start = performance.now();
    for (let index = 0; index * size < text.length && !signal.aborted; index += 1) {
      const wait = start + (index * 1_000) / RATE - performance.now();
      if (wait > 0) await delay(wait);
      yield text.slice(index * size, (index + 1) * size);
    }
  },
});

const figures: Figure[] = [];
let version = '';
let about = '';
let http: string;
let session: string;

beforeAll(async () => {
  about = circumstances();
  const dataDir = await temporaryDirectory(afterAll);
  const agents = [almanac, writer];
  ({ http } = await startGateway({ agents, store: 'sqlite:', dataDir }, afterAll));
  session = await fillSession(http);
});

afterAll(async () => {
  const page = `# What the web chat costs a browser

\`npm run bench:web\`, seed ${SEED}. The gateway and the browser run on the same machine, the store is
SQLite on disk. Each run has a browser profile of its own, so that nothing is cached. The figures come from
the browser's own tracing; times are those that passed, also where the machine did something else meanwhile.
A message is on the screen with the first frame that shows some of it. Of the tasks, the run fails by their
processor time alone: the gateway and the browser's other processes share the processors with them, so that a
task may take longer than 50 ms without having worked for so long.

${about}
- Chromium ${version}, headless, without a GPU; view ${VIEWPORT.width} × ${VIEWPORT.height}

${table(figures)}
`;
  await writeFile(RESULTS, page);
  console.log(page);
});

/** Runs something again and again, and takes each of its numbers as a figure. */
async function measure<Name extends string>(
  names: Readonly<Record<Name, Pick<Figure, 'what' | 'unit'> & { readonly bound?: Bound }>>,
  once: () => Promise<Readonly<Record<Name, number>>>,
): Promise<Record<Name, number>> {
  const runs: Readonly<Record<Name, number>>[] = [];
  for (let run = 0; run < RUNS; run += 1) runs.push(await once());
  const medians = {} as Record<Name, number>;
  for (const name of Object.keys(names) as Name[]) {
    const values = runs.map((run) => run[name]);
    const { what, unit, bound = {} } = names[name];
    figures.push(bounded(what, unit, values, bound));
    medians[name] = median(values);
  }
  return medians;
}

/** A browser that was never here. */
async function newChat(): Promise<Chat> {
  const chat = await Chat.open('about:blank', { viewport: VIEWPORT });
  version = chat.page.context().browser()?.version() ?? '';
  return chat;
}

/** The long session, with its newest message in view. */
async function openSession(): Promise<Chat> {
  const chat = await newChat();
  await goToSession(chat);
  return chat;
}

async function goToSession(chat: Chat): Promise<void> {
  await watchFor(chat.page, `Answer ${MESSAGES / 2}.`);
  await chat.page.goto(`${http}/s/${session}`, { waitUntil: 'commit' });
  await chat.page.evaluate(() => globalThis.inView);
}

/** Until what is drawn now is on the screen. */
async function drawn({ page }: Chat): Promise<void> {
  await page.evaluate(
    () =>
      new Promise((resolve) =>
        requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve, 100))),
      ),
  );
}

const FRAMES = ['disabled-by-default-devtools.timeline.frame', 'blink.user_timing'];

/** The moments at which the page's frames were drawn, microseconds. */
function framesOf(events: readonly TraceEvent[], pid: number | undefined): number[] {
  return events
    .filter((event) => event.name === 'DrawFrame' && event.pid === pid)
    .map(({ ts }) => ts)
    .sort((a, b) => a - b);
}

/** From `start` until the frame that ended with the mark was drawn, milliseconds. */
function untilShown(events: readonly TraceEvent[], start: TraceEvent | undefined): number {
  const mark = events.find(({ name }) => name === MARK);
  const shown = framesOf(events, mark?.pid).find((ts) => ts > (mark?.ts ?? Infinity));
  return ((shown ?? Number.NaN) - (start?.ts ?? Number.NaN)) / 1_000;
}

const COUNT = MESSAGES.toLocaleString('en');

test('a session of 10,000 messages is open in under a second', async () => {
  const { opened } = await measure(
    {
      opened: {
        what: `A session of ${COUNT} messages opens: from the navigation to its newest message on the screen`,
        unit: 'ms',
        bound: { atMost: 1_000 },
      },
    },
    async () => {
      const chat = await newChat();
      const events = await trace(chat.page, FRAMES, async () => {
        await goToSession(chat);
        await drawn(chat);
      });
      await chat.page.context().close();
      const navigation = events.find(
        ({ name, args }) => name === 'navigationStart' && JSON.stringify(args).includes(session),
      );
      return { opened: untilShown(events, navigation) };
    },
  );
  expect(opened).toBeLessThan(1_000);
});

/** Scrolls up for four seconds, as a wheel that never rests. */
async function scroll(chat: Chat): Promise<{ drawn: number; longest: number }> {
  const devtools = await chat.page.context().newCDPSession(chat.page);
  const events = await trace(chat.page, FRAMES, async () => {
    await chat.page.evaluate(() => performance.mark('scrolls'));
    await devtools.send('Input.synthesizeScrollGesture', {
      ...{ x: VIEWPORT.width * 0.6, y: VIEWPORT.height / 2 },
      ...{ yDistance: SCROLL.speed * SCROLL.seconds, speed: SCROLL.speed },
      gestureSourceType: 'mouse',
    });
    await chat.page.evaluate(() => performance.mark('scrolled'));
  });
  const [from, to] = ['scrolls', 'scrolled'].map((mark) =>
    events.find(({ name }) => name === mark),
  );
  const frames = framesOf(events, from?.pid).filter(
    (ts) => ts >= (from?.ts ?? 0) && ts <= (to?.ts ?? 0),
  );
  const gaps = frames.slice(1).map((ts, index) => ts - (frames[index] ?? ts));
  return {
    drawn: (gaps.length * 1e6) / gaps.reduce((sum, gap) => sum + gap, 0),
    longest: Math.max(...gaps) / 1_000,
  };
}

const SCROLL = { speed: 2_000, seconds: 4 };
const SCROLLS = {
  drawn: { unit: 'frames/s', bound: { atLeast: 50 } },
  longest: { unit: 'ms' },
};

test('it scrolls at 50 frames a second, also through what has to be loaded', async () => {
  const upwards = await measure(
    {
      drawn: {
        ...SCROLLS.drawn,
        what: 'Scrolling it up from its newest message, older pages coming',
      },
      longest: { ...SCROLLS.longest, what: 'the longest time between two of these frames' },
    },
    async () => {
      const chat = await openSession();
      await drawn(chat);
      const result = await scroll(chat);
      await chat.page.context().close();
      return result;
    },
  );
  expect(upwards.drawn).toBeGreaterThanOrEqual(50);
});

test('a search leads into its middle in under a second, and it scrolls there as well', async () => {
  const number = MESSAGES / 4;
  const { jumped, drawn: frames } = await measure(
    {
      jumped: {
        what: `A search leads into its middle, ${(MESSAGES / 2).toLocaleString('en')} messages back: from the click to the message on the screen`,
        unit: 'ms',
        bound: { atMost: 1_000 },
      },
      drawn: { ...SCROLLS.drawn, what: 'Scrolling there, with half of the session loaded' },
      longest: { ...SCROLLS.longest, what: 'the longest time between two of these frames' },
    },
    async () => {
      const chat = await openSession();
      await chat.page.getByRole('searchbox').fill(`Question ${number}`);
      const hit = chat.chats.getByRole('link', { name: new RegExp(`Question ${number}:`) });
      await hit.waitFor();
      await lookFor(chat.page, `Question ${number}:`);
      await chat.page.evaluate(() =>
        addEventListener(
          'click',
          ({ timeStamp }) => performance.mark('clicked', { startTime: timeStamp }),
          { capture: true, once: true },
        ),
      );
      const events = await trace(chat.page, FRAMES, async () => {
        await hit.click();
        await chat.page.evaluate(() => globalThis.inView);
        await drawn(chat);
      });
      const click = events.find(({ name }) => name === 'clicked');
      const result = { jumped: untilShown(events, click), ...(await scroll(chat)) };
      await chat.page.context().close();
      return result;
    },
  );
  expect(jumped).toBeLessThan(1_000);
  expect(frames).toBeGreaterThanOrEqual(50);
});

/** A locator would search the page for roles all the time, which is work that nobody has without it. */
async function complete({ page }: Chat): Promise<void> {
  await page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        const look = (): void => {
          if (document.querySelector('article[data-status="complete"]')) resolve();
          else requestAnimationFrame(look);
        };
        look();
      }),
  );
}

test('an answer of 200 kB in 5,000 chunks has no task above 50 ms of processor time', async () => {
  const { http: streaming } = await startGateway({ agents: [writer] });
  const { processor } = await measure(
    {
      longest: {
        what: `An answer of ${LENGTH / 1_000} kB comes in ${CHUNKS.toLocaleString('en')} chunks, ${RATE} a second: its longest task`,
        unit: 'ms',
        bound: { atMost: 50 },
      },
      over: { what: 'its tasks longer than 50 ms', unit: '' },
      processor: { what: 'its longest task in processor time', unit: 'ms', bound: { atMost: 50 } },
      busy: { what: 'the share of the time in which the main thread is busy', unit: '%' },
    },
    async () => {
      const chat = await newChat();
      await chat.page.goto(streaming);
      // Finding the field is work of whoever drives the page, as long as many of its own tasks.
      await chat.field.fill('Write.');
      const start = performance.now();
      const events = await trace(chat.page, ['toplevel', 'devtools.timeline'], async () => {
        await chat.page.keyboard.press('Enter');
        await complete(chat);
      });
      const passed = performance.now() - start;
      await chat.page.context().close();
      const tasks = mainTasks(events);
      const durations = tasks.map(({ dur = 0 }) => dur / 1_000);
      return {
        longest: Math.max(...durations),
        over: durations.filter((duration) => duration > 50).length,
        processor: Math.max(...tasks.map(({ tdur = 0 }) => tdur / 1_000)),
        busy: (durations.reduce((sum, duration) => sum + duration, 0) / passed) * 100,
      };
    },
  );
  expect(processor).toBeLessThanOrEqual(50);
});

test('the first load is below 250 kB', async () => {
  const files = await firstLoad(http);
  const bytes = files.reduce((sum, { gzipped }) => sum + gzipped, 0);
  const what = `The first load, ${files.length} files, gzipped`;
  figures.push(bounded(what, 'kB', [bytes / 1_000], { atMost: 250 }));
  expect(bytes).toBeLessThan(250_000);
});
