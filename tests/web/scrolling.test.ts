import { expect, test } from 'vitest';
import { echoAgent, simulatorAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { type PuppetRun, puppet } from '../helpers/puppet.ts';
import { Chat, tokens } from './chat.ts';

/** How far the end of the conversation is below the view, pixels. */
function fromEnd(chat: Chat): Promise<number> {
  return chat.log.evaluate((log) =>
    Math.round(log.scrollHeight - log.scrollTop - log.clientHeight),
  );
}

/** Scrolls up; a turn of the wheel arrives when it likes: until it has, and nothing has moved for three frames. */
async function wheelUp(chat: Chat): Promise<void> {
  const before = await chat.log.evaluate((log) => log.scrollHeight - log.scrollTop);
  await chat.page.mouse.wheel(0, -400);
  await chat.log.evaluate(async (log, before) => {
    const frame = () => new Promise(requestAnimationFrame);
    // What comes above the view, or is measured there, changes nothing of what is below its top.
    while (log.scrollTop > 0 && log.scrollHeight - log.scrollTop < before + 1) await frame();
    let [top, still] = [Number.NaN, 0];
    while (still < 3) {
      await frame();
      const now = log.querySelector('article')?.getBoundingClientRect().top ?? 0;
      still = now === top ? still + 1 : 0;
      top = now;
    }
  }, before);
}

test('the end stays in view while an answer grows, unless one has scrolled up', async () => {
  const { agent, next } = puppet();
  const { http } = await startGateway({ agents: [agent] });
  const chat = await Chat.open(http, { viewport: { width: 900, height: 500 } });
  const words = tokens(3_000).split(' ');
  /** Writes on, one or two lines at a time, each of them when the one before is shown. */
  const write = async (run: PuppetRun, from: number, to: number, shown = async () => {}) => {
    for (let at = from; at < to; at += 20) {
      await run.say(`${words.slice(at, at + 20).join(' ')} `);
      await chat.answer('running').evaluate(
        async (answer, last) => {
          while (!answer.textContent.includes(last)) await new Promise(requestAnimationFrame);
        },
        `t${at + 20}`,
      );
      await shown();
    }
  };
  const atEnd = () => expect.poll(() => fromEnd(chat)).toBeLessThan(3);
  await chat.ask('first');
  const first = await next();
  await first.say(tokens(600));
  await first.finish();
  await chat.answer('complete').waitFor();
  await chat.ask('second');
  const run = await next();
  await write(run, 0, 900, atEnd);
  expect(await chat.button('Jump to the newest').count()).toBe(0);

  await chat.log.hover();
  await wheelUp(chat);
  await chat.button('Jump to the newest').waitFor();
  const top = await chat.log.evaluate((log) => log.scrollTop);
  await write(run, 900, 1_800);
  expect(Math.abs((await chat.log.evaluate((log) => log.scrollTop)) - top)).toBeLessThan(3);

  await chat.button('Jump to the newest').click();
  await atEnd();
  await write(run, 1_800, 3_000, atEnd);
  await run.finish();
  await chat.answer('complete').getByText('t3000').waitFor();
  await atEnd();
  await expect.poll(() => chat.button('Jump to the newest').count()).toBe(0);
});

test('the end stays in view when the window is turned, or made smaller by a keyboard', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const chat = await Chat.open(http, { viewport: { width: 1280, height: 720 } });
  for (let n = 1; n <= 3; n += 1) await chat.converse(`${n}. ${'several words '.repeat(40)}`);
  await expect.poll(() => fromEnd(chat)).toBeLessThan(3);
  for (const [width, height] of [
    [390, 844],
    [1280, 800],
    [390, 420],
  ] as const) {
    await chat.page.setViewportSize({ width, height });
    // It is at the end, and stays there.
    await expect
      .poll(
        async () => {
          await chat.page.evaluate(() => new Promise(requestAnimationFrame));
          return [await fromEnd(chat), chat.page.viewportSize()?.width];
        },
        { timeout: 5_000 },
      )
      .toEqual([0, width]);
  }
});

declare global {
  /** The least number that a message of the page had, whenever it was drawn. */
  var leastDrawn: number;
}

function watchDrawn(): void {
  globalThis.leastDrawn = Infinity;
  const look = (): void => {
    for (const { textContent } of document.querySelectorAll('[role="log"] article')) {
      const number = Number(/number (\d+)\./.exec(textContent)?.[1] ?? Infinity);
      globalThis.leastDrawn = Math.min(leastDrawn, number);
    }
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true });
}

test('a chat opens at its end; older messages come while one scrolls up, and what one reads stays', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const session = crypto.randomUUID();
  for (let n = 1; n <= 70; n += 1) {
    await fetch(`${http}/api/chat`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        session_id: session,
        message: `number ${n}. ${'word '.repeat(n % 40)}`,
      }),
    });
  }
  const chat = await Chat.open('about:blank');
  await chat.page.addInitScript(watchDrawn);
  await chat.page.goto(`${http}/s/${session}`);
  await chat.answers.getByText('number 70.').waitFor();
  // The page begins with number 21: it is neither drawn nor measured before one goes there.
  expect(await chat.page.evaluate(() => leastDrawn)).toBeGreaterThan(50);
  /** The first message within the view, and where it stands; in one step, as it is painted. */
  const reading = () =>
    chat.log.evaluate((log) => {
      const edge = log.getBoundingClientRect().top;
      const articles = [...log.querySelectorAll('article')];
      const first = articles.find((one) => one.getBoundingClientRect().top >= edge);
      const number = /number (\d+)\./.exec(first?.textContent ?? '')?.[1];
      return { number: Number(number), top: first?.getBoundingClientRect().top ?? 0 };
    });
  // The newest page has the last fifty of each; scrolling past its beginning brings the one before.
  const jumps: string[] = [];
  let last: number | undefined;
  await chat.log.hover();
  await expect
    .poll(
      async () => {
        const before = await reading();
        // Nobody has scrolled since: only an older page can have come.
        if (last !== undefined && Math.abs(before.number - last) > 1) {
          jumps.push(`${last} to ${before.number}`);
        }
        // At the top an older page is on its way, or none is left.
        if ((await chat.log.evaluate((log) => log.scrollTop)) > 0) await wheelUp(chat);
        const after = await reading();
        // A wheel of 400 pixels passes a few of these messages.
        if (before.number - after.number > 6) jumps.push(`${before.number} to ${after.number}`);
        last = after.number;
        return after.number;
      },
      { timeout: 25_000, interval: 20 },
    )
    .toBe(1);
  expect(jumps).toEqual([]);
  await chat.log.getByText('The beginning of this chat').waitFor();
});

test('[R7] two tabs see the same, and that somebody writes in the other one', async () => {
  const { http } = await startGateway({ agents: [simulatorAgent] });
  const chat = await Chat.open(http);
  await chat.converse('tokens=3');
  const other = await chat.anotherTab();
  await chat.page.getByText('Open in 1 other place').waitFor();
  await other.field.pressSequentially('hm');
  await chat.page.getByText('is writing…').waitFor();
  await other.ask('tokens=80 rate=80');
  for (const tab of [chat, other]) await tab.answer('complete').nth(1).waitFor();
  expect(await chat.answers.allInnerTexts()).toEqual(await other.answers.allInnerTexts());
  await other.page.close();
  await expect.poll(() => chat.page.getByText('Open in').count()).toBe(0);
});
