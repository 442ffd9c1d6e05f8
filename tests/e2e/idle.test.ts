import { fork } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { TestSocket } from '../helpers/socket.ts';

const SERVER = new URL('./fixtures/idle-server.ts', import.meta.url);
/** They take what is there once, such as code and the first sizes of tables. */
const FIRST = 50;
const MORE = 250;
/** With what compression keeps, which this client asks for. */
const MOST_BYTES = 8_000;

test('[R8] an idle connection that is in a session of its own takes less than 8 kB of heap', async () => {
  const server = fork(SERVER, { execArgv: ['--expose-gc'] });
  onTestFinished(() => void server.kill());
  const [url] = (await once(server, 'message')) as [string];
  async function heapInUse(): Promise<number> {
    server.send('heap');
    const [bytes] = (await once(server, 'message')) as [number];
    return bytes;
  }
  const open = (count: number) =>
    Promise.all(
      Array.from({ length: count }, async () => {
        const client = await TestSocket.open(`${url.replace('http', 'ws')}/ws`);
        await client.create();
        // The last thing that is said to somebody who does nothing.
        await client.next('presence');
      }),
    );
  await open(FIRST);
  const before = await heapInUse();
  await open(MORE);
  expect((await heapInUse()) - before).toBeLessThan(MORE * MOST_BYTES);
});
