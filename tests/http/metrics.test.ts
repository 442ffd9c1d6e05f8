/** What is counted, and that it is counted as what it is. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { defineAgent, echoAgent } from '../../packages/gateway/src/index.ts';
import { EventLoopDelay } from '../../packages/gateway/src/metrics/event-loop.ts';
import { startComposed } from '../helpers/composed.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { keptLog } from '../helpers/log-lines.ts';
import { type Scraped, scrape } from '../helpers/metrics.ts';
import { puppet } from '../helpers/puppet.ts';
import { RawSocket } from '../helpers/raw.ts';
import { TestSocket } from '../helpers/socket.ts';

const sent = (type: string) => `parley_messages_total{direction="sent",type="${type}"}`;
const received = (type: string) => `parley_messages_total{direction="received",type="${type}"}`;

test('messages are counted by direction and type, and their bytes', async () => {
  const { agent, next } = puppet();
  const { http, ws } = await startGateway({ agents: [agent] });
  const client = await TestSocket.open(ws);
  const content = 'what is said';
  const session_id = await client.create();
  const before = await scrape(http);
  const earlier = client.received.length;
  client.send({ type: 'chat_message', session_id, message_id: 'm', data: { content } });
  const run = await next();
  await run.say('half ');
  await run.say('and half');
  await run.finish();
  await client.next('agent_response');
  await client.find(
    (message) => message.type === 'run_status' && message.data.status !== 'running',
  );
  client.raw('no JSON');
  await client.next('error');
  const after = await scrape(http);

  const grown = (series: string) => after.of(series) - before.of(series);
  const own = client.received.slice(earlier);
  for (const type of ['message_ack', 'agent_chunk', 'agent_response', 'run_status', 'error']) {
    const seen = own.filter((message) => message.type === type).length;
    expect([type, seen > 0]).toEqual([type, true]);
    expect([type, grown(sent(type))]).toEqual([type, seen]);
  }
  expect(grown(received('chat_message'))).toBe(1);
  expect(after.of(received('session_create'))).toBe(1);
  // What is not understood has bytes and no type.
  expect(grown('parley_message_bytes_total{direction="received"}')).toBeGreaterThan(content.length);
  expect(grown('parley_message_bytes_total{direction="sent"}')).toBeGreaterThan(
    JSON.stringify(own).length - own.length - 2,
  );
});

test('what an alert looks for is there before it has happened, so that the first of it is seen', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const series = await scrape(http);
  const ends = ['complete', 'cancelled', 'error', 'interrupted'];
  expect(series.named('parley_runs_ended_total')).toEqual(
    ends.map((end) => `parley_runs_ended_total{agent="echo",end="${end}"}`),
  );
  for (const code of ['INTERNAL_ERROR', 'STORE_UNAVAILABLE']) {
    for (const what of ['upgrade', 'message', 'request']) {
      const one = `parley_refusals_total{what="${what}",code="${code}"}`;
      expect(series.named('parley_refusals_total')).toContain(one);
      expect(series.of(one)).toBe(0);
    }
  }
});

test('[R5] runs are counted once, by agent and end, with the time to their first text and their end', async () => {
  const { agent, next } = puppet();
  const failing = defineAgent({
    name: 'failing',
    run: () => {
      throw new Error('no');
    },
  });
  const { http, ws } = await startGateway({ agents: [agent, failing] });
  const client = await TestSocket.open(ws);
  const session_id = await client.create();
  const post = (message_id: string, agent_name?: string) =>
    client.send({
      type: 'chat_message',
      session_id,
      message_id,
      data: { content: 'x', agent_name },
    });
  post('first');
  post('second');
  const run = await next();
  await run.say('text');
  await run.say('and more');
  const during = await scrape(http);
  expect(during.of('parley_runs{state="running"}')).toBe(1);
  expect(during.of('parley_runs{state="waiting"}')).toBe(1);
  expect(during.of('parley_run_first_chunk_seconds_count{agent="puppet"}')).toBe(1);
  expect(during.of('parley_run_duration_seconds_count{agent="puppet"}')).toBe(0);
  await run.finish();
  await client.next('agent_response');
  await next();
  client.send({ type: 'run_cancel', session_id, message_id: 'stop', data: {} });
  await client.next('agent_response');
  post('third', 'failing');
  await client.next('agent_response');
  const after = await scrape(http);

  const ended = (name: string, end: string) =>
    after.of(`parley_runs_ended_total{agent="${name}",end="${end}"}`);
  expect([ended('puppet', 'complete'), ended('puppet', 'cancelled')]).toEqual([1, 1]);
  expect([ended('failing', 'error'), ended('failing', 'complete')]).toEqual([1, 0]);
  // The second one was stopped before it said anything.
  expect(after.of('parley_run_first_chunk_seconds_count{agent="puppet"}')).toBe(1);
  expect(after.of('parley_run_duration_seconds_count{agent="puppet"}')).toBe(2);
  expect(after.of('parley_runs{state="running"}')).toBe(0);
  expectHistogram(after, 'parley_run_duration_seconds', 'agent="puppet",');
});

test('[R2] the time of commits is that of a store which has a disk', async () => {
  const dataDir = await temporaryDirectory();
  const { http, ws } = await startGateway({ store: 'sqlite:', dataDir });
  const client = await TestSocket.open(ws);
  await client.create();
  const scraped = await scrape(http);
  expect(scraped.of('parley_store_commit_seconds_count')).toBeGreaterThan(0);
  expect(scraped.of('parley_store_commit_seconds_sum')).toBeGreaterThan(0);
  expectHistogram(scraped, 'parley_store_commit_seconds', '');
});

test('[R8] what waits for a reader that reads nothing is shown, and that it was cut', async () => {
  const { agent, next } = puppet();
  const { logger, lines } = keptLog();
  const { http, ws } = await startGateway({
    agents: [agent],
    logger,
    maxOutboxBytes: 20_000_000,
    maxAnswerLength: 100_000_000,
    stallTimeout: 500,
    pingInterval: 100,
    idleTimeout: '1h',
  });
  const author = await TestSocket.open(ws);
  const session_id = await author.create();
  const reader = await RawSocket.open(Number(new URL(ws).port));
  reader.send({ type: 'session_join', session_id });
  await reader.until(({ frames }) => frames.length > 0);
  reader.socket.pause();
  author.send({ type: 'chat_message', session_id, message_id: 'm', data: { content: 'x' } });
  const run = await next();
  let behind = 0;
  for (let pieces = 0; behind === 0 && pieces < 1_000; pieces += 1) {
    await run.say('lorem ipsum '.repeat(10_000));
    const scraped = await scrape(http);
    behind = scraped.of('parley_connections_behind');
    if (behind > 0) expect(scraped.of('parley_outbox_bytes')).toBeGreaterThan(0);
  }
  expect(behind).toBe(1);
  await expect
    .poll(async () => (await scrape(http)).of('parley_closes_total{code="4409"}'))
    .toBe(1);
  reader.socket.destroy();
  const closed = () => lines.find(({ msg }) => msg === 'a connection closed');
  await expect.poll(closed).toMatchObject({ fields: { code: 4409 } });
  expect((await scrape(http)).of('parley_connections_opened_total')).toBe(2);
});

test('a snapshot is plain JSON, and several may read it: only what is of a moment changes', async () => {
  const { metrics, ws } = await startComposed({ agents: [echoAgent] });
  const client = await TestSocket.open(ws);
  const session_id = await client.create();
  client.send({ type: 'chat_message', session_id, message_id: 'm', data: { content: 'x' } });
  await client.find(({ type, data }) => type === 'run_status' && data.status === 'complete');
  const { memory, event_loop_delay, ...totals } = metrics.snapshot();
  expect(JSON.parse(JSON.stringify(totals))).toEqual(totals);
  expect(metrics.snapshot()).toMatchObject(totals);
  expect(totals.gauges).toMatchObject({ connections: 1, sessions: 1, runs_running: 0 });
  expect(totals.agents.echo?.runs.complete).toBe(1);
  expect(Date.parse(totals.started_at)).toBeLessThanOrEqual(Date.now());
  expect(memory.rss).toBeGreaterThan(memory.heap_used);
  // The first reading begins it.
  expect(event_loop_delay).toEqual({ p50: 0, p99: 0, max: 0 });
  const delayedBy = (ms: number) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    return metrics.snapshot().event_loop_delay.max;
  };
  await expect.poll(() => delayedBy(200)).toBeGreaterThan(0.1);
  metrics.close();
});

test('how long the event loop was held up is told for 10 s at least, to all who ask', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const delay = new EventLoopDelay();
  onTestFinished(() => delay.close());
  expect(delay.read()).toEqual({ p50: 0, p99: 0, max: 0 });
  const longest = () => delay.read().max;
  await expect
    .poll(() => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
      return longest();
    })
    .toBeGreaterThan(0.1);
  for (const later of [1_100, 1_100, 7_700, 200]) {
    vi.advanceTimersByTime(later);
    expect(longest()).toBeGreaterThan(0.1);
  }
  vi.advanceTimersByTime(10_000);
  expect(longest()).toBeGreaterThan(0.1);
  expect(longest()).toBeLessThan(0.1);
});

/** Its buckets grow, and the last one has all. */
function expectHistogram(scraped: Scraped, name: string, labels: string): void {
  const buckets = scraped.named(`${name}_bucket`).filter((series) => series.includes(labels));
  const counts = buckets.map((series) => scraped.of(series));
  expect(buckets.length).toBeGreaterThan(10);
  expect(counts).toEqual(counts.toSorted((one, other) => one - other));
  expect(buckets.at(-1)).toContain('le="+Inf"');
  const count = labels === '' ? '' : `{${labels.slice(0, -1)}}`;
  expect(counts.at(-1)).toBe(scraped.of(`${name}_count${count}`));
}
