/** The network of the other tests does what it says, so that what they find is worth something. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { BLACK_HOLE, type Link, startProxy, type TcpProxy } from '../helpers/proxy.ts';

/** What one end has heard. */
interface End {
  readonly socket: Socket;
  readonly pieces: string[];
  readonly text: string;
  error: string | undefined;
}

function listen(socket: Socket): End {
  const pieces: string[] = [];
  const end: End = {
    socket,
    pieces,
    get text() {
      return pieces.join('');
    },
    error: undefined,
  };
  socket.on('data', (bytes) => pieces.push(String(bytes)));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    end.error = error.code;
  });
  onTestFinished(() => void socket.destroy());
  return end;
}

/** Two ends of a connection through a proxy. */
async function connectThrough(): Promise<{
  proxy: TcpProxy;
  link: Link;
  client: End;
  server: End;
}> {
  const target = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(target, 'listening');
  onTestFinished(() => void target.close());
  const proxy = await startProxy((target.address() as AddressInfo).port);
  const accepted = once(target, 'connection');
  const client = listen(connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true }));
  const server = listen(((await accepted) as [Socket])[0]);
  return { proxy, link: proxy.links[0] as Link, client, server };
}

/** Whatever is going to be heard of what was said is heard: one of the other way would have come. */
async function settle(from: Socket, other: End): Promise<void> {
  const { length } = other.text;
  from.write('.');
  await expect.poll(() => other.text.length).toBe(length + 1);
}

test('latency, jitter and bandwidth take their time and keep the order', async () => {
  const { proxy, client, server } = await connectThrough();
  proxy.shape({ up: { latency: 80, jitter: 40 }, down: { bandwidth: 1_000 } });
  const began = performance.now();
  for (let n = 0; n < 10; n += 1) {
    client.socket.write(`${n}`);
    await new Promise(setImmediate);
  }
  await expect.poll(() => server.text).toBe('0123456789');
  expect(performance.now() - began).toBeGreaterThanOrEqual(79);
  const narrow = performance.now();
  server.socket.write('x'.repeat(200));
  await expect.poll(() => client.text.length).toBe(200);
  expect(performance.now() - narrow).toBeGreaterThanOrEqual(149);
});

test('slices are single bytes', async () => {
  const { proxy, client, server } = await connectThrough();
  proxy.shape({ up: { slice: 1 } });
  // As they are written: the far end may read several at once.
  const written = vi.spyOn(Socket.prototype, 'write');
  onTestFinished(() => written.mockRestore());
  client.socket.write('single bytes');
  await expect.poll(() => server.text).toBe('single bytes');
  expect(written.mock.calls.map(([bytes]) => String(bytes))).toEqual([
    'single bytes',
    ...'single bytes',
  ]);
});

test('one direction is blocked while the other goes on, and what was blocked arrives later', async () => {
  const { proxy, client, server } = await connectThrough();
  proxy.shape({ up: { blocked: true } });
  client.socket.write('late');
  await settle(server.socket, client);
  expect(server.text).toBe('');
  proxy.heal();
  await expect.poll(() => server.text).toBe('late');
});

test('a black hole hides an end until it is over', async () => {
  const { proxy, client, server } = await connectThrough();
  proxy.shape(BLACK_HOLE);
  client.socket.end('last words');
  expect(server.socket.readableEnded).toBe(false);
  proxy.heal();
  await once(server.socket, 'end');
  expect(server.text).toBe('last words');
});

test('a reset is one for both ends', async () => {
  const { proxy, link, client, server } = await connectThrough();
  link.reset();
  await expect.poll(() => [client.error, server.error]).toEqual(['ECONNRESET', 'ECONNRESET']);
  await expect.poll(() => proxy.links).toEqual([]);
});

test('a half-close ends one direction, and the other goes on', async () => {
  const { link, client, server } = await connectThrough();
  link.halfClose('down');
  await once(client.socket, 'end');
  client.socket.write('still here');
  await expect.poll(() => server.text).toBe('still here');
});

test('a connection that was forgotten stays silent in a network that is good, and others do not', async () => {
  const { proxy, link, client, server } = await connectThrough();
  link.forget();
  client.socket.write('lost');
  server.socket.write('lost');
  proxy.heal();
  const other = listen(connect(proxy.port, '127.0.0.1'));
  await once(other.socket, 'connect');
  client.socket.destroy();
  await expect.poll(() => proxy.links.length).toBe(2);
  expect([client.text, server.text, server.socket.readableEnded]).toEqual(['', '', false]);
});
