import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A network between a client and a server that a test can take away. */
export interface Proxy {
  /** Where clients connect instead of to the server. */
  readonly port: number;
  /** From now on nothing gets through, either way, and nobody is told: a dead network. */
  hold(): void;
  /** What was held goes on, in order, and so does everything after it. */
  release(): void;
  /** Ends every connection with a reset. */
  cut(): void;
  /** How many connections clients have made. */
  readonly connections: number;
}

/** Listens on a free port and passes everything on to `target`; closed when the test ends. */
export async function startProxy(target: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let holding = false;
  let connections = 0;

  function track(socket: Socket, other: Socket): void {
    sockets.add(socket);
    socket.on('data', (bytes) => other.write(bytes));
    socket.on('end', () => other.end());
    socket.on('error', () => other.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      // While nothing gets through, neither does the news of an end.
      if (!holding) other.destroy();
    });
    if (holding) socket.pause();
  }

  const server = createServer({ pauseOnConnect: true }, (client) => {
    connections += 1;
    const upstream = connect(target, '127.0.0.1');
    track(client, upstream);
    track(upstream, client);
    if (!holding) client.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    hold() {
      holding = true;
      for (const socket of sockets) socket.pause();
    },
    release() {
      holding = false;
      for (const socket of sockets) socket.resume();
    },
    cut() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    get connections() {
      return connections;
    },
  };
}
