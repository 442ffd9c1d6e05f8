import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGuarded } from '../auth/people.ts';
import { startGateway } from '../helpers/gateway.ts';

/** A TCP connection that says nothing. The kernel says `connect` before the gateway has it. */
async function open(http: string, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port: Number(new URL(http).port), host: '127.0.0.1', localAddress });
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/**
 * One after the other, so that the gateway has them in this order: of a thousand at once the kernel
 * leaves some waiting where its queue is short, and lets somebody who comes later go first.
 */
async function openCrowd(size: number, http: string, localAddress?: string): Promise<Socket[]> {
  const crowd: Socket[] = [];
  while (crowd.length < size) crowd.push(await open(http, localAddress));
  return crowd;
}

test('[R8] connections from one address are bounded in number, whatever they ask', async () => {
  const { http } = await startGuarded(['alice'], { maxConnectionsPerAddress: 1 });
  const crowd = await openCrowd(101, http, '127.0.0.2');
  await once(await open(http, '127.0.0.2'), 'close');
  expect(crowd.every(({ closed }) => !closed)).toBe(true);
  // Nobody else is short of anything.
  expect((await fetch(`${http}/api/health`)).status).toBe(200);
});

test('[R8] connections that ask nothing are bounded in number, and give their places back', async () => {
  const { http } = await startGateway({ agents: [echoAgent], maxConnections: 1 });
  const crowd = await openCrowd(1_001, http);
  const dropped = await open(http);
  await once(dropped, 'close');
  expect(crowd.every(({ closed }) => !closed)).toBe(true);
  for (const socket of crowd) socket.resetAndDestroy();
  await expect
    .poll(() =>
      fetch(`${http}/api/health`).then(
        ({ status }) => status,
        () => 0,
      ),
    )
    .toBe(200);
});
