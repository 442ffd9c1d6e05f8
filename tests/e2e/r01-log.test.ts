import { expect, test } from 'vitest';
import { simulatorAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { TestSocket } from '../helpers/socket.ts';
import { View } from '../helpers/view.ts';

test('[R1] events of a session are numbered 1, 2, 3 … whoever wrote them and however they came', async () => {
  const { ws } = await startGateway({ agents: [simulatorAgent] });
  const sessionId = await (await TestSocket.open(ws)).create();
  const views = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const view = new View(ws, sessionId);
      await view.join();
      return view;
    }),
  );
  // Five connections write at the same time, half of it with tools and with failures.
  for (const [n, view] of views.entries()) {
    for (let i = 0; i < 8; i += 1) {
      const script = i % 2 === 0 ? 'tokens=6 tool=search' : 'tokens=6 fail_at=4';
      view.say(`m-${n}-${i}`, script);
    }
  }
  await Promise.all(views.map((view) => view.ended(40)));
  // 40 messages, 40 answers, 20 of them with a call and its result.
  for (const view of views) {
    expect(view.log().map(({ seq }) => seq)).toEqual(Array.from({ length: 120 }, (_, i) => i + 1));
  }
  for (const view of views) expect(view.log()).toEqual(views[0]?.log());
});

test('[R1] the log of one session does not know of another', async () => {
  const { ws } = await startGateway({ agents: [simulatorAgent] });
  const client = await TestSocket.open(ws);
  const first = await client.create();
  const second = await client.create();
  await client.ask('tokens=1', { session_id: first });
  const { seq } = await client.ask('tokens=1', { session_id: second });
  expect(seq).toBe(2);
});

test('[R1] [R7] what is read over HTTP, in history and from the stream is the same log', async () => {
  const { ws, http } = await startGateway({ agents: [simulatorAgent] });
  const sessionId = await (await TestSocket.open(ws)).create();
  const live = new View(ws, sessionId);
  await live.join();
  live.say('m-1', 'tokens=5 tool=search');
  live.say('m-2', 'tokens=5 fail_at=3');
  await live.ended(2);
  const later = new View(ws, sessionId);
  await later.join();
  expect(later.log()).toEqual(live.log());
  const response = await fetch(`${http}/api/sessions/${sessionId}/export?format=json`);
  const exported = (await response.json()) as { events: unknown[] };
  expect(exported.events).toEqual(live.log());
});
