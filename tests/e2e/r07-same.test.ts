import { Branch, type SessionEvent } from '@parley/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { simulatorAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { type PuppetRun, puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';
import { View } from '../helpers/view.ts';

/** What a person sees: the messages of the branch, each with what answered it. */
function transcript(log: readonly SessionEvent[]): unknown[] {
  const branch = new Branch<{ message_id: string; replaces?: string | undefined; text: string }>();
  for (const event of log) {
    if (event.type !== 'chat_message') continue;
    const { content: text, replaces } = event.data;
    branch.add({ message_id: event.message_id, replaces, text });
  }
  return branch.messages.map(({ message_id, text }) => [
    text,
    log
      .filter(({ reply_to }) => reply_to === message_id)
      .map(({ type, data }) => [type, 'status' in data ? data.status : '', data]),
  ]);
}

async function tab(ws: string, sessionId: string): Promise<View> {
  const view = new View(ws, sessionId);
  await view.join();
  return view;
}

test('[R7] two tabs and one who comes in mid-answer end identical, with tools, a stop and asking again', async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent] });
  const sessionId = await (await TestSocket.open(ws)).create();
  const one = await tab(ws, sessionId);
  const two = await tab(ws, sessionId);
  one.say('m-1', 'first');
  const first = await next();
  await first.say('begins, ');
  await first.say({ type: 'tool_call', id: 't-1', name: 'search', arguments: { q: 'x' } });
  const late = await tab(ws, sessionId);
  expect(late.answer?.text).toBe('begins, ');
  await first.say({ type: 'tool_result', id: 't-1', name: 'search', result: ['hit'] });
  await first.say('ends.');
  await first.finish();
  // The other tab asks again while the first asks something else, and the third stops everything.
  two.say('m-2', 'second');
  const second = await next();
  await second.say('never fini');
  one.say('m-3', 'waits');
  const later = await tab(ws, sessionId);
  two.say('m-4', 'first, better', { replaces: 'm-1' });
  await later.until(({ events }) =>
    [...events.values()].some(({ message_id }) => message_id === 'm-4'),
  );
  const again = await next();
  await again.say('better answer');
  const last = await tab(ws, sessionId);
  late.send({ type: 'run_cancel', message_id: 'stop', data: {} });
  const views = [one, two, late, later, last];
  await Promise.all(views.map((view) => view.ended(4)));
  for (const view of views) {
    expect(view.log()).toEqual(one.log());
    expect(view.answer).toBeUndefined();
  }
  expect(transcript(one.log())).toMatchObject([
    ['first, better', [['agent_response', 'cancelled', { content: 'better answer' }]]],
  ]);
  // What was superseded was stopped, and stays in the log.
  const ends = one.log().filter(({ type }) => type === 'agent_response');
  expect(ends.map(({ reply_to, data }) => [reply_to, 'status' in data && data.status])).toEqual([
    ['m-1', 'complete'],
    ['m-2', 'cancelled'],
    ['m-3', 'cancelled'],
    ['m-4', 'cancelled'],
  ]);
});

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('speak' as const), units: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('say' as const), tab: fc.nat(2) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('again' as const), tab: fc.nat(2), which: fc.nat(9) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('tool' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('finish' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stop' as const), tab: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('join' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const), tab: fc.nat(2) }) },
);

test('[R7] whatever three tabs do, and whoever joins or is cut when, all end with the same log', async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent] });
  const creator = await TestSocket.open(ws);
  /** The run that is being written; the ones before it have ended. */
  let run: PuppetRun | undefined;
  void (async () => {
    for (;;) run = await next();
  })();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const sessionId = await creator.create();
      const tabs = await Promise.all([0, 1, 2].map(() => tab(ws, sessionId)));
      const joined: View[] = [];
      const sent: string[] = [];
      for (const move of steps) {
        const view = 'tab' in move ? tabs[move.tab] : undefined;
        const id = `m-${sent.length}`;
        switch (move.do) {
          case 'speak':
            void run?.say('🎉 word '.repeat(move.units + 1).slice(0, -1));
            break;
          case 'tool':
            void run?.say({ type: 'tool_call', id: 't', name: 'n', arguments: [1] });
            break;
          case 'finish':
            void run?.finish();
            break;
          case 'fail':
            void run?.fail(new Error('boom'));
            break;
          case 'say':
            sent.push(id);
            view?.say(id, id);
            break;
          case 'again': {
            const replaces = sent[move.which % (sent.length || 1)];
            if (replaces === undefined) break;
            sent.push(id);
            view?.say(id, id, { replaces });
            break;
          }
          case 'stop':
            view?.send({ type: 'run_cancel', message_id: crypto.randomUUID(), data: {} });
            break;
          case 'join':
            joined.push(await tab(ws, sessionId));
            break;
          case 'cut':
            // What was sent and not acknowledged may be lost: it is not sent again here.
            await view?.socket?.settled();
            view?.cut();
            await view?.join();
            break;
        }
      }
      const all = [...tabs, ...joined];
      // Everything that was accepted ends, one way or another.
      await Promise.all(tabs.map(({ socket }) => socket?.settled()));
      tabs[0]?.send({ type: 'run_cancel', message_id: 'last', data: {} });
      await tabs[0]?.socket?.find(({ reply_to }) => reply_to === 'last');
      const end = await tab(ws, sessionId);
      for (const view of all) {
        await view.until(({ lastSeq }) => lastSeq >= end.lastSeq);
        expect(view.log()).toEqual(end.log());
        expect(transcript(view.log())).toEqual(transcript(end.log()));
        expect(view.answer).toBeUndefined();
      }
      for (const view of [...all, end]) view.cut();
      creator.send({ type: 'session_leave', session_id: sessionId });
    }),
    { numRuns: 100 },
  );
}, 60_000);

test('[R7] fifty who join at random moments of one fast answer all have the same text', async () => {
  const { ws } = await startGateway({ agents: [simulatorAgent] });
  const author = await TestSocket.open(ws);
  const sessionId = await author.create();
  const content = 'tokens=3000 rate=2000 tool=search agents=3';
  author.send({ type: 'chat_message', message_id: 'm-1', data: { content } });
  const views: View[] = [];
  while (views.length < 50) {
    await author.next('agent_chunk');
    views.push(...(await Promise.all([tab(ws, sessionId), tab(ws, sessionId)])));
  }
  const { data, seq } = await author.next('agent_response');
  for (const view of views) {
    await view.ended(1);
    expect(view.lastSeq).toBe(seq);
    expect(view.log().at(-1)?.data).toEqual(data);
    expect(view.log()).toEqual(views[0]?.log());
  }
});

test("[R7] a plain client's history and a parley.v1 client's are the same", async () => {
  const { ws } = await startGateway({ agents: [simulatorAgent] });
  const author = await TestSocket.open(ws);
  const sessionId = await author.create();
  await author.ask('tokens=5 tool=search');
  const histories = await Promise.all(
    [true, false].map(async (plain) => {
      const socket = await TestSocket.open(ws, { plain });
      socket.send({ type: 'session_join', session_id: sessionId });
      return (await socket.next('session_status')).data.history;
    }),
  );
  expect(histories[0]).toEqual(histories[1]);
});
