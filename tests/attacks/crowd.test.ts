import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';

test('[R8] connections that ask nothing are bounded in number, and give their places back', async () => {
  const { http } = await startGateway({ agents: [echoAgent], maxConnections: 1 });
  const port = Number(new URL(http).port);
  const open = async () => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    return socket;
  };
  const crowd = await Promise.all(Array.from({ length: 1_001 }, open));
  const dropped = await open();
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
