/** How much one connection may send. */
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { InboundLimits } from '../../packages/gateway/src/connections/inbound/inbound-limits.ts';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { clientFrame, OPCODE, RawSocket } from '../helpers/raw.ts';
import { TestSocket } from '../helpers/socket.ts';

const agents = [echoAgent];
const refusals = (client: TestSocket) =>
  client.received.filter((message) => message.type === 'error');

describe('[R8] [R12] more than a connection may send', () => {
  test('is refused with when to send it again, is taken then, and costs the others nothing', async () => {
    // The clock of the buckets stands still: however long all of it takes, nothing flows in meanwhile.
    let at = performance.now();
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => at);
    onTestFinished(() => clock.mockRestore());
    const { ws } = await startGateway({ agents, messageRate: 10 });
    const [client, other] = [await TestSocket.open(ws), await TestSocket.open(ws)];
    await client.create();
    // Ten seconds of it may come at once; the first of them was the create.
    for (let sent = 2; sent <= 100; sent++) client.send({ type: 'ping' });
    client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'one' } });
    const { data, reply_to } = await client.next('error');
    expect(reply_to).toBe('m-1');
    expect(data).toMatchObject({ code: 'RATE_LIMITED', retryable: true, limit: 10 });
    expect(data.retry_after_ms).toBe(100);
    await other.ask('of the other one');
    at += 100;
    expect((await client.ask('one', { message_id: 'm-1' })).data.content).toContain('one');
  });

  test('bytes count too, and a message larger than all that may come at once is taken after a pause', async () => {
    const { ws } = await startGateway({ agents, byteRate: 1_000, messageRate: 0 });
    const client = await TestSocket.open(ws);
    expect((await client.ask('x'.repeat(20_000))).data.status).toBe('complete');
    client.send({ type: 'ping', message_id: 'too soon' });
    const { data } = await client.next('error');
    expect(data).toMatchObject({ code: 'RATE_LIMITED', limit: 1_000 });
    expect(data.retry_after_ms).toBeGreaterThan(5_000);
  });

  test('who goes on without a pause is cut with 4429, and may come back', async () => {
    const { ws } = await startGateway({ agents, messageRate: 1 });
    const client = await TestSocket.open(ws);
    for (let sent = 0; sent < 600; sent++) client.send({ type: 'ping' });
    expect((await client.closed).code).toBe(4429);
    // Told first: those on their way in with the last one are not answered any more.
    expect(refusals(client).length).toBeGreaterThan(0);
    await (await TestSocket.open(ws)).ask('back again');
  });

  test('pings of RFC 6455 count as messages', async () => {
    const { http } = await startGateway({ agents, messageRate: 1 });
    const raw = await RawSocket.open(Number(new URL(http).port));
    const pings = Buffer.concat(Array(20).fill(clientFrame(OPCODE.ping, Buffer.from('p'))));
    for (let sent = 20; sent <= 600; sent += 20) {
      raw.write(pings);
      await raw.until(({ frames, closeCode }) => frames.length >= sent || closeCode !== 1006);
    }
    expect(raw.closeCode).toBe(4429);
  });

  test('0 is no limit', async () => {
    const { ws } = await startGateway({ agents, messageRate: 0, byteRate: 0 });
    const client = await TestSocket.open(ws);
    for (let sent = 0; sent < 5_000; sent++) client.send({ type: 'ping' });
    await client.settled();
    expect(refusals(client)).toEqual([]);
  });
});

test('[R8] over any time a bucket gives what it may, within 1 %, and no more', () => {
  const steps = fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), steps, (rate, pauses) => {
      const limits = new InboundLimits({ messageRate: rate, byteRate: 0 }, 0);
      let [now, taken] = [0, 0];
      for (const pause of pauses) {
        now += pause;
        while (limits.take(0, now) === undefined) taken += 1;
      }
      const allowed = rate * 10 + (rate * now) / 1_000;
      expect(taken).toBeLessThanOrEqual(allowed + 1e-6);
      expect(taken).toBeGreaterThanOrEqual(Math.floor(allowed * 0.99) - 1);
    }),
  );
});
