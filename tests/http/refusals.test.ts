import { expect, onTestFinished, test, vi } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { clientFrame, OPCODE, RawSocket } from '../helpers/raw.ts';
import { TestSocket } from '../helpers/socket.ts';

test('[R8] what is refused is counted by its code, and by no word of a client’s', async () => {
  const { http, ws } = await startGateway({ agents: [echoAgent], messageRate: 1 });
  const foreign = { headers: { Origin: 'https://evil.example' } };
  await expect(TestSocket.open(ws, foreign)).rejects.toThrow('403');
  await fetch(`${http}/api/sessions`, foreign);
  const broken: [bytes: Buffer, code: number][] = [
    [Buffer.from([0xc1, 0x80, 0, 0, 0, 0]), 1002],
    [clientFrame(OPCODE.text, Buffer.from([0xff])), 1007],
    [clientFrame(OPCODE.text, Buffer.alloc(1_048_577)), 1009],
  ];
  for (const [bytes, code] of broken) {
    const raw = await RawSocket.open(Number(new URL(http).port));
    raw.socket.write(bytes);
    await raw.closed;
    expect(raw.frames.at(-1)?.payload.readUInt16BE()).toBe(code);
  }
  // The clock of the buckets stands still: however long the frames take, none fills meanwhile.
  const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now());
  onTestFinished(() => clock.mockRestore());
  const client = await TestSocket.open(ws);
  for (let sent = 0; sent < 600; sent += 1) client.raw('{"type":"evil"}');
  expect((await client.closed).code).toBe(4429);
  const text = await (await fetch(`${http}/metrics`)).text();
  const counted = (name: string) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(name))
        ?.split(' ')
        .at(-1),
    );
  expect(counted('parley_refusals_total{what="upgrade",code="ORIGIN_NOT_ALLOWED"}')).toBe(1);
  expect(counted('parley_refusals_total{what="request",code="ORIGIN_NOT_ALLOWED"}')).toBe(1);
  expect(counted('parley_refusals_total{what="message",code="UNKNOWN_MESSAGE_TYPE"}')).toBe(10);
  expect(counted('parley_refusals_total{what="message",code="RATE_LIMITED"}')).toBeGreaterThan(400);
  for (const code of [1002, 1007, 1009, 4429]) {
    expect(counted(`parley_closes_total{code="${code}"}`)).toBe(1);
  }
  expect(text).not.toContain('evil');
});
