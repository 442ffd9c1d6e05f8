/** A load balancer as simple as can be: round robin over TCP, nothing sticky, and who refuses is left out. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Balancer {
  /** Where clients connect. */
  readonly port: number;
  /** Ends every connection with a reset. */
  cut(): void;
  close(): void;
}

/** Passes what connects to it on to one of the `ports` of this machine after the other. */
export async function startBalancer(ports: readonly number[]): Promise<Balancer> {
  const clients = new Set<Socket>();
  let turn = 0;

  function passOn(client: Socket, refused = 0): void {
    if (refused === ports.length) {
      client.resetAndDestroy();
      return;
    }
    turn += 1;
    const node = connect(ports[turn % ports.length] as number, '127.0.0.1');
    const next = () => passOn(client, refused + 1);
    node.once('error', next);
    node.once('connect', () => {
      node.off('error', next);
      join(client, node);
      join(node, client);
    });
  }

  const server = createServer({ pauseOnConnect: true }, (client) => {
    clients.add(client);
    client.on('close', () => clients.delete(client));
    client.on('error', () => {});
    passOn(client);
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 8_192 });
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      for (const client of clients) client.resetAndDestroy();
    },
    close() {
      for (const client of clients) client.destroy();
      server.close();
    },
  };
}

function join(from: Socket, to: Socket): void {
  from.setNoDelay();
  from.on('error', () => to.destroy());
  from.on('close', () => {
    // What came before the end is on its way still.
    if (from.readableEnded) to.end();
    else to.destroy();
  });
  from.pipe(to);
}
