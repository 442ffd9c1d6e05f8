import { LIMITS } from '@parley/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { echoAgent, simulatorAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { type PuppetRun, puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';
import { View } from '../helpers/view.ts';

/** Everything that is easily torn: pairs of surrogates, a family of one emoji, accents, line ends. */
const ANSWER =
  'Día 1:\r\n👩‍👩‍👧‍👦 e\u0301té 🎉🎉\n\n```ts\nconst a = "\\u00e9\u2028";\n```\n\t— “fin” \u0000🏳️‍🌈 日本語';
const UNITS = ANSWER.split('');

async function scene() {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent] });
  const creator = await TestSocket.open(ws);
  return { ws, creator, next };
}

/** Says units `from` to `to` of the answer, one at a time, so that each is a chunk of its own. */
async function say(run: PuppetRun, from: number, to: number): Promise<void> {
  for (const unit of UNITS.slice(from, to)) await run.say(unit);
}

/** How much a client can have when so many units were said: half a pair is not sent. */
function reaches(units: number): number {
  return /[\ud800-\udbff]$/.test(ANSWER.slice(0, units)) ? units - 1 : units;
}

describe('[R6] a client cut at any character of an answer ends as one that was never cut', () => {
  test.each([0, 1, 7])(
    `cut at each of ${UNITS.length} characters, %i more written while it is away`,
    async (away) => {
      const { ws, creator, next } = await scene();
      for (let cut = 0; cut <= UNITS.length; cut += 1) {
        const sessionId = await creator.create();
        const whole = new View(ws, sessionId);
        const torn = new View(ws, sessionId);
        await Promise.all([whole.join(), torn.join()]);
        whole.say('m-1', 'go');
        const run = await next();
        await say(run, 0, cut);
        await torn.until(({ events, answer }) =>
          reaches(cut) === 0 ? events.size === 1 : answer?.text.length === reaches(cut),
        );
        torn.cut();
        const back = Math.min(cut + away, UNITS.length);
        await say(run, cut, back);
        await torn.join();
        await say(run, back, UNITS.length);
        await run.finish();
        await Promise.all([whole.ended(1), torn.ended(1)]);
        expect(torn.log()).toEqual(whole.log());
        expect(torn.log()[1]?.data).toMatchObject({ content: ANSWER, status: 'complete' });
        expect(torn.resets).toBe(0);
        torn.cut();
        whole.cut();
        creator.send({ type: 'session_leave', session_id: sessionId });
      }
    },
  );

  test('the same client cut at every character of one answer', async () => {
    const { ws, creator, next } = await scene();
    const sessionId = await creator.create();
    const whole = new View(ws, sessionId);
    const torn = new View(ws, sessionId);
    await Promise.all([whole.join(), torn.join()]);
    whole.say('m-1', 'go');
    const run = await next();
    for (let cut = 0; cut < UNITS.length; cut += 1) {
      await torn.until(({ events, answer }) =>
        reaches(cut) === 0 ? events.size === 1 : answer?.text.length === reaches(cut),
      );
      torn.cut();
      await say(run, cut, cut + 1);
      await torn.join();
    }
    await run.finish();
    await Promise.all([whole.ended(1), torn.ended(1)]);
    expect(torn.log()).toEqual(whole.log());
  });

  test('cut while the end comes: the end is in what it gets when it is back', async () => {
    const { ws, creator, next } = await scene();
    const sessionId = await creator.create();
    const torn = new View(ws, sessionId);
    await torn.join();
    torn.say('m-1', 'go');
    const run = await next();
    await say(run, 0, 10);
    await torn.until(({ answer }) => answer?.text.length === reaches(10));
    torn.cut();
    await say(run, 10, UNITS.length);
    await run.finish();
    await torn.join();
    await torn.ended(1);
    expect(torn.log()[1]?.data).toMatchObject({ content: ANSWER });
    expect(torn.answer).toBeUndefined();
  });
});

