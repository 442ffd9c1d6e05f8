import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { newToken } from '../../packages/gateway/src/auth/token-file.ts';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';

test('[R8] connections from one address are bounded in number, whatever they ask', async () => {
  const tokensFile = join(await temporaryDirectory(), 'tokens.txt');
  await writeFile(tokensFile, newToken('alice').line);
  const { http } = await startGateway({
    agents: [echoAgent],
    auth: 'token',
    tokensFile,
    maxConnectionsPerAddress: 1,
  });
  const port = Number(new URL(http).port);
  const open = async (localAddress: string) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    return socket;
  };
  const crowd = await Promise.all(Array.from({ length: 101 }, () => open('127.0.0.2')));
  await once(await open('127.0.0.2'), 'close');
  expect(crowd.every(({ closed }) => !closed)).toBe(true);
  // Nobody else is short of anything.
  expect((await fetch(`${http}/api/health`)).status).toBe(200);
});

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