test('[R6] cut at random points of a long conversation, over and over, nothing is missing or twice', async () => {
  const { ws } = await startGateway({ agents: [simulatorAgent] });
  const creator = await TestSocket.open(ws);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(60), { minLength: 1, maxLength: 12 }),
      fc.constantFrom('tokens=60', 'tokens=60 tool=search', 'tokens=60 fail_at=50 agents=2'),
      async (cuts, script) => {
        const sessionId = await creator.create();
        const whole = new View(ws, sessionId);
        const torn = new View(ws, sessionId);
        await Promise.all([whole.join(), torn.join()]);
        for (let i = 0; i < 4; i += 1) whole.say(`m-${i}`, `${script} rate=4000 seed=${i}`);
        for (const frames of cuts) {
          const { socket } = torn;
          const seen = (socket?.received.length ?? 0) + frames;
          await torn.until((view) => (socket?.received.length ?? 0) >= seen || isDone(view));
          torn.cut();
          await torn.join();
        }
        await Promise.all([whole.ended(4), torn.ended(4)]);
        expect(torn.log()).toEqual(whole.log());
        expect(torn.resets).toBe(0);
        torn.cut();
        whole.cut();
        creator.send({ type: 'session_leave', session_id: sessionId });
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);

const isDone = ({ events }: View) =>
  [...events.values()].filter(({ type }) => type === 'agent_response').length === 4;

describe('[R6] what is replayed', () => {
  async function conversation(messages: number, options = {}) {
    const { ws } = await startGateway({ agents: [echoAgent], ...options });
    const client = await TestSocket.open(ws);
    const sessionId = await client.create();
    for (let i = 1; i <= messages; i += 1) {
      await client.ask(`text ${i}`, { message_id: `m-${i}` });
    }
    const events = new Map<number, unknown>();
    for (const message of client.received) {
      if (message.type === 'agent_response' && message.seq) events.set(message.seq, message);
    }
    return { ws, client, sessionId, events };
  }

  const joinAt = async (ws: string, sessionId: string, data: object) => {
    const socket = await TestSocket.open(ws);
    socket.send({ type: 'session_join', session_id: sessionId, message_id: 'join', data });
    return { socket, status: await socket.next() };
  };

  test.each([0, 1, 2, 3, 5, 6])(
    'after_seq %i of 6: the status first, then exactly what follows, each in its original form',
    async (after) => {
      const { ws, sessionId, events } = await conversation(3);
      const { socket, status } = await joinAt(ws, sessionId, { after_seq: after });
      expect(status).toMatchObject({
        type: 'session_status',
        reply_to: 'join',
        data: { last_seq: 6, first_seq: 1 },
      });
      expect(status.data).not.toHaveProperty('history');
      expect(status.data).not.toHaveProperty('reset');
      await socket.settled();
      const replayed = socket.received.filter(({ seq }) => seq !== undefined);
      expect(replayed.map(({ seq }) => seq)).toEqual(
        Array.from({ length: 6 - after }, (_, i) => after + i + 1),
      );
      for (const message of replayed) {
        if (message.type === 'agent_response')
          expect(message).toEqual(events.get(message.seq ?? 0));
        else expect(message).toMatchObject({ type: 'chat_message', data: { role: 'user' } });
      }
    },
  );

  test('ahead of the log (of a disk that was replaced, say): reset, and the newest page', async () => {
    const { ws, sessionId } = await conversation(3);
    const { socket, status } = await joinAt(ws, sessionId, { after_seq: 7 });
    expect(status.data).toMatchObject({ reset: true, last_seq: 6, has_more: false });
    expect((status.data as { history: unknown[] }).history).toHaveLength(6);
    await socket.settled();
    expect(socket.received.some(({ seq }) => seq !== undefined)).toBe(false);
  });

  test(`up to ${LIMITS.replayEvents} events behind it is replayed, one more is a reset`, async () => {
    // More than may come at once; where the machine is quick they do.
    const { ws, client, sessionId } = await conversation(0, { messageRate: 0 });
    const total = LIMITS.replayEvents / 2 + 1;
    for (let i = 0; i < total; i += 1) {
      client.send({ type: 'chat_message', message_id: `m-${i}`, data: { content: `${i}` } });
      if (i % 50 === 49) await client.collect('agent_response', 50);
    }
    await client.find(
      (message) => message.type === 'agent_response' && message.seq === LIMITS.replayEvents + 2,
    );
    const near = await joinAt(ws, sessionId, { after_seq: 2 });
    expect(near.status.data).not.toHaveProperty('reset');
    const last = await near.socket.find(({ seq }) => seq === LIMITS.replayEvents + 2);
    expect(last.type).toBe('agent_response');
    expect(near.socket.received.filter(({ seq }) => seq !== undefined)).toHaveLength(
      LIMITS.replayEvents,
    );

    const far = await joinAt(ws, sessionId, { after_seq: 1 });
    expect(far.status.data).toMatchObject({ reset: true, has_more: true });
    const { history } = far.status.data as { history: { seq: number }[] };
    expect(history).toHaveLength(LIMITS.historyEvents);
    expect(history.at(-1)?.seq).toBe(LIMITS.replayEvents + 2);
  });

  test('what has been trimmed is not resumed silently: reset, and where the log begins now', async () => {
    const { ws, client, sessionId } = await conversation(4, { maxEvents: 3, cleanupInterval: 20 });
    await client.find(
      (message) => message.type === 'session_status' && message.data.first_seq === 6,
    );
    const kept = await joinAt(ws, sessionId, { after_seq: 5 });
    expect(kept.status.data).not.toHaveProperty('reset');
    expect(kept.status.data).toMatchObject({ first_seq: 6, last_seq: 8 });
    for (const after of [0, 4]) {
      const { status } = await joinAt(ws, sessionId, { after_seq: after });
      expect(status.data).toMatchObject({ reset: true, first_seq: 6, has_more: false });
      expect((status.data as { history: unknown[] }).history).toHaveLength(3);
    }
  });

  test('an answer position of another run or attempt, or ahead of the text, is answered with all of it', async () => {
    const { ws, creator, next } = await scene();
    const sessionId = await creator.create();
    creator.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
    const { run_id } = await creator.next('message_ack');
    const run = await next();
    await run.say('0123456789');
    const good = { run_id, attempt: 1, offset: 4 };
    const wrong = [
      { ...good, run_id: 'other' },
      { ...good, attempt: 2 },
      { ...good, offset: 11 },
    ];
    for (const answer of wrong) {
      const { status } = await joinAt(ws, sessionId, { after_seq: 1, answer });
      expect(status.data).toMatchObject({ answer: { offset: 0, content: '0123456789' } });
    }
    const { status } = await joinAt(ws, sessionId, { after_seq: 1, answer: good });
    expect(status.data).toMatchObject({ answer: { offset: 4, content: '456789' } });
    const end = { ...good, offset: 10 };
    const { status: same } = await joinAt(ws, sessionId, { after_seq: 1, answer: end });
    expect(same.data).toMatchObject({ answer: { offset: 10, content: '' } });
    await run.finish();
  });

  test('joining again on the same connection follows the session once', async () => {
    const { client, sessionId } = await conversation(1);
    client.send({ type: 'session_join', session_id: sessionId, data: { after_seq: 2 } });
    client.send({ type: 'session_join', session_id: sessionId, data: { after_seq: 2 } });
    await client.collect('session_status', 2);
    await client.ask('once');
    expect(
      client.received.filter(({ seq, type }) => seq === 4 && type === 'agent_response'),
    ).toHaveLength(1);
  });
});
